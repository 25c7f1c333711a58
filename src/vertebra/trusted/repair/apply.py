"""Applying repairs to a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vertebra.quoting import spark_identifier
from vertebra.trusted.cells import from_text

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def apply_repairs(frame: DataFrame, schema: pa.Schema, made: DataFrame, columns: Iterable[str]) -> DataFrame:
    """The table with its repairs.

    Args:
        made: ``rid, column_name, new``, at most one row for a cell.
        columns: the columns that occur in it; passing them saves an engine job.
    """
    from pyspark.sql import functions as F

    changed = [name for name in schema.names if name in set(columns)]
    flags = [F.max(F.col("column_name") == F.lit(name)).alias(f"is{i}") for i, name in enumerate(changed)]
    texts = [
        F.max(F.when(F.col("column_name") == F.lit(name), F.col("new"))).alias(f"new{i}")
        for i, name in enumerate(changed)
    ]
    per_row = made.groupBy(F.col("rid").alias("_repaired")).agg(*flags, *texts)
    joined = frame.join(per_row, F.col("_rid") == F.col("_repaired"), "left")
    cells = []
    for field in schema:
        cell = F.col(spark_identifier(field.name))
        if field.name in changed:
            i = changed.index(field.name)
            cell = F.when(F.col(f"is{i}"), from_text(f"new{i}", field.type)).otherwise(cell)
        cells.append(cell.alias(field.name))
    return joined.select(*cells)
