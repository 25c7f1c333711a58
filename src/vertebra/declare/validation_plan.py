"""How an analysis is validated: the folds of its training set, and its test set."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from vertebra.declare.declaration import Declaration
from vertebra.declare.quantity import parse_duration, parse_percentage

_CALENDAR: Final = re.compile(r"\s*(\d+)\s*(month|year)s?\s*", re.IGNORECASE)


class Folds(Declaration):
    """The folds of cross-validation: parts of the training set, each of whole groups of examples.

    Attributes:
        by: SQL expression: examples with the same value are in the same fold, and on the same side of the test set's
            beginning. By default, a forecast's is the time that the forecast is made at; other tasks' is the key.
        scheme: ``grouped``: groups are spread over the folds, and each fold is predicted from all others, later ones
            included. ``rolling``: folds follow each other in time, and each is predicted from earlier ones only, as in
            use; the first part is only trained on. ``blocked``: folds follow each other in time, and each is predicted
            from all others.
        count: the number of folds that are predicted.
        gap: how long before a fold (and after it, for ``blocked``) examples are left out of training, because their
            labels were not known yet, or overlap with those of the fold; e.g. ``1 day``.

    Example:
        >>> vertebra.Folds(by="day", scheme="rolling", count=5, gap="1 day").count
        5
    """

    by: str | None = None
    scheme: Literal["grouped", "rolling", "blocked"] = "grouped"
    count: int = Field(default=10, ge=2)
    gap: str | None = None

    @field_validator("gap")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        if text is not None:
            parse_duration(text)
        return text

    @model_validator(mode="after")
    def _consistent(self) -> Folds:
        if self.gap is not None and self.scheme == "grouped":
            raise ValueError("gap is for rolling and blocked folds; grouped ones are not in the order of time")
        return self

    @property
    def gap_micros(self) -> int:
        """The gap in microseconds."""
        return round(parse_duration(self.gap) / timedelta(microseconds=1)) if self.gap else 0


class TestSet(Declaration):
    """The test set: examples that no model is fitted on, and that are used once, after the choice.

    Exactly one of ``from``, ``last`` and ``group`` is declared.

    Attributes:
        from_: written ``from``: the first day of the test set, in the ``zone`` of the analysis.
        last: the last examples: a share such as ``20 %``, or a span before the latest example such as ``3 months``. It
            moves with the data, so that a later run trains on more. A group of ``folds.by`` that began before is
            trained on as a whole.
        per: with ``last``: SQL expression; the last examples of each of its values, e.g. of each ``device``.
        group: SQL condition: the examples that are tested, e.g. ``device in ('a', 'b')``.

    Example:
        >>> vertebra.TestSet.model_validate({"last": "20 %", "per": "device"}).per
        'device'
    """

    __test__ = False  # it is no class of tests

    from_: date | None = Field(default=None, alias="from")
    last: str | None = None
    per: str | None = None
    group: str | None = None

    @field_validator("last")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        if text is None or _CALENDAR.fullmatch(text):
            return text
        try:
            if "%" in text:
                if not 0 < parse_percentage(text) < 100:
                    raise ValueError
            elif parse_duration(text) < timedelta(seconds=1):
                raise ValueError
        except ValueError:
            raise ValueError(f"{text!r} is neither a share nor a span; write e.g. '20 %' or '3 months'") from None
        return text

    @model_validator(mode="after")
    def _consistent(self) -> TestSet:
        given = [name for name in ("from_", "last", "group") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("declare one of from, last and group")
        if self.per is not None and self.last is None:
            raise ValueError("per is for last")
        return self

    @property
    def share(self) -> float | None:
        """The share of examples that are tested; None if it is a span."""
        return parse_percentage(self.last) / 100 if self.last and "%" in self.last else None

    @property
    def interval(self) -> str:
        """The span of ``last`` as a SQL interval."""
        assert self.last is not None
        if found := _CALENDAR.fullmatch(self.last):
            return f"interval {found[1]} {found[2].lower()}"
        return f"interval {round(parse_duration(self.last).total_seconds())} second"

    def __str__(self) -> str:
        if self.from_ is not None:
            return f"from {self.from_}"
        if self.group is not None:
            return f"where {self.group}"
        return f"the last {self.last}" + (f" per {self.per}" if self.per else "")
