"""Misspelt values in ties: of two equally supported values, one may be a slip of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.trusted.materialised import row_count
from vertebra.trusted.repair.dependencies.evidence import SILENT
from vertebra.trusted.repair.slips.candidates import is_slip

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine

_DEPENDENT: Final = ["determinant", "place"]
_CELL: Final = ["determinant", "key", "place", "value"]


def without_misspelt(
    cells: DataFrame, verdicts: DataFrame, winners: DataFrame, engine: Engine, folder: Path
) -> DataFrame | None:
    """The cells, where values that seem misspelt have no vote.

    A value is taken to be misspelt if its group is tied between it and another one, it is one slip away from that one,
    and other groups have that one and not it.

    Args:
        cells: as of :mod:`vertebra.trusted.repair.dependencies.votes`.
        verdicts: on them.
        winners: ``determinant, key, place, value, support``: what two or more tuples of a group support.
        folder: where to keep what is found.

    Returns:
        None if there are no such values.
    """
    from pyspark.sql import functions as F

    tied = verdicts.where("tied")
    either = tied.select("determinant", "key", "place", F.col("winner").alias("value"), F.col("second").alias("other"))
    swapped = either.select("determinant", "key", "place", F.col("other").alias("value"), F.col("value").alias("other"))
    pairs = either.unionByName(swapped).where(is_slip(F.col("value"), F.col("other"), F.levenshtein("value", "other")))
    known = winners.select(*_DEPENDENT, "value").distinct()
    found = pairs.join(known.withColumnRenamed("value", "other"), [*_DEPENDENT, "other"], "left_semi")
    found = found.join(known, [*_DEPENDENT, "value"], "left_anti")
    found = engine.materialise(found.select(*_CELL).distinct(), folder)
    if not row_count(folder):
        return None
    joined = cells.join(found.withColumn("_misspelt", F.lit(True)), _CELL, "left")
    weight = F.when(F.col("_misspelt"), F.lit(SILENT).cast("bigint")).otherwise(F.col("weight"))
    return joined.withColumn("weight", weight).drop("_misspelt")
