"""What speaks for the present value of a cell: groups in which nothing is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.trusted.repair.dependencies.chances import is_the_value, rounded
from vertebra.trusted.repair.dependencies.votes import verdicts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.trusted.repair.dependencies.groups import Groups
    from vertebra.trusted.repair.dependencies.standing import Standing


def held(groups: Groups, proposals: DataFrame, standing: Standing, rules: DataFrame) -> DataFrame:
    """The cells with a proposal whose present value another dependency supports without contradiction.

    Args:
        groups: of the other dependencies.
        proposals: ``rid, column_name, change, …``.
        rules: as of :func:`vertebra.trusted.repair.dependencies.proposals.rule_table`.

    Returns:
        The columns of ``proposals``, where ``change`` is false.
    """
    from pyspark.sql import functions as F

    asked = proposals.where("change").select(F.col("rid").alias("_rid"), "column_name").distinct()
    mine = groups.tuples.join(asked.select("_rid").distinct(), "_rid")
    number = groups.determinant.number
    if number in standing.ballots:
        mine = standing.ballots[number].without_broken(mine)
        found = standing.winners.where(F.col("determinant") == number).withColumnRenamed("value", "winner")
    else:
        tuples = groups.tuples.withColumn("_key", groups.key())
        keys = mine.select(groups.key().alias("_key")).distinct()
        found = verdicts(groups.cells(tuples.join(keys, "_key"))).where(~F.col("tied") & (F.col("support") > 1))
    cells = groups.cells(mine).join(found.select("key", "place", "winner", "support"), ["key", "place"])
    cells = cells.where(F.col("value") == F.col("winner")).join(rules, ["determinant", "place"])
    cells = cells.join(asked, ["_rid", "column_name"])
    return cells.select(
        "rule",
        F.col("_rid").alias("rid"),
        "column_name",
        F.col("value").alias("old"),
        F.col("winner").alias("new"),
        "method",
        rounded(is_the_value(F.col("support"))).alias("confidence"),
        "support",
        F.lit("").alias("evidence"),
        "least",
        "reads",
        F.lit(False).alias("change"),
        F.lit(False).alias("moves"),
    )
