"""``gap: {by: device, time: read_at, at_most: 1 hour}`` denies times between rows that are longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from vertebra.declare.declaration import Declaration
from vertebra.declare.quantity import Duration, parse_duration
from vertebra.declare.rule_scope import RuleScope, column_of
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.declare.sequence import Columns, Sequence, divided_by, time_column
from vertebra.errors import DeclarationError


class Gap(Declaration):
    """The time from a row to the next one.

    Attributes:
        time: the timestamp or date.
        by: the columns that tell series apart, e.g. ``device``; without it the table is one series.
        at_most: the longest time, e.g. ``1 hour``; whole days for dates.
    """

    time: str
    by: Columns = ()
    at_most: Duration


class LongestGap(Sugar):
    """Times that are not too far apart."""

    name = "gap"
    position = 80
    summary = "The next row of a sequence is not later than a duration."
    rule_type = Gap
    example = {"time": "time_hour", "by": "tailnum", "at_most": "90 days"}  # noqa: RUF012

    def compile(self, value: Gap, scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``next(t) s by device order by read_at: t.read_at + interval 3600 second < s.read_at``."""
        scope.check_columns((value.time, *divided_by(value.by)))
        column = time_column(scope, value.time)
        longest = parse_duration(value.at_most)
        before, after = column_of("t", column), column_of("s", column)
        if scope.columns[column].strip().lower() == "date":
            if longest % timedelta(days=1):
                raise DeclarationError(
                    f"{scope.label}: {column} is a date, and {value.at_most} are no whole days",
                    remedy="write e.g. `at_most: 1 day`",
                )
            last = f"date_add({before}, {longest.days})"
        else:
            last = f"{before} + interval {longest // timedelta(seconds=1)} second"
        yield scope.rule, scope.parse(f"{Sequence(by=value.by, order=column).following()} {last} < {after}")


SUGAR = LongestGap()
