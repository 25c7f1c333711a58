"""The votes of tuples that came from several sources: what each value weighs, by how likely it is the true one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.dependencies.evidence import FULL, PINNED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.trusted.repair.dependencies.evidence import SourceTrust

_GROUP: Final = ["determinant", "key", "place"]
_VALUE: Final = [*_GROUP, "value"]
_LARGEST: Final = 200.0
_SURE: Final = 1e-6
_OPEN: Final = 0.75
"""The most for a value that is less likely in one of the models: what depends on who copies is left to people."""


def weighed(cells: DataFrame, trust: SourceTrust) -> DataFrame:
    """Cells with the weights that their sources give them.

    The cells with the most probable value of a group weigh more than all others, by the log-odds of that value in units
    of :data:`FULL`. A value is as sure as in the model that makes it least likely. What people decided, and what is
    known to be wrong, keeps its weight.

    Args:
        cells: see :mod:`vertebra.trusted.repair.dependencies.votes`.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    group = Window.partitionBy(*_GROUP)
    likely = _likely(cells, trust)
    order = group.orderBy(F.col("probability").desc(), F.col("value"))
    ranked = likely.withColumns({"rank": F.row_number().over(order), "next": F.lead("probability").over(order)})
    ranked = ranked.withColumn("others", F.max(F.when(F.col("rank") > 1, F.col("n"))).over(group))
    sure = F.greatest("least", F.least("probability", F.lit(_OPEN)))
    bounded = F.least(F.greatest(sure, F.lit(0.5)), F.lit(1.0 - _SURE))
    odds = F.round(F.log(bounded / (F.lit(1.0) - bounded)), 4) * F.lit(float(FULL))
    leads = (F.col("rank") == 1) & ~F.coalesce(F.col("next") == F.col("probability"), F.lit(False))
    whole = (odds + F.coalesce("others", F.lit(0)).cast("double")) / F.col("n").cast("double")
    weight = F.when(leads, F.greatest(F.lit(1.0), F.ceil(whole).cast("double"))).otherwise(F.lit(1.0))
    weights = ranked.select(*_VALUE, weight.cast("bigint").alias("_weight"))
    heard = (F.col("weight") > 0) & (F.col("weight") < PINNED) & F.col("_weight").isNotNull()
    found = cells.join(weights, _VALUE, "left")
    return found.withColumn("weight", F.when(heard, F.col("_weight")).otherwise(F.col("weight"))).select(*cells.columns)


def _likely(cells: DataFrame, trust: SourceTrust) -> DataFrame:
    """``determinant, key, place, value, n, probability, least``: how likely each value of tuples is the true one.

    ``probability`` is the mean of all models, ``least`` that of the model which makes the value least likely.

    The likelihood of a group follows from sums over the tuples of each origin, as in
    :meth:`vertebra.trusted.repair.dependencies.feeds.Feeds.expected`.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    said = cells.where(F.col("value").isNotNull() & (F.col("weight") > 0) & (F.col("weight") < PINNED))
    said = said.select("_rid", *_VALUE).join(trust.sources, "_rid", "left")
    said = said.groupBy(*_VALUE, "source").agg(F.count(F.lit(1)).alias("n"))
    asked = said.join(F.broadcast(trust.places), ["determinant", "place"])
    told = asked.join(F.broadcast(trust.terms), ["model", "column_name", "source"], "left")
    origin = [*_VALUE, "model", "share", "choices", "origin", "sure"]
    unknown = {"origin": F.lit(-1), "sure": F.lit(0.5), "more_right": F.lit(0.0), "more_wrong": F.lit(0.0)}
    known = {name: F.coalesce(F.col(name), other) for name, other in unknown.items()}
    known |= {name: F.coalesce(F.col(name), F.col(f"usual_{name}")) for name in ("right", "wrong")}
    sums = [F.sum(F.col(name) * F.col("n")).alias(name) for name in ("right", "wrong", "more_right", "more_wrong")]
    votes = told.withColumns(known).groupBy(*origin).agg(F.sum("n").alias("n"), *sums)
    side = Window.partitionBy(*_GROUP, "model", "origin")
    if_wrong = F.exp(F.least("more_wrong", F.lit(_LARGEST)))
    votes = votes.withColumn("if_wrong", if_wrong).withColumns(
        {"every": F.sum("if_wrong").over(side), "different": F.count(F.lit(1)).over(side).cast("double")}
    )
    sure, many = F.col("sure"), F.greatest("choices", "different")
    each = (F.lit(1.0) - sure) / many
    outside = sure + (F.lit(1.0) - sure) * (F.lit(1.0) - F.col("different") / many) + each * F.col("every")
    if_right = F.exp(F.least("more_right", F.lit(_LARGEST)))
    inside = sure * if_right + each * (F.col("every") - F.col("if_wrong"))
    inside = inside + (F.lit(1.0) - sure) - each * (F.col("different") - F.lit(1.0))
    says = F.col("right") - F.col("wrong") + F.log(inside) - F.log(outside)
    values = votes.groupBy(*_VALUE, "model", "share").agg(F.sum(says).alias("score"), F.sum("n").alias("n"))
    model = Window.partitionBy(*_GROUP, "model")
    values = values.withColumn("highest", F.greatest(F.lit(0.0), F.max("score").over(model)))
    values = values.withColumn("likely", F.exp(F.col("score") - F.col("highest")))
    total = F.sum("likely").over(model) + F.exp(-F.col("highest"))
    values = values.withColumn("likely", F.col("likely") / total)
    mean = F.round(F.sum(F.col("likely") * F.col("share")), 6)
    least = F.round(F.min("likely"), 6)
    return values.groupBy(*_VALUE).agg(F.max("n").alias("n"), mean.alias("probability"), least.alias("least"))
