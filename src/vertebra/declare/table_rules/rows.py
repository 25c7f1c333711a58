"""``rows: {min: 1000, change: 20 %}`` bounds the number of rows."""

from __future__ import annotations

from collections.abc import Iterator

from vertebra.declare.bounds import Bounds
from vertebra.declare.rule_scope import RuleScope
from vertebra.declare.table_rule import TableCondition, TableRuleKind


class Rows(TableRuleKind):
    """The number of rows."""

    name = "rows"
    position = 10
    summary = "The number of rows is within bounds, or changes by no more than a share."
    rule_type = Bounds
    example = {"min": 300000, "change": "20 %"}  # noqa: RUF012

    def conditions(self, value: Bounds, scope: RuleScope) -> Iterator[tuple[str, TableCondition]]:
        """``count(*)``."""
        yield (
            scope.rule,
            TableCondition(
                "the number of rows", "cast(count(1) as double)", (), value.min, value.max, value.percentage
            ),
        )


KIND = Rows()
