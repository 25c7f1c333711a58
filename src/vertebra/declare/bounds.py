"""Bounds of a figure of a table: ``[1000, 5000]``, or ``{min: 1000, max: 5000, change: 20 %}``."""

from __future__ import annotations

from typing import Any, Final, Self

from pydantic import model_validator

from vertebra.declare.declaration import Declaration
from vertebra.declare.quantity import Percentage, parse_percentage

_ENDS: Final = 2


class Bounds(Declaration):
    """What a figure of a table may be.

    Attributes:
        min: the least value.
        max: the greatest value.
        change: how much it may differ from the figure of the table before, e.g. ``20 %``, up or down.
    """

    min: float | None = None
    max: float | None = None
    change: Percentage | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            if len(value) != _ENDS:
                raise ValueError("bounds are a least and a greatest value; write e.g. [0, 5000], or [0, null]")
            return {"min": value[0], "max": value[1]}
        return value

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.min is None and self.max is None and self.change is None:
            raise ValueError("nothing is bounded; write min, max or change, e.g. {min: 1000, change: 20 %}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"no value is at least {number(self.min)} and at most {number(self.max)}; exchange them")
        return self

    @property
    def percentage(self) -> float | None:
        """``change`` as a number."""
        return None if self.change is None else parse_percentage(self.change)


def number(value: float) -> str:
    """A number for people: ``1,000``, ``0.25``."""
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e15 else f"{value:,}"
