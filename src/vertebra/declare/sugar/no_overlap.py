"""``no_overlap: {by: room, from: valid_from, to: valid_to}`` denies intervals that overlap."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from vertebra.declare.declaration import Declaration
from vertebra.declare.rule_scope import RuleScope, column_of, equal_in
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.declare.sequence import Columns, divided_by

_LAST = {"date": "date '9999-12-31'", "timestamp": "timestamp '9999-12-31 23:59:59.999999Z'"}


class Intervals(Declaration):
    """Intervals that begin at a column and end before another one; an end of NULL is open.

    Attributes:
        by: the columns whose values are divided, e.g. ``room``; without it all rows are.
        start: the column of the first value, ``from:``.
        end: the column of the value after the last one, ``to:``.
    """

    by: Columns = ()
    start: str = Field(alias="from")
    end: str = Field(alias="to")


class NoOverlap(Sugar):
    """Intervals of which no two have a value in common."""

    name = "no_overlap"
    position = 90
    summary = "No two intervals overlap; each ends before its second column, and never where that is NULL."
    rule_type = Intervals
    example = {"by": "tailnum", "from": "dep_time", "to": "arr_time"}  # noqa: RUF012

    def compile(self, value: Intervals, scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``t.room = s.room and t.valid_from <= s.valid_from and s.valid_from < t.valid_to``."""
        by = divided_by(value.by)
        scope.check_columns((*by, value.start, value.end))
        same = f"{equal_in(by)} and " if by else ""
        first, second = column_of("t", value.start), column_of("s", value.start)
        last = _LAST.get(scope.columns[value.end].strip().lower())
        end = column_of("t", value.end)
        end = f"coalesce({end}, {last})" if last else end
        yield scope.rule, scope.parse(f"{same}{first} <= {second} and {second} < {end}")


SUGAR = NoOverlap()
