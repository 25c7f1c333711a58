"""``gap_free: {time: read_at, by: device, step: 1 hour}`` requires a row in every step of time."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import field_validator

from vertebra.declare.declaration import Declaration
from vertebra.declare.rule_scope import RuleScope, column_of
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.declare.sequence import Columns, Sequence, divided_by, time_column
from vertebra.declare.time_step import TimeStep, is_zone, misaligned, parse_step, shift_seconds
from vertebra.errors import DeclarationError

_MONDAY = "date '1970-01-05'"


class GapFree(Declaration):
    """Steps of time, each with at least one row, from the first to the last row of each series.

    Attributes:
        time: the timestamp or date; on a column it is that column.
        by: the columns that tell series apart, e.g. ``device``; without it the table is one series.
        step: ``15 minutes``, ``1 hour``, ``1 day``, ``1 month`` …, as in a view with ``series:``.
        zone: the time zone in which days begin; that of the column unless declared, else UTC.
    """

    time: str = ""
    by: Columns = ()
    step: str
    zone: str | None = None

    @field_validator("step")
    @classmethod
    def _known_step(cls, value: str) -> str:
        parse_step(value)
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and not is_zone(value):
            raise ValueError(f"{value!r} is not a time zone; use a name such as Europe/Madrid")
        return value


class EveryStep(Sugar):
    """A row in every step of time."""

    name = "gap_free"
    position = 85
    summary = "Every step of time has a row, from the first to the last one of each series; missing ones are counted."
    rule_type = GapFree
    column_type = GapFree
    example = {"time": "time_hour", "by": "origin", "step": "1 hour"}  # noqa: RUF012
    removable = False

    def compile(self, value: GapFree, scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``next(t) s by device order by read_at: <number of the step of t> + 1 < <that of s>``."""
        if not value.time:
            raise DeclarationError(
                f"{scope.label} names no time", cause="steps are counted in a timestamp or date",
                remedy="add `time: <column>`",
            )  # fmt: skip
        scope.check_columns((value.time, *divided_by(value.by)))
        column = time_column(scope, value.time)
        step = parse_step(value.step)
        date = scope.columns[column].strip().lower() == "date"
        zone = value.zone or ("UTC" if date else scope.zones.get(column, "UTC"))
        _check(scope, value, step, zone, date)
        first, second = (_number(step, column_of(one, column), zone, date) for one in ("t", "s"))
        yield scope.rule, scope.parse(f"{Sequence(by=value.by, order=column).following()} {first} + 1 < {second}")

    def rule_value(self, column: str, value: GapFree) -> GapFree:
        """The same with the column as its time."""
        return value if value.time else value.model_copy(update={"time": column})


def _check(scope: RuleScope, value: GapFree, step: TimeStep, zone: str, date: bool) -> None:
    if date and (value.zone is not None or not step.has_date):
        raise DeclarationError(
            f"{scope.label}: {value.time} is a date, which has no {'zone' if step.has_date else 'hours'}",
            remedy="remove `zone`" if step.has_date else "write a step of a day or longer, e.g. `step: 1 day`",
        )
    where = None if date else misaligned(step, zone)
    if where is not None:
        raise DeclarationError(
            f"{scope.label}: in {zone}, {where}, so that steps of {step} would overlap",
            remedy="use another step, or `zone: UTC`",
        )


def _number(step: TimeStep, time: str, zone: str, date: bool) -> str:
    """The number of the step that a time is in, as SQL: one more for each step."""
    if step.elapsed:
        shift = shift_seconds(step, zone) * 1_000_000
        moved = f"(unix_micros({time}) - {shift})" if shift else f"unix_micros({time})"
        return f"floor({moved} / {(step.seconds or 1) * 1_000_000})"
    local = time if date or zone == "UTC" else f"from_utc_timestamp({time}, '{zone}')"
    match step.unit:
        case "day":
            return f"datediff(cast({local} as date), {_MONDAY})"
        case "week":
            return f"floor(datediff(cast({local} as date), {_MONDAY}) / 7)"
        case "month":
            return f"(year({local}) * 12 + month({local}))"
        case "quarter":
            return f"(year({local}) * 4 + quarter({local}))"
        case "year":
            return f"year({local})"
    return f"floor(unix_micros({local}) / {(step.seconds or 1) * 1_000_000})"


SUGAR = EveryStep()
