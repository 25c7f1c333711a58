"""``mean: {amount: [10, 50]}`` bounds the mean of a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vertebra.declare.bounds import Bounds
from vertebra.declare.rule_scope import RuleScope
from vertebra.declare.table_rule import TableCondition, TableRuleKind, bounded, numeric_type
from vertebra.quoting import spark_identifier


class Mean(TableRuleKind):
    """The mean of a column; NULLs are ignored."""

    name = "mean"
    position = 40
    summary = "The mean of a column is within bounds, or changes by no more than a share; NULLs are ignored."
    rule_type = dict[str, Bounds]
    example = {"dep_delay": {"min": 0, "max": 60, "change": "50 %"}}  # noqa: RUF012

    def conditions(self, value: Mapping[str, Bounds], scope: RuleScope) -> Iterator[tuple[str, TableCondition]]:
        """``avg(amount)``."""
        for column, bounds in value.items():
            numeric_type(scope, column)
            aggregate = f"avg(cast({spark_identifier(column)} as double))"
            yield scope.constraint_name(column, value), bounded(f"the mean of {column}", aggregate, column, bounds)


KIND = Mean()
