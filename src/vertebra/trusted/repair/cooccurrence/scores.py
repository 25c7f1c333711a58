"""Candidates for suspicious cells, and what speaks for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.cooccurrence.counts import Counts, known
from vertebra.trusted.repair.cooccurrence.evidence import Evidence, targets_of

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine

SMOOTHING: Final = 0.1
"""Added to each count: a value that was never seen with another one is unlikely and not impossible."""
_OUTCOMES: Final = 5
"""Values that are expected in a group, for the smoothing."""


def scored_candidates(
    frame: DataFrame, evidence: Sequence[Evidence], counts: Counts, engine: Engine, folder: Path
) -> DataFrame:
    """For each suspicious cell, its own value and each candidate, with what speaks for them.

    A cell is suspicious if other rows have another value most often with some value of its row. A row has no vote about
    itself, so that which of two equally frequent values is looked at first decides nothing.

    Returns:
        One row for each of them: ``rid``, ``target`` (its position in the list of targets), ``own`` and ``value``
        (hashes; equal in the row of the cell's own value, ``own`` is NULL in an empty cell), ``own_text`` and ``text``,
        ``own_n`` and ``n`` (how often they occur in the column), ``known`` and ``single`` (of the column, see
        :class:`Counts`), and the sums over the evidence: ``forward`` and ``reverse`` (weighted log-likelihoods of the
        value given the evidence, and of the evidence given the value), ``filled`` (that of any value), ``weight``,
        ``agreeing`` and ``evidence`` (the columns for which no value is more frequent in the other rows, and all),
        ``best`` (the largest weight of an agreeing one), ``support`` (other tuples with the value and the same
        evidence).
    """
    from pyspark.sql import functions as F

    suspects = engine.materialise(_suspects(frame, evidence, counts), folder / "suspects")
    rows = frame.join(suspects.select(F.col("rid").alias("_rid")).distinct(), "_rid", "left_semi")
    facts = engine.materialise(
        _facts(rows, evidence).join(suspects, ["rid", "target"], "left_semi"), folder / "evidence"
    )
    proposed = (
        facts.where(F.col("forward_weight") > 0)
        .join(counts.tops.select("number", "given", "value"), ["number", "given"])
        .select("rid", "target", "own", "value")
    )
    own = facts.where(F.col("own").isNotNull()).select("rid", "target", "own", F.col("own").alias("value"))
    candidates = proposed.unionByName(own).distinct()
    values = counts.values.select("target", "value", "text", "n", "known", "single")
    candidates = candidates.join(values, ["target", "value"])
    owns = values.select(
        "target", F.col("value").alias("own"), F.col("text").alias("own_text"), F.col("n").alias("own_n")
    )
    judged = facts.select("rid", "target", "number", "given", "forward_weight", "reverse_weight").join(
        candidates, ["rid", "target"]
    )
    judged = judged.join(counts.pairs.withColumnRenamed("n", "together"), ["number", "given", "value"], "left")
    tops = counts.tops.where(F.col("rank") == 1)
    tops = tops.select(
        "number", "given", F.col("value").alias("top"), F.col("n").alias("top_n"), "next", "total", "empty"
    )
    judged = judged.join(tops, ["number", "given"], "left")
    scored = judged.groupBy("rid", "target", "own", "value", "text", "n", "known", "single").agg(*_sums())
    return scored.join(owns, ["target", "own"], "left")


def _sums() -> list[Column]:
    from pyspark.sql import functions as F

    # the row itself is no evidence for its own value
    itself = F.when(F.col("value").eqNullSafe(F.col("own")), 1).otherwise(0)
    present = F.when(F.col("own").isNotNull(), 1).otherwise(0)
    together = F.coalesce(F.col("together"), F.lit(0)) - itself
    with_given = F.coalesce(F.col("total"), F.lit(0)) - present
    empty = F.coalesce(F.col("empty"), F.lit(0)) - F.lit(1) + present
    with_value = F.col("n") - itself
    given = F.when(with_given > 0, F.col("forward_weight") * _likelihood(together, with_given)).otherwise(0.0)
    checked = F.when(with_value > 0, F.col("reverse_weight") * _likelihood(together, with_value)).otherwise(0.0)
    telling = (F.col("forward_weight") > 0) & (with_given > 0)
    ahead = (F.col("value") == F.col("top")) & (together > F.coalesce(F.col("next"), F.lit(0)) - F.lit(1))
    level = F.coalesce(F.col("together"), F.lit(0)) == F.col("top_n")
    agrees = telling & F.when(F.col("value").eqNullSafe(F.col("own")), ahead).otherwise(level)
    return [
        F.sum(given).alias("forward"),
        F.sum(checked).alias("reverse"),
        F.sum(F.when(telling, F.col("forward_weight") * _filled(with_given, empty)).otherwise(0.0)).alias("filled"),
        F.sum(F.when(telling, F.col("forward_weight")).otherwise(0.0)).alias("weight"),
        F.sum(F.when(agrees, 1).otherwise(0)).alias("agreeing"),
        F.max(F.when(agrees, F.col("forward_weight")).otherwise(0.0)).alias("best"),
        F.sum(F.when(telling, 1).otherwise(0)).alias("evidence"),
        F.max(F.when(telling, together).otherwise(0)).alias("support"),
    ]


def _likelihood(together: Column, total: Column) -> Column:
    from pyspark.sql import functions as F

    return F.log((together + F.lit(SMOOTHING)) / (total + F.lit(SMOOTHING * _OUTCOMES)))


def _filled(filled: Column, empty: Column) -> Column:
    from pyspark.sql import functions as F

    return F.log((filled + F.lit(SMOOTHING)) / (filled + empty + F.lit(2 * SMOOTHING)))


def _suspects(frame: DataFrame, evidence: Sequence[Evidence], counts: Counts) -> DataFrame:
    """``rid, target`` of the cells whose value is not the most frequent one with some other value of the row."""
    from pyspark.sql import functions as F

    facts = _facts(frame, [one for one in evidence if one.forward > 0])
    tops = counts.tops.where(F.col("rank") == 1).select("number", "given", "value", "n", "next", "total")
    other = (F.col("own") != F.col("value")) | F.coalesce(F.col("next") == F.col("n"), F.lit(False))
    differ = facts.join(tops, ["number", "given"]).where(F.col("own").isNull() | (other & (F.col("total") > 1)))
    return differ.select("rid", "target").distinct()


def _facts(frame: DataFrame, evidence: Sequence[Evidence]) -> DataFrame:
    """``rid, target, own, number, given, forward_weight, reverse_weight``: a row for each cell and its evidence."""
    from pyspark.sql import functions as F

    targets = targets_of(evidence)
    facts = [
        F.struct(
            F.lit(targets.index(one.target)).alias("target"),
            known(one.target).alias("own"),
            F.lit(one.number).alias("number"),
            known(one.given).alias("given"),
            F.lit(one.forward).alias("forward_weight"),
            F.lit(one.reverse).alias("reverse_weight"),
        )
        for one in evidence
    ]
    exploded = frame.select(F.col("_rid").alias("rid"), F.explode(F.array(*facts)).alias("fact"))
    return exploded.select("rid", "fact.*").where(F.col("given").isNotNull())
