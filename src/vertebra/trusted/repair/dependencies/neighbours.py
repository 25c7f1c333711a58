"""Wrong columns of composite determinants: tuples that agree with a group from which one column separates them.

Of ``[team, season] -> manager``, a tuple with the manager that its team has in another season has a wrong season rather
than a wrong manager: a wrong manager would seldom be one of the same team.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vertebra.trusted.repair.dependencies.chances import rounded
from vertebra.trusted.repair.dependencies.groups import BETWEEN_KEYS
from vertebra.trusted.repair.dependencies.proposals import determinant_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.dependencies.chances import Chances
    from vertebra.trusted.repair.dependencies.groups import Ballot
    from vertebra.trusted.repair.dependencies.standing import Standing


def neighbours(ballots: Sequence[Ballot], standing: Standing, chances: Chances, engine: Engine) -> DataFrame:
    """The columns of determinants that tuples should have, where one other value makes them agree with a group.

    All contradicted attributes of the tuple have to agree with that group, and none may agree with the present one.

    Args:
        ballots: of determinants with ``parts``.

    Returns:
        As of :func:`vertebra.trusted.repair.dependencies.proposals.proposed`, and ``choices``: how many values of
        single columns make the tuple agree. If it is more than one, each of them is in doubt.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    value = ["determinant", "place", "value"]
    numbers = [ballot.determinant.number for ballot in ballots]
    known = standing.winners.where(F.col("determinant").isin(numbers)).drop("support")
    beside = standing.cells.join(known.withColumnRenamed("value", "winner"), ["determinant", "key", "place"])
    wrong = beside.where(F.col("value").isNotNull() & (F.col("value") != F.col("winner")))
    rows = standing.agreements().where((F.col("agreeing") == 0) & ~F.col("suspect"))
    wrong = wrong.join(rows.select("determinant", "_rid", "against"), ["determinant", "_rid"])
    values = known.groupBy("determinant", "place").agg(F.count_distinct("value").alias("values"))
    asked = known.join(wrong.select(*value).distinct(), value)
    mine = _parted(ballots, wrong.select("determinant", "_rid", "key", "against", "place", "value"))
    theirs = _parted(ballots, asked).select(*value, "part", "rest", F.col("own").alias("new"))
    met = mine.join(theirs, [*value, "part", "rest"]).where(F.col("own") != F.col("new"))
    cell = ["determinant", "_rid", "part", "new"]
    fits = (
        met.join(values, ["determinant", "place"])
        .groupBy(*cell, "own", "against")
        .agg(F.count(F.lit(1)).alias("shared"), F.max("values").alias("values"))
    )
    fits = fits.where(F.col("shared") == F.col("against"))
    fits = fits.withColumn("choices", F.count(F.lit(1)).over(Window.partitionBy("determinant", "_rid")))
    # how many values the groups beside have: one of them by chance is a wrong dependent after all
    rests = _parted(ballots, known.select("determinant", "key").distinct())
    counted = rests.groupBy("determinant", "part", "rest").agg(F.count(F.lit(1)).alias("beside"))
    usual = counted.groupBy("determinant", "part").agg(F.avg("beside").alias("beside"))
    fits = fits.join(usual, ["determinant", "part"])
    by_chance = F.least(F.lit(1.0), F.col("beside") / F.col("values").cast("double"))
    fits = fits.join(
        determinant_table([ballot.determinant for ballot in ballots], chances, engine), ["determinant", "part"]
    )
    dependents = by_chance * F.pow(F.col("chance"), (F.col("against") - 1).cast("double"))
    return fits.select(
        "rule",
        F.col("_rid").alias("rid"),
        "column_name",
        F.col("own").alias("old"),
        "new",
        "method",
        rounded(F.lit(1.0) / (F.lit(1.0) + dependents)).alias("confidence"),
        F.col("shared").alias("support"),
        F.concat(
            F.lit("with it, "), F.col("shared").cast("string"), F.lit(" attributes agree with a group of the same "),
            F.col("others"),
        ).alias("evidence"),
        "least",
        "reads",
        F.lit(True).alias("change"),
        F.lit(True).alias("moves"),
        "choices",
    )  # fmt: skip


def doubts(moves: DataFrame, rules: DataFrame) -> DataFrame:
    """How likely the determinants of tuples are right, by what is known of the groups beside theirs.

    Args:
        moves: as of :func:`neighbours`.
        rules: as of :func:`vertebra.trusted.repair.dependencies.proposals.rule_table`.

    Returns:
        ``determinant, rid, stays``.
    """
    from pyspark.sql import functions as F

    number = rules.select("rule", "determinant").distinct()
    right = (F.lit(1.0) - F.col("confidence")).alias("stays")
    return moves.select("rule", "rid", right).join(number, "rule").select("determinant", "rid", "stays")


def doubted(proposals: DataFrame, doubt: DataFrame, rules: DataFrame) -> DataFrame:
    """The proposals for dependents, less sure where the determinant is probably wrong instead.

    Args:
        proposals: as of :func:`vertebra.trusted.repair.dependencies.proposals.proposed`.
        doubt: ``determinant, rid, stays``: how likely the determinant of a tuple is right.
        rules: as of :func:`vertebra.trusted.repair.dependencies.proposals.rule_table`.
    """
    from pyspark.sql import functions as F

    number = rules.select("rule", "determinant").distinct()
    least = doubt.groupBy("determinant", "rid").agg(F.min("stays").alias("stays"))
    joined = proposals.join(number, "rule").join(least, ["determinant", "rid"], "left")
    changes = F.col("change") & F.col("stays").isNotNull()
    less = F.when(changes, rounded(F.least("confidence", "stays"))).otherwise(F.col("confidence"))
    return joined.withColumn("confidence", less).select(*proposals.columns)


def _parted(ballots: Sequence[Ballot], keys: DataFrame) -> DataFrame:
    """Each row once for each column of its key: ``part`` (its place), ``own`` (its value) and ``rest`` (the others)."""
    from pyspark.sql import functions as F

    parts = F.split("key", BETWEEN_KEYS)
    # a value that has the separator itself makes more parts than there are columns
    whole = F.lit(False)
    for one in (ballot.determinant for ballot in ballots):
        whole = whole | ((F.col("determinant") == one.number) & (F.size(parts) == len(one.parts)))
    split = keys.where(whole).select("*", parts.alias("_parts"), F.posexplode(parts).alias("part", "own"))
    others = F.expr("filter(_parts, (x, i) -> i != part)")
    return split.withColumn("rest", F.concat_ws(BETWEEN_KEYS, others)).drop("_parts", "key")
