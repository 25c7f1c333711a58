"""Repair by the values that a rule declares with ``set``: of its tuple, or of the one whose role it names."""

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

        if rule.role is not None:
            violations = violations.where(F.col("role") == F.lit(rule.role))
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
    two = not isinstance(rule.constraint, Inclusion) and not classify(rule.constraint).single
    if two and rule.role is None:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} does not say which tuple is repaired",
            cause="it is about two tuples, and `set` changes one of them",
            remedy=_with_role(rule),
        )
    if not rule.set:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} does not say how to repair",
            cause="the repair method `set` gives columns the values that the rule declares",
            remedy="add e.g. `set: {column: null}` to the rule",
        )
    variable = rule.constraint.variables[0] if isinstance(rule.constraint, DenialConstraint) else "t"
    variable = rule.role or variable
    return {column: _expression(rule, dataset, variable, column, text) for column, text in rule.set.items()}


def _with_role(rule: NamedRule) -> str:
    """How to name the tuple that is wrong."""
    if not isinstance(rule.constraint, DenialConstraint) or classify(rule.constraint).symmetric:
        return "remove `set`: the rule is the same with its tuples exchanged, so neither is the wrong one"
    column = next(iter(rule.set), "column")
    return f"write e.g. `set: {{{rule.constraint.variables[-1]}.{column}: null}}`"


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
