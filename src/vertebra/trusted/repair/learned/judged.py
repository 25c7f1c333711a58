"""What dependencies repair, or leave to people, after what labels taught about how right they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.learned.calibration import Calibration


def judged(
    made: DataFrame | None, left: DataFrame | None, least: Mapping[str, float], taught: Calibration, engine: Engine
) -> DataFrame | None:
    """Repairs and proposals with their confidence after what labels taught; None if there are none.

    A repair that is no longer sure enough is left as ``unsure``. A proposal that was left as unsure is made if it is
    sure enough now and no other value is proposed for the cell; a tie stays one.

    Args:
        made: ``rule, rid, column_name, old, new, method, confidence, support, evidence``; None if there are none.
        left: the same and ``reason``; None if there are none.
        least: the least confidence of a repair, by rule.

    Returns:
        The same and ``reason``, which is empty for repairs.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    parts = [] if left is None else [left]
    if made is not None:
        parts.append(made.withColumn("reason", F.lit("")))
    if not parts:
        return None
    columns = parts[0].columns
    every = parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])
    floors = engine.session.createDataFrame(sorted(least.items()), "rule string, _least double")
    cell = Window.partitionBy("rid", "column_name")
    value = F.coalesce("new", F.lit(""))
    alone = F.min(value).over(cell) == F.max(value).over(cell)
    place = F.row_number().over(cell.orderBy(F.col("confidence").desc(), F.col("rule")))
    found = taught.applied(every, engine).join(floors, "rule", "left")
    found = found.withColumns({"_alone": alone, "_place": place})
    enough = F.col("confidence") >= F.coalesce("_least", F.lit(1.0))
    reason = (
        F.when((F.col("reason") == "") & ~enough, "unsure")
        .when((F.col("reason") == "unsure") & enough & F.col("_alone") & (F.col("_place") == 1), "")
        .otherwise(F.col("reason"))
    )
    found = found.withColumn("reason", reason)
    # other rules that propose the value of a repair that is made have nothing left to propose
    is_made = F.max(F.when(F.col("reason") == "", 1).otherwise(0)).over(cell)
    found = found.withColumn("_made", is_made)
    return found.where((F.col("reason") == "") | (F.col("_made") == 0)).select(*columns)
