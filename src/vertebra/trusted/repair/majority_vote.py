"""The majority vote in each group of tuples that violates a functional dependency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def majority_vote(
    frame: DataFrame, determinant: Sequence[str], dependent: str, conditions: Sequence[str]
) -> tuple[DataFrame, DataFrame]:
    """The tuples that a functional dependency applies to, and the majority value of each group that violates it.

    The groups are counted before they are joined, and each tuple joins at most one group, so that frequent values of
    the determinant cause no skew.

    Args:
        determinant: SQL expressions over the relation; tuples equal on them form a group.
        dependent: SQL expression; the tuples of a group should be equal on it.
        conditions: SQL; other tuples are ignored.

    Returns:
        The tuples ``_rid, k0…, value``, and the violating groups ``k0…, winner, support, share, tied``; the winner of a
        tied group is arbitrary.
    """
    from pyspark.sql import functions as F

    keys = [F.expr(f"({expression})").alias(f"k{i}") for i, expression in enumerate(determinant)]
    names = [f"k{i}" for i in range(len(keys))] or ["k0"]
    tuples = frame
    for condition in conditions:
        tuples = tuples.where(F.expr(condition))
    value = F.expr(f"({dependent})").alias("value")
    tuples = tuples.select(F.col("_rid"), *(keys or [F.lit(0).alias("k0")]), value)
    tuples = tuples.dropna(subset=[*names, "value"])
    counted = tuples.groupBy(*names, "value").agg(F.count(F.lit(1)).alias("n"))
    groups = (
        counted.groupBy(*names)
        .agg(
            F.count(F.lit(1)).alias("values"),
            F.sum("n").alias("total"),
            F.max(F.struct(F.col("n"), F.col("value"))).alias("largest"),
            F.min(F.struct((-F.col("n")).alias("n"), F.col("value"))).alias("smallest"),
        )
        .where(F.col("values") > 1)
    )
    # a tie if the largest and the smallest of the most frequent values differ
    verdicts = groups.select(
        *names,
        F.col("largest.value").alias("winner"),
        F.col("largest.n").alias("support"),
        (F.col("largest.n").cast("double") / F.col("total").cast("double")).alias("share"),
        (F.col("largest.value") != F.col("smallest.value")).alias("tied"),
    )
    return tuples, verdicts
