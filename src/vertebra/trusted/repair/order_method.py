"""The repair method for rules about the order of tuples. The rules that name it are repaired after the dependencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.declare.table_methods import table_repair_of
from vertebra.trusted.repair.orders.order import Order, order_of
from vertebra.trusted.repair.port import RepairMethod

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule


class OrderMethod(RepairMethod):
    """Keep the longest chain of each group; see :mod:`vertebra.trusted.repair.orders`."""

    name = "longest_chain"

    def columns(self, rule: NamedRule, dataset: Dataset) -> tuple[str, ...]:
        """The column of the comparison that is written last."""
        return (order_of(rule, dataset).column,)

    def order(self, rule: NamedRule, dataset: Dataset) -> tuple[Order, float]:
        """The order that a rule requires, and the least confidence of a repair that is made."""
        whole = table_repair_of(dataset)
        least = rule.confidence if whole is None else max(rule.confidence, whole.precision)
        return order_of(rule, dataset), least

    def propose(self, rule: NamedRule, dataset: Dataset, relation: DataFrame, violations: DataFrame) -> DataFrame:  # noqa: ARG002
        """Not called: repairs depend on what people decided and what was repaired before."""
        raise AssertionError(f"{self.name} repairs the table of {dataset.name} as the dependencies leave it")
