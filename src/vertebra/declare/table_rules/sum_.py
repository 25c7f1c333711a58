"""``sum: {amount: [0, 100000]}`` bounds the sum of a column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from vertebra.declare.bounds import Bounds
from vertebra.declare.rule_scope import RuleScope
from vertebra.declare.table_rule import TableCondition, TableRuleKind, bounded, numeric_type
from vertebra.quoting import spark_identifier


class Sum(TableRuleKind):
    """The sum of a column; NULLs are ignored."""

    name = "sum"
    position = 30
    summary = "The sum of a column is within bounds, or changes by no more than a share; NULLs are ignored."
    rule_type = dict[str, Bounds]
    example = {"distance": {"min": 1}}  # noqa: RUF012

    def conditions(self, value: Mapping[str, Bounds], scope: RuleScope) -> Iterator[tuple[str, TableCondition]]:
        """``sum(amount)``; exact for integers and decimals, whose sums do not overflow."""
        for column, bounds in value.items():
            kind, name = numeric_type(scope, column), spark_identifier(column)
            decimal = re.fullmatch(r"decimal\(\d+,\s*(\d+)\)", kind)
            if decimal or kind in ("tinyint", "smallint", "int", "bigint"):
                name = f"cast({name} as decimal(38, {decimal[1] if decimal else 0}))"
            aggregate = f"cast(sum({name}) as double)"
            yield scope.constraint_name(column, value), bounded(f"the sum of {column}", aggregate, column, bounds)


KIND = Sum()
