"""``distinct: {shop: [10, 12]}`` bounds the number of different values of a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vertebra.declare.bounds import Bounds
from vertebra.declare.rule_scope import RuleScope
from vertebra.declare.table_rule import TableCondition, TableRuleKind, bounded
from vertebra.quoting import spark_identifier


class Distinct(TableRuleKind):
    """The number of different values of a column; NULLs are ignored."""

    name = "distinct"
    position = 50
    summary = "The number of different values of a column is within bounds; NULLs are ignored."
    rule_type = dict[str, Bounds]
    example = {"origin": (3, 3)}  # noqa: RUF012

    def conditions(self, value: Mapping[str, Bounds], scope: RuleScope) -> Iterator[tuple[str, TableCondition]]:
        """``count(distinct shop)``."""
        for column, bounds in value.items():
            scope.check_columns([column])
            aggregate = f"cast(count(distinct {spark_identifier(column)}) as double)"
            figure = f"the number of different values of {column}"
            yield scope.constraint_name(column, value), bounded(figure, aggregate, column, bounds)


KIND = Distinct()
