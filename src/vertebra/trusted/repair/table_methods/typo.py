"""Repair of slips: a rare value that is one slip away from a frequent value of its column.

A slip is a character left out, added or changed, or two exchanged; in longer texts proportionally more. Rare values may
be right: codes, numbers, dates, and names of people and places differ by one character too. So a column is looked at
only if its values repeat, and the confidence is low unless most rare values of it are close to frequent ones. Values
with other digits are never slips of each other, nor are plurals and negations, and a value that is close to several
frequent ones is left. The other columns have a say: where one of them determines this column, the frequent value has to
go with the rest of the row. Where nearly all rows with some value of another column seem to have slips, of several
values, they are written in another way, and have no slips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vertebra.quoting import spark_identifier
from vertebra.trusted.repair.cooccurrence.counts import count_pairs, count_values, known
from vertebra.trusted.repair.cooccurrence.evidence import Evidence, chosen_evidence
from vertebra.trusted.repair.cooccurrence.weights import pair_weights
from vertebra.trusted.repair.exceptions import without_exceptions
from vertebra.trusted.repair.slips.candidates import slip_pairs
from vertebra.trusted.repair.table_port import TABLE_PROPOSAL_COLUMNS, TableRepairMethod, TableToRepair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

_REPEATED: Final = 0.2
"""The share of different values among all, up to which a column's values repeat."""
_MOSTLY_SLIPS: Final = 0.5
"""The share of the rare values of a column that are close to frequent ones, from which rare values are mostly slips."""
_RARE: Final = 2
_GROUP: Final = 2
_WITHOUT_CONTEXT: Final = 0.04
"""What the confidence loses if no other column says anything."""


