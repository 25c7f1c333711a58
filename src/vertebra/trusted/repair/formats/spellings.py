"""Spellings of one text that differ in case and blanks only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_TIMES: Final = 3
_LEAST: Final = 2
_LETTERS: Final = 3


def folded(text: str) -> str:
    """What all spellings of a text have in common."""
    return re.sub(r"[\s_]+", " ", text).strip(" ").lower()


def usual_spellings(cells: DataFrame) -> DataFrame:
    """For each text that has a much more frequent spelling in its column, that spelling.

    Args:
        cells: ``column_name, old``.

    Returns:
        ``column_name, old, new, confidence, support``.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    counted = cells.groupBy("column_name", "old").agg(F.count(F.lit(1)).alias("n"))
    texts = counted.withColumn("folded", _folded(F.col("old")))
    same = Window.partitionBy("column_name", "folded")
    order = same.orderBy(F.col("n").desc(), F.col("old"))
    ranked = texts.where(F.length(F.regexp_replace("folded", "[^\\p{L}]", "")) >= _LETTERS).select(
        "*",
        F.first("old").over(order).alias("new"),
        F.first("n").over(order).alias("most"),
        F.sum("n").over(same).alias("total"),
    )
    usual = (F.col("most") >= _LEAST) & (F.col("most") >= _TIMES * F.col("n"))
    share = F.col("most").cast("double") / F.col("total").cast("double")
    return ranked.where((F.col("old") != F.col("new")) & usual).select(
        "column_name", "old", "new",
        F.least(0.75 + 0.22 * share, F.lit(0.97)).alias("confidence"), F.col("most").alias("support"),
    )  # fmt: skip


def _folded(text: Column) -> Column:
    from pyspark.sql import functions as F

    return F.lower(F.regexp_replace(F.regexp_replace(text, r"[\s_]+", " "), r"^ | $", ""))
