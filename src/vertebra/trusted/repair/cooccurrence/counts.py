"""How often values stand together, for all pairs of columns in one table.

Values are identified by 64-bit hashes, which both engines compute alike, so that one narrow table holds the counts of
all pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.quoting import spark_identifier
from vertebra.trusted.repair.cooccurrence.evidence import Evidence, targets_of

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine

_BATCH: Final = 60_000_000
"""Pairs of cells that one query counts, at most, unless the table has more rows."""
CANDIDATES: Final = 3
"""Candidates that each value of a column of evidence gives."""


@dataclass(frozen=True)
class Counts:
    """What was counted.

    Attributes:
        pairs: ``number, given, value, n``: the rows with two values, as hashes, for each direction of each pair;
            ``value`` is NULL for the rows that have none.
        tops: ``number, given, value, n, next, total, empty, rank``: the most frequent values with each given one, how
            often the next value occurs with it (NULL if there is none), and the rows with the given one that have a
            value, and that have none.
        values: ``target, value, text, n, known, single``: the values of the targets and how often they occur; the rows
            with any value, and those with a value that no other row has.
    """

    pairs: DataFrame
    tops: DataFrame
    values: DataFrame


def count_pairs(frame: DataFrame, evidence: Sequence[Evidence], engine: Engine, folder: Path, rows: int) -> Counts:
    """Count the values of pairs of columns.

    Args:
        frame: ``_rid`` and the columns, as text.
        rows: of the frame.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    by_pair = {one.pair: one for one in evidence}
    size = max(1, _BATCH // max(rows, 1))
    listed = list(by_pair.values())
    parts = [_pair_counts(frame, listed[at : at + size]) for at in range(0, len(listed), size)]
    kept = [engine.materialise(part, folder / f"pairs-{number}") for number, part in enumerate(parts)]
    pairs = reduce(lambda left, right: left.unionByName(right), kept)
    group = Window.partitionBy("number", "given")
    order = group.orderBy(F.col("value").isNull(), F.col("n").desc(), F.col("value"))
    ranked = pairs.select(
        "*",
        F.row_number().over(order).alias("rank"),
        F.lead(F.when(F.col("value").isNotNull(), F.col("n"))).over(order).alias("next"),
        F.sum(F.when(F.col("value").isNotNull(), F.col("n")).otherwise(0)).over(group).alias("total"),
        F.sum(F.when(F.col("value").isNull(), F.col("n")).otherwise(0)).over(group).alias("empty"),
    )
    tops = ranked.where((F.col("rank") <= CANDIDATES) & F.col("value").isNotNull())
    tops = engine.materialise(tops, folder / "tops")
    values = count_values(frame, targets_of(evidence))
    return Counts(pairs, tops, engine.materialise(values, folder / "values"))


def count_values(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    """``target, value, text, n, known, single, different``: the values of some columns, as in :class:`Counts`.

    ``target`` is the position in ``columns``, ``different`` the number of different values of the column.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    cells = [
        F.struct(F.lit(number).alias("target"), hashed(name).alias("value"), column(name).alias("text"))
        for number, name in enumerate(columns)
    ]
    values = (
        frame.select(F.explode(F.array(*cells)).alias("cell"))
        .select("cell.*")
        .where(F.col("text").isNotNull())
        .groupBy("target", "value")
        .agg(F.min("text").alias("text"), F.count(F.lit(1)).alias("n"))
    )
    whole = Window.partitionBy("target")
    return values.select(
        "*",
        F.sum("n").over(whole).alias("known"),
        F.sum(F.when(F.col("n") == 1, 1).otherwise(0)).over(whole).alias("single"),
        F.count(F.lit(1)).over(whole).alias("different"),
    )


def _pair_counts(frame: DataFrame, evidence: Sequence[Evidence]) -> DataFrame:
    """Both directions of some pairs, from one pass over the rows."""
    from pyspark.sql import functions as F

    pairs = [
        F.struct(F.lit(one.number).alias("number"), known(one.given).alias("given"), known(one.target).alias("value"))
        for one in evidence
    ]
    cells = frame.select(F.explode(F.array(*pairs)).alias("pair")).select("pair.*")
    counted = cells.groupBy("number", "given", "value").agg(F.count(F.lit(1)).alias("n"))
    same = F.struct("number", "given", "value")
    other = F.struct(
        F.col("number").bitwiseXOR(F.lit(1)).alias("number"),
        F.col("value").alias("given"),
        F.col("given").alias("value"),
    )
    both = counted.select(F.explode(F.array(same, other)).alias("pair"), "n").select("pair.*", "n")
    return both.where(F.col("given").isNotNull())


def column(name: str) -> Column:
    """A column of the table."""
    from pyspark.sql import functions as F

    return F.col(spark_identifier(name))


def hashed(name: str) -> Column:
    """A value as a hash; NULL has one too."""
    from pyspark.sql import functions as F

    return F.xxhash64(column(name))


def known(name: str) -> Column:
    """A value as a hash, and NULL as NULL."""
    from pyspark.sql import functions as F

    return F.when(column(name).isNotNull(), hashed(name))