class Typo(TableRepairMethod):
    """Set rare values that are one slip away from a frequent one to the frequent one."""

    name = "typo"
    by_default = False

    def propose(self, table: TableToRepair) -> DataFrame | None:
        """The frequent value for each cell of a text column that is a slip of it."""
        from pyspark.sql import functions as F

        columns = [
            field.name
            for field in table.schema
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        if not columns:
            return None
        cells = [
            F.when(F.col(spark_identifier(name)) != "", F.col(spark_identifier(name))).alias(name) for name in columns
        ]
        frame = table.frame.select("_rid", *cells)
        values = table.engine.materialise(count_values(frame, columns), table.scratch / "values")
        repeating = values.where(F.col("different") <= _REPEATED * F.col("known"))
        pairs = table.engine.materialise(slip_pairs(repeating, table.engine, table.scratch), table.scratch / "slips")
        pairs = table.engine.materialise(_likely(pairs, repeating), table.scratch / "pairs")
        found = [row["target"] for row in pairs.select("target").distinct().toArrow().to_pylist()]
        if not found:
            return None
        targets = sorted(found)
        cells_found = _cells(frame, columns, targets, pairs)
        evidence = _evidence(frame, columns, [columns[place] for place in targets])
        judged = _judged(table, frame, columns, cells_found, evidence)
        names = F.array(*(F.lit(name) for name in columns))
        slips = judged.select(
            "rid", F.element_at(names, F.col("target") + 1).alias("column_name"), F.col("rare").alias("old"),
            F.col("frequent").alias("new"), "confidence", F.col("n").cast("bigint").alias("support"),
            F.concat(
                F.lit("one slip away from a value that occurs "), F.col("n").cast("string"), F.lit(" times"),
            ).alias("evidence"),
        ).select(*TABLE_PROPOSAL_COLUMNS)  # fmt: skip
        slips = table.engine.materialise(slips, table.scratch / "found")
        everything = [name for name in table.schema.names if name != "_rid"]
        return without_exceptions(slips, everything, table.frame, table.engine, table.scratch / "exceptions")


def _likely(pairs: DataFrame, values: DataFrame) -> DataFrame:
    """The pairs with ``base``, their confidence without context."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    rare = values.where(F.col("n") <= _RARE).groupBy("target").agg(F.count(F.lit(1)).alias("rare_values"))
    close = (
        pairs.where(F.col("n_rare") <= _RARE)
        .select("target", "rare")
        .distinct()
        .groupBy("target")
        .agg(F.count(F.lit(1)).alias("close_values"))
    )
    shares = rare.join(close, "target").select(
        "target", (F.col("close_values") / F.col("rare_values")).alias("share_of_slips")
    )
    nearest = Window.partitionBy("target", "rare")
    best = F.min("distance").over(nearest)
    several = F.sum(F.when(F.col("distance") == F.col("best"), 1).otherwise(0)).over(nearest)
    near = pairs.withColumn("best", best).withColumn("several", several).where(F.col("distance") == F.col("best"))
    size = F.least(F.length("rare"), F.length("frequent"))
    slips = F.coalesce(F.col("share_of_slips"), F.lit(0.0))
    base = (
        F.when(size <= 2, 0.6).when(size == 3, 0.83).when(size == 4, 0.9).when(size < 8, 0.94).otherwise(0.95)
        + F.when(F.col("n") >= 20 * F.col("n_rare"), 0.03).otherwise(0.0)
        - F.when(slips < _MOSTLY_SLIPS, 0.2).otherwise(0.0)
        - F.when(F.col("several") > 1, 0.35).otherwise(0.0)
    )
    return near.join(shares, "target", "left").select(
        "target", "rare", "frequent", "value", "n_rare", "n", "distance", base.alias("base")
    )


def _cells(frame: DataFrame, columns: Sequence[str], targets: Sequence[int], pairs: DataFrame) -> DataFrame:
    """The cells with rare values and their candidates."""
    from pyspark.sql import functions as F

    cells = [
        F.struct(F.lit(place).alias("target"), F.col(spark_identifier(columns[place])).alias("rare"))
        for place in targets
    ]
    exploded = frame.select(F.col("_rid").alias("rid"), F.explode(F.array(*cells)).alias("cell"))
    return pairs.join(exploded.select("rid", "cell.*"), ["target", "rare"])


def _evidence(frame: DataFrame, columns: Sequence[str], targets: Sequence[str]) -> list[Evidence]:
    weights, _ = pair_weights(frame, columns)
    return [one for one in chosen_evidence(weights, columns) if one.target in targets and one.forward > 0]


def _judged(
    table: TableToRepair, frame: DataFrame, columns: Sequence[str], cells: DataFrame, evidence: Sequence[Evidence]
) -> DataFrame:
    """The best candidate of each cell with its confidence, after the other columns had their say."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    cells = table.engine.materialise(cells, table.scratch / "cells")
    if evidence:
        counts = count_pairs(frame, evidence, table.engine, table.scratch / "counts", frame.count())
        facts = [
            F.struct(
                F.lit(columns.index(one.target)).alias("target"),
                F.lit(one.number).alias("number"),
                known(one.given).alias("given"),
            )
            for one in evidence
        ]
        rows = frame.join(cells.select(F.col("rid").alias("_rid")).distinct(), "_rid", "left_semi")
        given = rows.select(F.col("_rid").alias("rid"), F.explode(F.array(*facts)).alias("fact")).select(
            "rid", "fact.*"
        )
        judged = cells.join(given.where(F.col("given").isNotNull()), ["rid", "target"], "left")
        judged = judged.join(counts.pairs.withColumnRenamed("n", "together"), ["number", "given", "value"], "left")
        totals = counts.tops.where(F.col("rank") == 1).select("number", "given", "total")
        judged = judged.join(totals, ["number", "given"], "left")
        goes = F.col("together") >= 1
        differs = F.col("together").isNull() & (F.col("total") > _GROUP)
    else:
        judged, goes, differs = cells, F.lit(False), F.lit(False)
    kept = ("rid", "target", "rare", "frequent", "n_rare", "n", "distance", "base")
    said = judged.groupBy(*kept).agg(
        F.sum(F.when(goes, 1).otherwise(0)).alias("agree"), F.sum(F.when(differs, 1).otherwise(0)).alias("contradict")
    )
    scored = said.withColumn("confidence", F.greatest(F.lit(0.05), _confidence()))
    cell = Window.partitionBy("rid", "target")
    order = cell.orderBy(F.col("confidence").desc(), F.col("distance"), F.col("n").desc(), F.col("frequent"))
    return scored.withColumn("place", F.row_number().over(order)).where(F.col("place") == 1)


def _confidence() -> Column:
    from pyspark.sql import functions as F

    agree, contradict, base = F.col("agree"), F.col("contradict"), F.col("base")
    return (
        F.when(agree > contradict, F.least(F.lit(0.98), base + F.when(base < 0.7, 0.25).otherwise(0.04)))
        .when(contradict > 0, base * 0.5)
        .otherwise(base - _WITHOUT_CONTEXT)
    )


METHOD: Final = Typo()
