"""``unique: [carrier, flight]`` denies two tuples that are equal in all of these columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vertebra.declare.declaration import Flag
from vertebra.declare.rule_scope import RuleScope, column_names, equal_in
from vertebra.declare.rule_sugar import Constraint, Sugar


class Unique(Sugar):
    """Columns whose combined values do not repeat."""

    name = "unique"
    position = 20
    summary = "No two rows have the same values; rows with NULL are not compared."
    rule_type = str | tuple[str, ...]
    column_type = Flag
    column_default = False
    example = ("carrier", "time_hour")

    def compile(self, value: str | tuple[str, ...], scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``t.carrier = s.carrier and t.flight = s.flight``."""
        columns = column_names(value)
        scope.check_columns(columns)
        yield scope.rule, scope.parse(equal_in(columns))

    def rule_value(self, column: str, value: Any) -> tuple[str, ...]:
        """The column itself."""
        del value
        return (column,)


SUGAR = Unique()
