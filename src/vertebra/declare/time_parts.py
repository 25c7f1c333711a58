"""``source:`` of a date or timestamp whose text is in several cells: date and time, or year, month, day and hour.

The cells are joined to one text, which is then cast like any other: ``2024-03-31 07:00`` of a date and a time,
``2024-3-31 7`` of year, month, day and hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from pydantic import Field

from vertebra.declare.declaration import Declaration
from vertebra.declare.origin import Origin

Part = Literal["date", "time", "year", "month", "day", "hour", "minute", "second"]

PARTS: Final[tuple[Part, ...]] = ("date", "year", "month", "day", "time", "hour", "minute", "second")
"""In the order of the joined text."""

BEFORE: Final[Mapping[str, str]] = {"month": "-", "day": "-", "time": " ", "hour": " ", "minute": ":", "second": ":"}
"""What stands before a part in the joined text."""

_LETTERS: Final[Mapping[str, str]] = {
    "date": "yyyy-MM-dd", "year": "yyyy", "month": "-M", "day": "-d", "hour": " H", "minute": ":m", "second": ":s",
}  # fmt: skip
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "month": ("year",), "day": ("month",), "time": ("date", "day"), "hour": ("date", "day"), "minute": ("hour",),
    "second": ("minute",),
}  # fmt: skip
_EITHER: Final = (("date", "year"), ("time", "hour"))
_EXAMPLES: Final = "{date: Date, time: Time} or {year: Year, month: Month, day: Day, hour: Hour}"


class PartOrigin(Declaration):
    """A part of a date or time that is not in the records.

    Attributes:
        from: where it is, as for a column: ``{file: "day-(?<date>.+).csv"}``.
    """

    origin: Origin = Field(alias="from")


PartSource = str | tuple[str, ...] | PartOrigin
"""The cell of a part: its name, several names if it was renamed over time, or where it is outside of the records."""


def check_parts(parts: Mapping[Part, PartSource], kind: str) -> None:
    """Check that the cells make a date or a time.

    Args:
        kind: the column's type.

    Raises:
        ValueError: they do not.
    """
    if kind not in ("date", "timestamp"):
        raise ValueError(f"a value of several cells is a date or timestamp, and the type is {kind}")
    for one, other in _EITHER:
        if one in parts and other in parts:
            raise ValueError(f"{one} and {other} are two ways to say the same; write {_EXAMPLES}")
    if not parts.keys() & {"date", "year"}:
        raise ValueError(f"the cells have no date; write {_EXAMPLES}")
    for part, needed in _NEEDS.items():
        if part in parts and not parts.keys() & set(needed):
            raise ValueError(f"there is {part} without {' or '.join(needed)}; write {_EXAMPLES}")
    clock = parts.keys() & {"time", "hour"}
    if kind == "date" and clock:
        raise ValueError(f"a date has no {clock.pop()}; declare type: timestamp, or leave it out")
    empty = [part for part, source in parts.items() if not source or (isinstance(source, tuple) and "" in source)]
    if empty:
        raise ValueError(f"{empty[0]} is the name of a column in the payload")


def ordered(parts: Iterable[str]) -> list[Part]:
    """The parts in the order of the joined text."""
    given = set(parts)
    return [part for part in PARTS if part in given]


def default_format(parts: Iterable[str]) -> str | None:
    """How the joined text is written unless a format is declared; None for ISO 8601."""
    given = ordered(parts)
    if "time" in given or given == ["date"]:
        return None
    return "".join(_LETTERS[part] for part in given)


def names_of(source: PartSource) -> tuple[str, ...]:
    """The names in the payload of a part that is in the records."""
    if isinstance(source, PartOrigin):
        return ()
    return (source,) if isinstance(source, str) else source
