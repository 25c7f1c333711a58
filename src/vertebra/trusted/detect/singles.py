"""Rules that look at one tuple alone, and references: one scan, and one anti-join each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vertebra.denial import DenialConstraint, Inclusion, classify
from vertebra.trusted.detect.roles import ROW_ID, Expressions, all_of, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from vertebra.declare.rules import NamedRule


def single_violations(frame: DataFrame, rules: Sequence[tuple[NamedRule, DenialConstraint]]) -> DataFrame:
    """The violations of all one-tuple rules of a table, in one scan.

    Returns:
        ``rule, rid, role, partner, grp``; partner and group are NULL.
    """
    from pyspark.sql import functions as F

    conditions: list[Column] = []
    for _, constraint in rules:
        conditions.append(all_of([F.expr(sql) for sql in classify(constraint).conditions[0]]))
    broken = [
        F.when(condition, F.struct(F.lit(rule.name).alias("rule"), F.lit(constraint.variables[0]).alias("role")))
        for condition, (rule, constraint) in zip(conditions, rules, strict=True)
    ]
    any_broken = conditions[0]
    for condition in conditions[1:]:
        any_broken = any_broken | condition
    return (
        frame.where(any_broken)
        .select(F.col(ROW_ID).alias("rid"), F.explode(F.array(*broken)).alias("broken"))
        .where(F.col("broken").isNotNull())
        .select(
            F.col("broken.rule").alias("rule"),
            F.col("rid"),
            F.col("broken.role").alias("role"),
            F.lit(None).cast("bigint").alias("partner"),
            F.lit(None).cast("string").alias("grp"),
        )
    )


def dangling(rule: Inclusion, frame: DataFrame, referenced: DataFrame, expressions: Expressions) -> DataFrame:
    """The tuples whose reference leads nowhere: ``rid, grp``, the group being the value not found."""
    keys = [f"x{i}" for i in range(len(rule.columns))]
    known = referenced.select(
        *[
            expressions.comparable(rule.table, quoted(column)).alias(key)
            for key, column in zip(keys, rule.referenced, strict=True)
        ]
    ).distinct()
    rows = referring(rule, frame, expressions).withColumn("grp", group_text(keys))
    return rows.join(known, keys, "left_anti").select("rid", "grp")


def referring(rule: Inclusion, frame: DataFrame, expressions: Expressions) -> DataFrame:
    """The tuples that refer to something: ``x…, rid``."""
    from pyspark.sql import functions as F

    keys = [f"x{i}" for i in range(len(rule.columns))]
    rows = frame.select(
        *[
            expressions.comparable(rule.relation, quoted(column)).alias(key)
            for key, column in zip(keys, rule.columns, strict=True)
        ],
        F.col(ROW_ID).alias("rid"),
    )
    return rows.where(all_of([F.col(key).isNotNull() for key in keys]))


def group_text(keys: Sequence[str]) -> Column:
    """The group of a tuple as text, only to count groups."""
    from pyspark.sql import functions as F

    return F.concat_ws("\x01", F.lit(""), *[F.col(key).cast("string") for key in keys])
