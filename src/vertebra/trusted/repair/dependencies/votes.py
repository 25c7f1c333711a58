"""Votes: which value of each dependent the tuples of a group support.

Cells are rows ``determinant, key, _rid, place, value, weight``: the group of a tuple, one of its dependents by its
place among the rules of the determinant, and what its vote weighs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_GROUP: Final = ("determinant", "key", "place")


def verdicts(cells: DataFrame) -> DataFrame:
    """What each group supports: ``determinant, key, place, winner, second, won, support, rival, voters, tied``.

    ``won`` and ``rival`` are the weights of the first value, ``winner``, and of the second one; ``support`` and
    ``voters`` are numbers of tuples. Empty cells, and those of weight 0, do not count.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    votes = cells.where(F.col("value").isNotNull() & (F.col("weight") > 0))
    votes = votes.groupBy(*_GROUP, "value").agg(F.sum("weight").alias("weight"), F.count(F.lit(1)).alias("n"))
    order = Window.partitionBy(*_GROUP).orderBy(F.col("weight").desc(), F.col("value"))
    ranked = votes.withColumn("rank", F.row_number().over(order))
    first, second = F.col("rank") == 1, F.col("rank") == 2
    counted = ranked.groupBy(*_GROUP).agg(
        F.max(F.when(first, F.col("value"))).alias("winner"),
        F.max(F.when(second, F.col("value"))).alias("second"),
        F.max(F.when(first, F.col("weight"))).alias("won"),
        F.max(F.when(first, F.col("n"))).alias("support"),
        F.coalesce(F.max(F.when(second, F.col("weight"))), F.lit(0).cast("bigint")).alias("rival"),
        F.sum("n").alias("voters"),
    )
    return counted.withColumn("tied", F.col("won") == F.col("rival"))
