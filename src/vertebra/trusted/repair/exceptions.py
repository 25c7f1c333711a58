"""Exceptions: tuples that share a value of another column and nearly all contradict what the rest of the table says.

Wrong cells are spread over the entities of a table. If the tuples of one entity contradict their groups everywhere,
in many groups, the dependency does not hold for the entity: one state has its own averages. Such cells are left to
people.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.quoting import spark_identifier
from vertebra.trusted.cells import as_text
from vertebra.trusted.materialised import row_count, value_counts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine

EXCEPTION: Final = "exception"
"""The reason why such a repair is only proposed."""
_FEWEST_GROUPS: Final = 5
"""Contradictions in fewer groups may be one error that was copied."""
_SHARE: Final = 0.9
"""Of the tuples with the value: errors elsewhere make a few agree."""


def exceptions(
    cells: DataFrame, table: DataFrame, columns: Sequence[str], engine: Engine, scratch: Path
) -> DataFrame | None:
    """The cells that contradict what others say because they are exceptions.

    Args:
        cells: that have another value than expected: ``rule, rid, column_name, key, reads``; ``key`` tells apart the
            groups that expect something else, ``reads`` are the columns by which groups are made.
        table: with ``_rid``.
        columns: those that may tell the exceptions apart.
        scratch: an empty folder.

    Returns:
        ``rule, rid, column_name, because``, materialised; None if there are none.
    """
    from pyspark.sql import functions as F

    if not columns:
        return None
    scratch.mkdir(parents=True, exist_ok=True)
    named = [F.struct(F.lit(name).alias("name"), as_text(spark_identifier(name)).alias("is")) for name in columns]
    asked = table.join(cells.select(F.col("rid").alias("_rid")).distinct(), "_rid", "left_semi")
    shared = asked.select(F.col("_rid").alias("rid"), F.explode(F.array(*named)).alias("of"))
    cells = cells.join(shared.select("rid", "of.name", "of.is").dropna(), "rid")
    cells = cells.where((F.col("name") != F.col("column_name")) & ~F.expr("array_contains(reads, name)"))
    entity = ["rule", "column_name", "name", "is"]
    counted = cells.groupBy(*entity).agg(F.count(F.lit(1)).alias("contradicting"))
    suspected = engine.materialise(counted.where(F.col("contradicting") >= _FEWEST_GROUPS), scratch / "suspected")
    if not row_count(scratch / "suspected"):
        return None
    counts = []
    for name in sorted(value_counts(scratch / "suspected", "name")):
        values = suspected.where(F.col("name") == F.lit(name)).select("is").distinct()
        rows = table.select(as_text(spark_identifier(name)).alias("is")).join(F.broadcast(values), "is")
        counts.append(rows.groupBy("is").agg(F.count(F.lit(1)).alias("rows")).withColumn("name", F.lit(name)))
    told = suspected.join(reduce(lambda one, other: one.unionByName(other), counts), ["name", "is"])
    told = told.where(F.col("contradicting") >= F.lit(_SHARE) * F.col("rows"))
    told = engine.materialise(told, scratch / "told")
    if not row_count(scratch / "told"):
        return None
    spread = cells.join(told, entity)
    many = spread.groupBy(*entity).agg(F.count_distinct("key").alias("groups")).where(F.col("groups") >= _FEWEST_GROUPS)
    because = F.concat(
        F.col("contradicting").cast("string"), F.lit(" of "), F.col("rows").cast("string"), F.lit(" rows with "),
        F.col("name"), F.lit(" "), F.col("is"), F.lit(" differ from their groups"),
    )  # fmt: skip
    found = spread.join(many, entity).withColumn("why", F.struct(F.col("rows"), because.alias("text")))
    found = found.groupBy("rule", "rid", "column_name").agg(F.max("why").alias("why"))
    found = found.select("rule", "rid", "column_name", F.col("why.text").alias("because"))
    found = engine.materialise(found, scratch / "found")
    return found if row_count(scratch / "found") else None


def without_exceptions(
    proposals: DataFrame, columns: Sequence[str], table: DataFrame, engine: Engine, scratch: Path
) -> DataFrame:
    """The proposals of a method for a whole table, without those for tuples that differ from it throughout.

    Args:
        proposals: ``rid, column_name, old, new, …``, materialised.
        columns: those that may tell the exceptions apart.
        table: with ``_rid``.
        scratch: an empty folder.
    """
    from pyspark.sql import functions as F

    cell = ["rid", "column_name"]
    no_columns = F.array().cast("array<string>")
    cells = proposals.where(F.col("old").isNotNull()).select(F.lit("").alias("rule"), *cell, F.col("new").alias("key"))
    odd = exceptions(cells.withColumn("reads", no_columns), table, columns, engine, scratch)
    return proposals if odd is None else proposals.join(odd.select(*cell), cell, "left_anti").select(*proposals.columns)
