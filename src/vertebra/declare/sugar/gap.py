"""``gap: {by: device, order: read_at, at_most: 1 hour}`` denies times between rows that are longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from vertebra.declare.quantity import Duration, parse_duration
from vertebra.declare.rule_scope import RuleScope, column_of
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.declare.sequence import Sequence, time_column
from vertebra.errors import DeclarationError


class Gap(Sequence):
    """The time from a row to the next one.

    Attributes:
        order: the timestamp or date.
        at_most: the longest time, e.g. ``1 hour``; whole days for dates.
    """

    at_most: Duration


class LongestGap(Sugar):
    """Times that are not too far apart."""

    name = "gap"
    position = 80
    summary = "The next row of a sequence is not later than a duration."
    rule_type = Gap
    example = {"by": "tailnum", "order": "time_hour", "at_most": "90 days"}  # noqa: RUF012

    def compile(self, value: Gap, scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``next(t) s by device order by read_at: t.read_at + interval 3600 second < s.read_at``."""
        scope.check_columns(value.columns)
        column = time_column(scope, value.order)
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
        yield scope.rule, scope.parse(f"{value.following()} {last} < {after}")


SUGAR = LongestGap()
