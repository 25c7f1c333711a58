"""Counting the pairs of tuples that violate a rule, from the sizes of groups and without making the pairs.

Pairs are counted in decimals: a sum of 64-bit integers wraps around on the embedded engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from vertebra.trusted.detect.plan import Counting
from vertebra.trusted.detect.roles import Pairs, joined
from vertebra.trusted.detect.sweep import partitioned

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

MEASURES = ("pairs", "surplus")
"""The measures of count frames: violating pairs ``(t, s)``, in both orders if the rule is symmetric; and the rows to
remove so that none violates the rule. The rows of a rule in several frames add up."""


def pair_counts(rule: Pairs) -> list[DataFrame]:
    """Counts of a rule with at most one order predicate, among the rows that can play its roles; see
    :func:`count_frame`."""
    if rule.planned.counting is Counting.VALUES:
        return [_dependency(rule)]
    return list(_pairs(rule, rule.first, rule.second))


def count_frame(rule: str, frame: DataFrame, **totals: Column) -> DataFrame:
    """A count frame: the rule and its measures, aggregates over ``frame``. NULLs are ignored."""
    from pyspark.sql import functions as F

    aggregated = frame.agg(*[total.alias(name) for name, total in totals.items()])
    values = [(F.col(name) if name in totals else F.lit(None)).cast("decimal(38,0)").alias(name) for name in MEASURES]
    return aggregated.select(F.lit(rule).alias("rule"), *values)


def _wide(name: str) -> Column:
    """A count, wide enough to be squared."""
    from pyspark.sql import functions as F

    return F.col(name).cast("decimal(19,0)")


def _dependency(rule: Pairs) -> DataFrame:
    """Counts of a functional dependency: n² − Σ n_A² pairs in each group; the minority cells are wrong."""
    from pyspark.sql import functions as F

    same = rule.first.groupBy(*rule.keys, "d0").agg(F.count("*").alias("c"))
    groups = same.groupBy(*rule.keys).agg(
        F.sum(_wide("c")).alias("n"),
        F.sum(_wide("c") * _wide("c")).alias("squares"),
        F.max("c").alias("most"),
    )
    n = _wide("n")
    return count_frame(
        rule.name,
        groups,
        pairs=F.sum(n * n - F.col("squares")),
        surplus=F.sum(n - F.col("most")),
    )


def _pairs(rule: Pairs, first: DataFrame, second: DataFrame) -> Iterator[DataFrame]:
    """Pairs, by inclusion and exclusion over the ``≠`` predicates: pairs that agree on an attribute are subtracted."""
    from pyspark.sql import functions as F

    for chosen, sign in _subsets(rule.unequal):
        keys = [*rule.keys, *chosen]
        rows = _one_order(rule, first, second, keys) if rule.ordered else _no_order(first, second, keys)
        yield count_frame(rule.name, rows, pairs=F.sum(_wide("nf") * _wide("ns")) * sign)
    if not rule.shape.self_excluded:
        yield count_frame(rule.name, first.where("itself"), pairs=-F.count("*"))


def _subsets(unequal: Sequence[str]) -> Iterator[tuple[tuple[str, ...], int]]:
    for size in range(len(unequal) + 1):
        for chosen in combinations(unequal, size):
            yield chosen, (-1) ** size


def _no_order(first: DataFrame, second: DataFrame, keys: Sequence[str]) -> DataFrame:
    """How many rows of each role a group has: ``nf, ns``."""
    from pyspark.sql import functions as F

    if first is second:
        return first.groupBy(*keys).agg(F.count("*").alias("nf"), F.count("*").alias("ns"))
    firsts = first.groupBy(*keys).agg(F.count("*").alias("nf"))
    seconds = second.groupBy(*keys).agg(F.count("*").alias("ns"))
    return joined(firsts, seconds, keys)


def _one_order(rule: Pairs, first: DataFrame, second: DataFrame, keys: Sequence[str]) -> DataFrame:
    """For each value, its rows, and the rows of the other role that meet the order predicate with it: ``nf, ns``."""
    from pyspark.sql import functions as F

    operator = rule.shape.ordered[0].operator
    rows = first.select(*keys, "o0", F.lit(1).alias("f"), F.lit(0).alias("s")).unionAll(
        second.select(*keys, "o0", F.lit(0).alias("f"), F.lit(1).alias("s"))
    )
    values = rows.groupBy(*keys, "o0").agg(F.sum("f").alias("nf"), F.sum("s").alias("ns"))
    order = F.col("o0").desc() if operator in {"<", "<="} else F.col("o0").asc()
    window = partitioned(keys).orderBy(order)
    last = -1 if operator in {"<", ">"} else 0
    return values.withColumn("ns", F.sum("ns").over(window.rowsBetween(-(1 << 63), last)))
