"""Wrong determinants: tuples whose attributes contradict their group and agree with another one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.dependencies.chances import (
    determinant_is_wrong,
    determinant_is_wrong_not_source,
    is_the_value,
    rounded,
)
from vertebra.trusted.repair.dependencies.proposals import determinant_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.dependencies.chances import Chances
    from vertebra.trusted.repair.dependencies.evidence import SourceTrust
    from vertebra.trusted.repair.dependencies.groups import Ballot
    from vertebra.trusted.repair.dependencies.standing import Standing

_AS_GOOD_AS_NOT: Final = 0.5
_MOST_GROUPS: Final = 50
"""An attribute whose value more groups have says nothing about which group a tuple belongs to."""


def relocations(
    ballots: Sequence[Ballot], standing: Standing, chances: Chances, engine: Engine, trust: SourceTrust | None = None
) -> DataFrame:
    """The determinants that suspect tuples should have.

    A tuple moves to the group that shares most of its attributes, if these are at least two and at least half of them;
    of two groups that share equally many, to the one whose values are rarer.

    Args:
        ballots: of the determinants that have suspect tuples.
        trust: the sources of tuples; None if there are none.

    Returns:
        As of :func:`vertebra.trusted.repair.dependencies.proposals.proposed`. Two rows for a tuple are a tie.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    cell = ["determinant", "place", "value"]
    suspects = standing.suspects()
    of_tuples = [ballot.cells_of(suspects) for ballot in ballots]
    cells = reduce(lambda one, other: one.unionByName(other), of_tuples).where(F.col("value").isNotNull())
    cells = cells.join(suspects, ["determinant", "_rid"])
    known = standing.winners.drop("support").withColumnRenamed("key", "group")
    asked = known.join(cells.select(*cell).distinct(), cell)
    number = asked.groupBy(*cell).agg(F.count(F.lit(1)).alias("groups"))
    met = cells.join(asked.join(number.where(F.col("groups") <= _MOST_GROUPS), cell), cell)
    rarity = F.round(F.sum(F.lit(1.0) / F.sqrt(F.col("groups").cast("double"))), 6)
    group = ["determinant", "_rid", "group"]
    near = met.where(F.col("key") != F.col("group")).groupBy(*group).agg(rarity.alias("rarity"))
    # groups are found by attributes that few of them have, and judged by all
    there = known.withColumnRenamed("value", "there")
    beside = cells.join(near, ["determinant", "_rid"]).join(there, ["determinant", "group", "place"])
    candidates = beside.groupBy(*group, "key", "against", "agreeing", "rarity").agg(
        F.sum((F.col("value") == F.col("there")).cast("bigint")).alias("shared")
    )
    order = Window.partitionBy("determinant", "_rid").orderBy(F.col("shared").desc(), F.col("rarity").desc())
    ranked = candidates.withColumn("rank", F.rank().over(order)).withColumn("next", F.lead("shared").over(order))
    total = F.col("against") + F.col("agreeing")
    fits = (F.col("shared") > 1) & (F.col("shared") * 2 >= total) & (F.col("shared") > F.col("agreeing"))
    best = ranked.where((F.col("rank") == 1) & fits).join(
        determinant_table([ballot.determinant for ballot in ballots], chances, engine), "determinant"
    )
    rival = F.greatest(F.coalesce("next", F.lit(0).cast("bigint")), F.col("agreeing"))
    wrong = determinant_is_wrong()
    if trust is not None:
        number = known.groupBy("determinant").agg(F.count_distinct("group").alias("number"))
        best = best.join(number, "determinant").join(_errors(trust, engine), "_rid", "left")
        wrong = determinant_is_wrong_not_source()
    confidence = rounded(wrong * is_the_value(F.col("shared") - rival))
    moves = best.withColumn("confidence", confidence)
    if trust is not None:
        moves = moves.where(F.col("confidence") >= F.lit(_AS_GOOD_AS_NOT))
    return moves.select(
        "rule",
        F.col("_rid").alias("rid"),
        "column_name",
        F.col("key").alias("old"),
        F.col("group").alias("new"),
        "method",
        "confidence",
        F.col("shared").alias("support"),
        F.concat(
            F.col("shared").cast("string"),
            F.lit(" attributes agree with this group, "),
            F.col("agreeing").cast("string"),
            F.lit(" with the old one"),
        ).alias("evidence"),
        "least",
        "reads",
        F.lit(True).alias("change"),
        F.lit(True).alias("moves"),
    )


def _errors(trust: SourceTrust, engine: Engine) -> DataFrame:
    """``_rid, error``: how often the cells of the source of a tuple are wrong."""
    wrong: dict[str, list[float]] = defaultdict(list)
    for one in trust.figures:
        wrong[one.source].append(1.0 - one.accuracy)
    rows = [(source, sum(errors) / len(errors)) for source, errors in sorted(wrong.items())]
    found = engine.session.createDataFrame(rows, "source string, error double")
    return trust.sources.join(found, "source").select("_rid", "error")


def explained(ballots: Sequence[Ballot], standing: Standing, chances: Chances) -> DataFrame:
    """The tuples whose contradicted attributes another group has, together with all their other ones.

    Either the attributes are wrong, or the determinant is: what the tuple shares with its present group, it shares with
    the other one, too. How often each is the case in the table decides.

    Args:
        ballots: of determinants that may be relocated.

    Returns:
        ``determinant, rid, stays``: how likely the determinant is right.
    """
    from pyspark.sql import functions as F

    cell, tuple_ = ["determinant", "place", "value"], ["determinant", "_rid"]
    numbers = [ballot.determinant.number for ballot in ballots]
    asked = standing.agreements().where((F.col("against") > 0) & ~F.col("suspect"))
    asked = asked.where(F.col("determinant").isin(numbers)).select(*tuple_)
    of_tuples = [ballot.cells_of(asked) for ballot in ballots]
    cells = reduce(lambda one, other: one.unionByName(other), of_tuples).where(F.col("value").isNotNull())
    cells = cells.join(asked, tuple_).select(*tuple_, "key", "place", "value")
    known = standing.winners.select(F.col("key").alias("group"), *cell)
    own = standing.winners.select("determinant", "key", "place", F.col("value").alias("winner"))
    wrong = cells.join(own, ["determinant", "key", "place"]).where(F.col("value") != F.col("winner")).drop("winner")
    asked_for = known.join(wrong.select(*cell).distinct(), cell)
    number = asked_for.groupBy(*cell).agg(F.count(F.lit(1)).alias("groups")).where(F.col("groups") <= _MOST_GROUPS)
    others = wrong.join(asked_for.join(number, cell), cell).where(F.col("key") != F.col("group"))
    others = others.select(*tuple_, "group").distinct()
    there = known.withColumnRenamed("value", "there")
    beside = cells.join(others, tuple_).join(there, ["determinant", "group", "place"])
    agrees = beside.groupBy(*tuple_, "group").agg(F.min((F.col("value") == F.col("there")).cast("int")).alias("all"))
    found = agrees.where(F.col("all") == 1).select("determinant", F.col("_rid").alias("rid")).distinct()
    return found.withColumn("stays", F.lit(1.0 / (1.0 + chances.determinant)))
