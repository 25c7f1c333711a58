"""``series:`` of a view: records at any time become one row for each series and step of time.

The view is declared in ``views/<name>.yaml``; :mod:`vertebra.declare.series_sql` writes the query that computes it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from vertebra.declare.declaration import Declaration, Name
from vertebra.declare.quantity import Duration, parse_duration
from vertebra.declare.time_step import TimeStep, is_zone, misaligned, parse_step

Figure = Literal["difference", "sum", "mean", "min", "max", "first", "last", "count"]
"""What a column of a series has for each step."""

FIGURES: Final[tuple[Figure, ...]] = ("difference", "sum", "mean", "min", "max", "first", "last", "count")
ORDERED: Final[frozenset[Figure]] = frozenset({"difference", "first", "last"})
"""Figures that depend on the order of the records in time."""
NUMERIC: Final[frozenset[Figure]] = frozenset({"difference", "sum", "mean"})
"""Figures of numbers only."""


class SeriesColumn(Declaration):
    """One column of a series: a figure of the records in each step.

    Attributes:
        difference: a counter's column: what it counted during the step. Between two readings the counter is taken to
            rise evenly, so that readings need not lie on the edges of steps.
        sum, mean, min, max, first, last: a column whose values in the step are summed, and so on; NULL if there are
            none.
        count: a column whose values in the step are counted; 0 if there are none.
        modulo: where a counter begins at 0 again: a number, or the column that has it in each record.
        at_most: the most that a counter can count from one reading to the next; more is taken as an error.
        reset: what a counter shows that fell and did not roll over: ``unknown``, so that nothing is known of the steps
            until its next reading, or ``zero``, if it was replaced by one that began at 0.
        fill: how a step without values gets one: ``linear``, between the steps before and after; ``last``, the value
            before; ``zero``.
        up_to: how far apart two readings of a counter, or two steps with values, may be so that what lies between them
            is filled. For a difference the length of a step, unless declared.
    """

    difference: Name | None = None
    sum: Name | None = None
    mean: Name | None = None
    min: Name | None = None
    max: Name | None = None
    first: Name | None = None
    last: Name | None = None
    count: Name | None = None
    modulo: float | Name | None = None
    at_most: float | None = Field(default=None, gt=0)
    reset: Literal["unknown", "zero"] = "unknown"
    fill: Literal["linear", "last", "zero"] | None = None
    up_to: Duration | None = None

    @field_validator("modulo")
    @classmethod
    def _positive(cls, value: float | str | None) -> float | str | None:
        if isinstance(value, float) and value <= 0:
            raise ValueError("modulo is the number at which the counter begins at 0 again, e.g. 10000")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = [name for name in FIGURES if getattr(self, name) is not None]
        if len(given) != 1:
            what = f"not {' and '.join(given)}" if given else "none is declared"
            raise ValueError(f"a column has one of {', '.join(FIGURES)}; {what}")
        if self.figure == "difference":
            if self.fill is not None:
                raise ValueError("a difference is filled between readings up to `up_to`; remove fill")
            return self
        for key in ("modulo", "at_most"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key} is about a counter; write it with difference")
        if self.reset != "unknown":
            raise ValueError("reset is about a counter; write it with difference")
        if self.fill is not None and self.figure == "count":
            raise ValueError("a count is 0 where there is nothing to count; remove fill")
        if self.fill in ("linear", "last") and self.up_to is None:
            raise ValueError(f"fill: {self.fill} needs up_to, the longest time it bridges, e.g. up_to: 6 hours")
        if self.up_to is not None and self.fill not in ("linear", "last"):
            raise ValueError("up_to says how far fill: linear or last, or a difference, may bridge")
        return self

    @property
    def figure(self) -> Figure:
        """Which figure it is."""
        return next(name for name in FIGURES if getattr(self, name) is not None)

    @property
    def column(self) -> str:
        """The column that the figure is of."""
        return str(getattr(self, self.figure))

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it reads."""
        return (self.column, self.modulo) if isinstance(self.modulo, str) else (self.column,)

    @property
    def flagged(self) -> bool:
        """Whether a column ``<name>_filled`` says which values were filled."""
        return self.figure == "difference" or self.fill is not None

    @property
    def reach(self) -> timedelta | None:
        """``up_to`` as a duration."""
        return None if self.up_to is None else parse_duration(self.up_to)


