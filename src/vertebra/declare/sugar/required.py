"""``required: tailnum`` denies NULL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vertebra.declare.declaration import Flag
from vertebra.declare.rule_scope import RuleScope, column_names, column_of
from vertebra.declare.rule_sugar import Constraint, Sugar


class Required(Sugar):
    """Columns that are never NULL; one constraint each."""

    name = "required"
    position = 10
    summary = "No value is NULL."
    rule_type = str | tuple[str, ...]
    column_type = Flag
    column_default = False
    example = "tailnum"

    def compile(self, value: str | tuple[str, ...], scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``t.tailnum is null``."""
        columns = column_names(value)
        for column in columns:
            scope.check_columns([column])
            yield scope.constraint_name(column, columns), scope.parse(f"{column_of('t', column)} is null")

    def rule_value(self, column: str, value: Any) -> tuple[str, ...]:
        """The column itself."""
        del value
        return (column,)


SUGAR = Required()
