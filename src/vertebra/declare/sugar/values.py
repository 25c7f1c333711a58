"""``values: {origin: [EWR, JFK, LGA]}`` denies any other value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vertebra.declare.rule_scope import RuleScope, column_of
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.errors import DeclarationError


class Values(Sugar):
    """Columns that have one of the listed values."""

    name = "values"
    position = 40
    summary = "Every value is one of these."
    rule_type = dict[str, tuple[Any, ...]]
    column_type = tuple[Any, ...]
    example = {"origin": ("EWR", "JFK", "LGA")}  # noqa: RUF012

    def compile(self, value: Mapping[str, tuple[Any, ...]], scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``t.origin not in ('EWR', 'JFK', 'LGA')``."""
        for column, allowed in value.items():
            scope.check_columns([column])
            if not allowed:
                raise DeclarationError(
                    f"{scope.label} allows no value of {column}",
                    remedy=f"list the allowed values, or remove {column} from the rule",
                )
            literals = ", ".join(scope.literal(column, one) for one in allowed)
            text = f"{column_of('t', column)} not in ({literals})"
            yield scope.constraint_name(column, value), scope.parse(text)


SUGAR = Values()