class ZoneColumn(Declaration):
    """A time zone that differs by series.

    Attributes:
        column: the column with its name, one of ``by``.
    """

    column: Name


class Series(Declaration):
    """Records at any time as one row for each series and step of time, without gaps.

    The view has the columns of ``by``, then ``begins`` and ``ends``, the instants between which the step lies, for
    steps of a day or longer the local date of its first day (``day``, ``week``, ``month``, ``quarter`` or ``year``),
    then the declared columns. It has every step from the first to the last record of each series.

    Attributes:
        source: the table that has the records, written ``from:``, e.g. ``trusted.readings``.
        by: the columns that tell the series apart; none if the table is one series.
        time: the column with the time of a record, a timestamp or date.
        step: ``15 minutes``, ``1 hour``, ``1 day``, ``1 week``, ``1 month`` …: whole parts of an hour, whole hours that
            divide a day, or one of the longer units.
        zone: the time zone in which days begin, e.g. ``Europe/Madrid``, or the column of ``by`` that has it,
            ``{column: zone}``. UTC unless declared.
        columns: the figures of each step.
    """

    source: str = Field(alias="from", pattern=r"^(trusted|exploitation)\.[a-z][a-z0-9_]*$")
    by: tuple[Name, ...] = ()
    time: Name
    step: str
    zone: str | ZoneColumn = "UTC"
    columns: dict[Name, SeriesColumn] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _one_column(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("by"), str):
            return value | {"by": (value["by"],)}
        return value

    @field_validator("step")
    @classmethod
    def _known_step(cls, value: str) -> str:
        parse_step(value)
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | ZoneColumn) -> str | ZoneColumn:
        if isinstance(value, str) and not is_zone(value):
            raise ValueError(f"{value!r} is not a time zone; use a name such as Europe/Madrid")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        reserved = {"begins", "ends", *([self.every.unit] if self.every.has_date else [])}
        flags = {f"{name}_filled" for name, column in self.columns.items() if column.flagged}
        for kind, names in (("the time of steps", reserved), ("filled values", flags)):
            taken = sorted(names & {*self.by, *self.columns})
            if taken:
                raise ValueError(f"the column {taken[0]} is for {kind}; choose another name")
        twice = sorted({*self.by} & {*self.columns})
        if twice:
            raise ValueError(f"{twice[0]} is in by and in columns; choose another name for the column")
        if len(set(self.by)) < len(self.by) or self.time in self.by:
            raise ValueError("by has the columns that tell series apart, each once, without the time")
        if isinstance(self.zone, ZoneColumn):
            if self.zone.column not in self.by:
                raise ValueError(f"each series has one zone; add {self.zone.column} to by")
            return self
        where = misaligned(self.every, self.zone)
        if where is not None:
            raise ValueError(
                f"in {self.zone}, {where}, so that steps of {self.step} would overlap; use another step, or zone: UTC"
            )
        return self

    @property
    def every(self) -> TimeStep:
        """``step`` as a value."""
        return parse_step(self.step)

    @property
    def columns_read(self) -> dict[tuple[str | int, ...], str]:
        """The columns of the source that it reads, by the path that names each."""
        found: dict[tuple[str | int, ...], str] = {("by", number): name for number, name in enumerate(self.by)}
        found["time",] = self.time
        for name, column in self.columns.items():
            found["columns", name, column.figure] = column.column
            if isinstance(column.modulo, str):
                found["columns", name, "modulo"] = column.modulo
        return found

    @property
    def known_types(self) -> dict[str, str]:
        """The types of the columns of the view that do not depend on the table."""
        found = {"begins": "timestamp", "ends": "timestamp"}
        if self.every.has_date:
            found[self.every.unit] = "date"
        for name, column in self.columns.items():
            if column.figure in ("difference", "count"):
                found[name] = "double" if column.figure == "difference" else "bigint"
            if column.flagged:
                found[f"{name}_filled"] = "boolean"
        return found

    @property
    def outputs(self) -> tuple[str, ...]:
        """The columns of the view, in order."""
        date = (self.every.unit,) if self.every.has_date else ()
        filled = {name: (name, f"{name}_filled") if one.flagged else (name,) for name, one in self.columns.items()}
        return (*self.by, "begins", "ends", *date, *(name for names in filled.values() for name in names))
