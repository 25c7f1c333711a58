"""g3: the least number of rows to remove so that a rule holds.

Rows, and the pairs that violate the rule, are a graph; the removed rows are a vertex cover of it, which is NP-hard to
minimise in general. It is exact if both roles compare the same values and there are at most two attributes:

- without order: every two remaining tuples agree on an attribute; with two attributes all of them then agree on one, so
  the largest such set of each group remains;
- with two order predicates: the remaining tuples of a group are a chain, and a longest chain is a longest increasing
  subsequence.

Otherwise a matching among the violations is a lower bound, and removing one role of each group an upper bound.

Source of the measure: J. Kivinen, H. Mannila, Approximate inference of functional dependencies, TCS 149, 1995.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from vertebra.trusted.detect.counts import count_frame
from vertebra.trusted.detect.longest_chain import longest_chains
from vertebra.trusted.detect.sweep import ALL

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from vertebra.trusted.detect.roles import Pairs

LONGEST_CHAIN: Final = 2_000_000
"""The most violating tuples of a group whose longest chain is computed: one worker holds them in memory."""

_CHAINS_TOGETHER: Final = 200_000
"""Violating tuples that a worker gets at a time, if groups are smaller."""

COVERS = ("matched", "cover", "largest", "spread")
"""Per rule: disjoint violating pairs; the rows of a cover; the most violating tuples of a group; groups."""


class Removal(Enum):
    """How the least removal of a rule is computed."""

    AGREEMENT = auto()
    CHAIN = auto()
    BOUNDS = auto()


def removal(rule: Pairs) -> Removal:
    """How the least removal of a rule over pairs of one relation is computed."""
    if not rule.alike:
        return Removal.BOUNDS
    if len(rule.shape.ordered) == 2 and not rule.shape.unequal:
        return Removal.CHAIN
    if len(rule.shape.ordered) < 2 and len(_shared(rule)) <= 2:
        return Removal.AGREEMENT
    return Removal.BOUNDS


def _shared(rule: Pairs) -> list[str]:
    """The attributes on one of which every two remaining tuples have to agree.

    ``<=`` is always true of two tuples in one order or the other, so it does not restrict which tuples remain.
    """
    return rule.unequal + [name for name, p in zip(rule.ordered, rule.shape.ordered, strict=True) if p.strict]


def agreement_counts(rule: Pairs, violations: DataFrame) -> list[DataFrame]:
    """``surplus``: violating tuples minus those of the largest set of each group that agree on an attribute."""
    from pyspark.sql import functions as F

    rows = violating(rule, violations)
    frames = [count_frame(rule.name, rows, surplus=F.count("*"))]
    sizes = None
    for name in _shared(rule):
        of_values = rows.groupBy(*rule.keys, name).agg(F.count("*").alias("c")).select(*rule.keys, "c")
        sizes = of_values if sizes is None else sizes.unionAll(of_values)
    if sizes is None:
        kept = rows.groupBy(*rule.keys).agg(F.least(F.count("*"), F.lit(1)).alias("most"))
    else:
        kept = sizes.groupBy(*rule.keys).agg(F.max("c").alias("most"))
    return [*frames, count_frame(rule.name, kept, surplus=-F.sum("most"))]


def chain_counts(rule: Pairs, violations: DataFrame, tuples: int) -> list[DataFrame]:
    """``surplus``: violating tuples minus those of the longest chain of each group.

    Args:
        tuples: number of tuples that violate the rule; no group may have more than :data:`LONGEST_CHAIN`.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    rows = violating(rule, violations)
    frames = [count_frame(rule.name, rows, surplus=F.count("*"))]
    if rule.keys:
        group = Window.partitionBy(*rule.keys).orderBy("rid").rowsBetween(ALL, 0)
        rows = rows.select("o0", "o1", F.min("rid").over(group).alias("grp"))
    else:
        rows = rows.select("o0", "o1", F.lit(0).cast("bigint").alias("grp"))
    together = F.pmod(F.hash("grp"), F.lit(tuples // _CHAINS_TOGETHER + 1))
    one, two = (predicate.operator for predicate in rule.shape.ordered)
    kept = rows.withColumn("bundle", together).groupBy("bundle").applyInArrow(longest_chains(one, two), "kept bigint")
    return [*frames, count_frame(rule.name, kept, surplus=-F.sum("kept"))]


def cover_counts(rule: Pairs, violations: DataFrame) -> list[DataFrame]:
    """:data:`COVERS` of a rule over pairs of one relation."""
    from pyspark.sql import functions as F

    of_rule = violations.where(F.col("rule") == rule.name)
    first = (F.col("role") == rule.constraint.variables[0]).cast("int")
    second = F.lit(1) if rule.shape.symmetric else 1 - first
    tuples = of_rule.groupBy("grp", "rid").agg(F.max(first).alias("f"), F.max(second).alias("s"))
    groups = tuples.groupBy("grp").agg(F.sum("f").alias("f"), F.sum("s").alias("s"), F.count("*").alias("n"))
    covers = groups.agg(
        F.lit(None).cast("decimal(38,0)").alias("matched"),
        F.sum(F.least("f", "s", F.col("n") - 1)).cast("decimal(38,0)").alias("cover"),
        F.max("n").cast("decimal(38,0)").alias("largest"),
        F.count("*").cast("decimal(38,0)").alias("spread"),
    )
    nothing = [F.lit(None).cast("decimal(38,0)").alias(name) for name in COVERS[1:]]
    matched = _matched(of_rule, first).select(F.col("matched").cast("decimal(38,0)"), *nothing)
    name = F.lit(rule.name).alias("rule")
    return [covers.select(name, *COVERS), matched.select(name, *COVERS)]


def succession_counts(rule: Pairs, sizes: DataFrame, violations: DataFrame) -> list[DataFrame]:
    """:data:`COVERS` of a rule about consecutive tuples.

    Two tuples that remain are consecutive if they were before, so each violating pair loses a tuple. Other tuples
    become consecutive, though: only a single tuple of a group violates nothing for certain.

    Args:
        sizes: the tuples of each group, ``grp, n``.
    """
    from pyspark.sql import functions as F

    of_rule = violations.where(F.col("rule") == rule.name)
    groups = sizes.join(of_rule.select("grp").distinct(), "grp")
    values = {"cover": F.sum(F.col("n") - 1), "largest": F.max("n"), "spread": F.count("*")}
    covers = groups.agg(*[value.cast("decimal(38,0)").alias(name) for name, value in values.items()])
    first = (F.col("role") == rule.constraint.variables[0]).cast("int")
    none = F.lit(None).cast("decimal(38,0)")
    name = F.lit(rule.name).alias("rule")
    matched = _matched(of_rule, first).select(name, F.col("matched").cast("decimal(38,0)"),
                                              *[none.alias(other) for other in COVERS[1:]])  # fmt: skip
    return [covers.select(name, none.alias("matched"), *COVERS[1:]), matched]


def _matched(evidence: DataFrame, first_role: Column) -> DataFrame:
    """Pairs without a common tuple: each is, in a random order, the first pair of both its tuples."""
    from pyspark.sql import functions as F

    scattered = F.hash("rid", "partner", "role").cast("decimal(38,0)") * F.lit(1 << 62).cast("decimal(19,0)")
    edges = evidence.select("rid", "partner", first_role.alias("f"), scattered.cast("decimal(38,0)").alias("scattered"))
    # the row and its role make the place of a pair in the order unique
    own = F.col("rid").cast("decimal(38,0)") * 2 + F.col("f")
    edges = edges.select("rid", "partner", (F.col("scattered") + own).cast("decimal(38,0)").alias("place"))
    ends = edges.select("rid", "place").unionAll(edges.select("partner", "place"))
    first = ends.groupBy("rid").agg(F.min("place").alias("place"))
    chosen = edges.join(first, ["rid", "place"], "left_semi")
    others = first.select(F.col("rid").alias("partner"), "place")
    return chosen.join(others, ["partner", "place"], "left_semi").agg(F.count("*").alias("matched"))


def violating(rule: Pairs, violations: DataFrame) -> DataFrame:
    """The rows that violate a rule, in any role."""
    from pyspark.sql import functions as F

    return rule.first.join(violations.where(F.col("rule") == rule.name).select("rid"), "rid", "left_semi")
