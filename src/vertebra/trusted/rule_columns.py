"""Which columns a rule reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vertebra.denial import DenialConstraint

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.rules import NamedRule


def columns_of(rule: NamedRule, table: str) -> frozenset[str]:
    """The columns of a table that a rule reads."""
    constraint = rule.constraint
    if isinstance(constraint, DenialConstraint):
        relation = dict(zip(constraint.variables, constraint.relations, strict=True))
        operands = (operand for predicate in constraint.predicates for operand in predicate.operands)
        return frozenset(
            column for o in operands if o.variable and relation[o.variable] == table for column in o.columns
        )
    referenced = constraint.referenced if constraint.table == table else ()
    return frozenset((*constraint.columns, *referenced))


def rows_violating(stages: Mapping[str, DataFrame], rules: Sequence[NamedRule], table: str) -> dict[str, Counter[str]]:
    """For each column, the rows that violate a rule which reads it; in one engine job.

    Args:
        stages: ``rule, rid`` of the violations at each stage.
        rules: the rules of the table.
    """
    from functools import reduce

    from pyspark.sql import functions as F

    readers = [(rule.name, column) for rule in rules for column in sorted(columns_of(rule, table))]
    found: dict[str, Counter[str]] = {stage: Counter() for stage in stages}
    if not readers or not stages:
        return found
    reads: dict[str, list[str]] = {}
    for rule, column in readers:
        reads.setdefault(rule, []).append(column)
    # a map from rule to columns as an expression: a join would shuffle the violations
    columns = F.coalesce(*[F.when(F.col("rule") == rule, F.array(*map(F.lit, names))) for rule, names in reads.items()])
    frames = [
        frame.select("rid", F.explode(columns).alias("read"), F.lit(stage).alias("stage"))
        .groupBy("stage", "read")
        .agg(F.countDistinct("rid").alias("tuples"))
        for stage, frame in stages.items()
    ]
    for row in reduce(lambda first, second: first.unionByName(second), frames).collect():
        found[row["stage"]][row["read"]] = int(row["tuples"])
    return found
