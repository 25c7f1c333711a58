"""How well a tuple fits the group that a new determinant would put it into, compared with its present group."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.dependencies.votes import verdicts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.dependencies.groups import Groups
    from vertebra.trusted.repair.dependencies.standing import Standing

_FEWEST: Final = 2


def fit(groups: Groups, proposals: DataFrame, standing: Standing, engine: Engine) -> DataFrame:
    """What the dependents of a column say about new values for the column.

    Each dependent that agrees with the group counts for it, and each that does not counts against it. One with many
    different values says more than one with few, which often agrees by chance: it counts the logarithm of their number.

    Args:
        groups: of the dependencies that the column determines.
        proposals: ``rid, column_name, new, change, moves``.

    Returns:
        ``rid, column_name, new, gain``: a difference of log-odds.
    """
    from pyspark.sql import functions as F

    one = groups.determinant
    wanted = proposals.where((F.col("column_name") == F.lit(one.column)) & F.col("change") & ~F.col("moves"))
    wanted = wanted.select(F.col("rid").alias("_rid"), F.col("new").alias("_new")).distinct()
    mine = groups.tuples.join(wanted, "_rid")
    if one.number in standing.ballots:
        found = standing.winners.where(F.col("determinant") == one.number).withColumnRenamed("value", "winner")
    else:
        tuples = groups.tuples.withColumn("_key", groups.key())
        now = mine.select(groups.key().alias("_key"), "_new")
        keys = now.select("_key").unionByName(now.select(F.col("_new").alias("_key"))).distinct()
        found = verdicts(groups.cells(tuples.join(keys, "_key"))).where(~F.col("tied"))
    values = standing.figures[one.number].values if one.number in standing.figures else {}
    old = found.where(F.col("support") > 1).select("key", "place", F.col("winner").alias("_old"))
    new = found.select(F.col("key").alias("_new"), "place", F.col("winner").alias("_winner"))
    cells = groups.cells(mine).where(F.col("value").isNotNull()).join(wanted, "_rid")
    beside = cells.join(old, ["key", "place"], "left").join(new, ["_new", "place"], "left")
    weights = [(place, math.log(max(_FEWEST, values.get(place, _FEWEST)))) for place in range(len(one.rules))]
    beside = beside.join(engine.session.createDataFrame(weights, "place int, _counts double"), "place")
    says = F.lit(0)
    for winner, sign in (("_winner", 1), ("_old", -1)):
        agrees = F.when(F.col("value") == F.col(winner), F.lit(sign)).when(F.col(winner).isNotNull(), F.lit(-sign))
        says = says + agrees.otherwise(F.lit(0))
    gain = F.round(F.sum(says * F.col("_counts")), 3)
    gains = beside.groupBy(F.col("_rid").alias("rid"), F.col("_new").alias("new")).agg(gain.alias("gain"))
    return gains.select("rid", F.lit(one.column).alias("column_name"), "new", "gain")
