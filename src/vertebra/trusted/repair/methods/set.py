"""Repair of a rule about one tuple, or of a reference, by the values that the rule declares with ``set``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.denial import DenialConstraint, Inclusion, classify, parse
from vertebra.errors import RuleError
from vertebra.quoting import spark_identifier
from vertebra.trusted.repair.port import RepairMethod

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule


class Set(RepairMethod):
    """Set columns of each violating tuple to declared values."""

    name = "set"
    option = "set"

    def columns(self, rule: NamedRule, dataset: Dataset) -> tuple[str, ...]:
        """The columns that ``set`` names."""
        return tuple(_expressions(rule, dataset))

    def propose(self, rule: NamedRule, dataset: Dataset, relation: DataFrame, violations: DataFrame) -> DataFrame:
        """The declared value for each named column of each violating tuple, with confidence 1."""
        from pyspark.sql import functions as F

        from vertebra.trusted.cells import as_text

        rows = (
            violations.select(F.col("rid").alias("_broken"))
            .distinct()
            .join(relation, F.col("_broken") == F.col("_rid"))
        )
        proposals = []
        for column, value in _expressions(rule, dataset).items():
            kind = dataset.columns[column].type
            new = f"CAST(NULL AS {kind})" if value is None else f"try_cast(({value}) AS {kind})"
            proposals.append(
                rows.select(
                    F.col("_rid").alias("rid"),
                    F.lit(column).alias("column_name"),
                    as_text(spark_identifier(column)).alias("old"),
                    as_text(new).alias("new"),
                    F.lit(1.0).alias("confidence"),
                    F.lit(None).cast("bigint").alias("support"),
                )
            )
        return reduce(lambda first, second: first.unionByName(second), proposals)


def _expressions(rule: NamedRule, dataset: Dataset) -> Mapping[str, str | None]:
    """The SQL expression of each column's new value; None for NULL."""
    if not isinstance(rule.constraint, Inclusion) and not classify(rule.constraint).single:
        has = "has `set`, which is" if rule.set else "has `repair_method: set`, which is"
        raise RuleError(
            f"rule {rule.name} of {dataset.name} {has} for rules about one tuple",
            cause="it is about two tuples, and `set` does not say which of them is wrong",
            remedy="remove `set`" if rule.set else "remove `repair_method`, or write `on_violation: quarantine`",
        )
    if not rule.set:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} does not say how to repair",
            cause="the repair method `set` gives columns the values that the rule declares",
            remedy="add e.g. `set: {column: null}` to the rule",
        )
    variable = rule.constraint.variables[0] if isinstance(rule.constraint, DenialConstraint) else "t"
    return {column: _expression(rule, dataset, variable, column, text) for column, text in rule.set.items()}


def _expression(rule: NamedRule, dataset: Dataset, variable: str, column: str, text: str | None) -> str | None:
    """The new value of a column, checked by the same grammar as the operands of a rule."""
    if text is None:
        return None
    types = {name: declared.type for name, declared in dataset.columns.items()}
    try:
        constraint = parse(f"{variable}.{spark_identifier(column)} = ({text})", dataset.name, types)
    except RuleError as error:
        raise RuleError(
            f"rule {rule.name} of {dataset.name}, set of {column}: {error.fact}",
            cause=error.cause,
            remedy=error.remedy,
        ) from None
    value = constraint.predicates[0].right
    if value is None or len(constraint.variables) > 1:
        raise RuleError(
            f"rule {rule.name} of {dataset.name}, set of {column}: {text} is not a value of the tuple {variable}",
            cause="the new value is computed from the row that is repaired",
            remedy=f"write columns as {variable}.{column}",
        )
    return value.sql


METHOD: Final = Set()
