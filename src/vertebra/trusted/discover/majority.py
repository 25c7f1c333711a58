"""How well columns determine another one: how often a row has the value that most rows of its group have.

The rows of a table with equal left-hand sides are a group. In a group of n rows of which m have its most common value,
m − 1 of n − 1 rows agree with a row of the majority. Over all groups, their share is compared with what the most common
value of the whole column gives: the *score* is 0 if a group says no more than the column does, and 1 if all rows of
each group agree. A wrong cell counts once, however large its group is; among pairs of rows it would count n − 1 times.

References: Kivinen and Mannila, "Approximate Inference of Functional Dependencies from Relations", Theoretical Computer
Science 149(1), 1995 (g3, the share of rows to remove). Goodman and Kruskal, "Measures of Association for Cross
Classifications", JASA 49(268), 1954 (lambda, the gain over the most common value).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Dependency = tuple[tuple[str, ...], str]
"""The columns of a left-hand side, and the column that they determine."""

_PER_JOB: Final = 12
"""Dependencies that are counted in one job of the engine."""

_SMALL_GROUPS: Final = 0.25
"""The greatest score that groups of independent values have on average: three rows with one of two values each."""


@dataclass(frozen=True)
class Majority:
    """The majorities of the groups of a left-hand side.

    Attributes:
        usual: the share of the most common value of the determined column, 0 to 1.
        rows: rows with a value in all columns.
        others: for each group, the rows but one: those that can differ from the rest of it.
        agreeing: of these, the rows that have the most common value of their group, but one.
        pairs: pairs of two such rows of a group, in both orders.
        one_differs: of these, the pairs of which the first differs from the majority.
        both_differ: of these, the pairs of which both differ from the majority.
    """

    usual: float
    rows: int
    others: int
    agreeing: int
    pairs: int
    one_differs: int
    both_differ: int

    @property
    def score(self) -> float:
        """1 if the groups determine the value, 0 if they say no more about it than the whole column does."""
        if not self.others or self.usual >= 1:
            return 0.0
        return (self.agreeing / self.others - self.usual) / (1 - self.usual)

    @property
    def surprise(self) -> float:
        """How unlikely as many rows agree by chance: the negative logarithm of a bound of the probability.

        The bound of Chernoff and Hoeffding for a binomial distribution. In small groups, chance alone makes a majority.
        """
        chance = self.usual + _SMALL_GROUPS * (1 - self.usual)
        share = self.agreeing / self.others if self.others else 0.0
        return self.others * _divergence(share, chance) if share > chance else 0.0

    @property
    def scattered(self) -> float:
        """How far the rows that differ are scattered over the groups, 0 to 1.

        Errors are scattered: that a row is wrong says nothing about the others of its group. Exceptions come together:
        a city with many post codes has no usual one. Measured by the intraclass correlation, which is a third if the
        rows that differ are in groups of which they are a third.
        """
        share = self.one_differs / self.pairs if self.pairs else 0.0
        if not 0 < share < 1:
            return 1.0
        correlation = (self.both_differ / self.pairs - share**2) / (share - share**2)
        return 1 - min(1.0, max(0.0, 3 * correlation))

    @property
    def exceptions(self) -> float:
        """The share of the rows that differ together, 0 to 1."""
        return (1 - self.agreeing / self.others) * (1 - self.scattered) if self.others else 0.0


def explains_more(longer: Majority, shorter: Majority) -> bool:
    """Whether a longer left-hand side has fewer disagreeing rows than a random split of the groups of a shorter one."""
    if not shorter.others or not longer.others:
        return False
    expected = longer.others * (1 - shorter.agreeing / shorter.others)
    left = longer.others - longer.agreeing
    if left > _LEFT * expected:
        return False
    # the bound of Chernoff for a Poisson distribution
    return expected - left + (left * math.log(left / expected) if left else 0.0) >= _UNLIKELY


def may_explain_more(shorter: Majority, rows: int) -> bool:
    """Whether a longer left-hand side can explain more than a shorter one in a table of some rows."""
    return bool(shorter.others) and rows * (1 - shorter.agreeing / shorter.others) >= _UNLIKELY


_LEFT: Final = 0.34
"""A column is added to a left-hand side if at most this share of the disagreeing rows is left."""

_UNLIKELY: Final = 7.0
"""The negative logarithm of 1 in 1,000."""


def _divergence(share: float, chance: float) -> float:
    """The divergence of Kullback and Leibler between two shares, in nats."""
    if chance >= 1:
        return 0.0
    divergence = share * math.log(share / chance) if share else 0.0
    return divergence + ((1 - share) * math.log((1 - share) / (1 - chance)) if share < 1 else 0.0)


def sampled(left: Sequence[np.ndarray[Any, Any]], right: np.ndarray[Any, Any], usual: float) -> Majority:
    """The majorities of a sample.

    Args:
        left: the codes of the columns of a left-hand side, -1 for NULL; each has one code per row.
        right: the codes of the determined column.
        usual: the share of its most common value.
    """
    known = right >= 0
    for codes in left:
        known = known & (codes >= 0)
    group = np.zeros(int(known.sum()), dtype=np.int64)
    for codes in left:
        group = np.unique(group * (int(codes.max(initial=0)) + 1) + codes[known], return_inverse=True)[1]
    width = int(right.max(initial=0)) + 1
    pairs, counts = np.unique(group * width + right[known], return_counts=True)
    owner = pairs // width
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    if not len(starts):
        return Majority(usual, 0, 0, 0, 0, 0, 0)
    sizes, most = np.add.reduceat(counts, starts), np.maximum.reduceat(counts, starts)
    differ = (sizes - most) * (sizes > 2)
    figures = (sizes, sizes - 1, most - 1, (sizes - 1) * (sizes - 2), differ * (sizes - 2), differ * (differ - 1))
    return Majority(usual, *(int(figure.sum()) for figure in figures))


_FIGURES: Final = ("rows", "others", "agreeing", "pairs", "one_differs", "both_differ")


def counted(frame: DataFrame, dependencies: Sequence[Dependency]) -> dict[Dependency, Majority]:
    """The exact majorities of a table, counted by the engine.

    Args:
        dependencies: left-hand sides and determined columns of the table.
    """
    usual = _usual(frame, sorted({right for _, right in dependencies}))
    found = {}
    for start in range(0, len(dependencies), _PER_JOB):
        batch = dependencies[start : start + _PER_JOB]
        parts = [_groups(frame, left, right, place) for place, (left, right) in enumerate(batch)]
        for row in reduce(lambda one, two: one.unionAll(two), parts).collect():
            figures = [int(row[name] or 0) for name in _FIGURES]
            found[batch[row["place"]]] = Majority(usual[batch[row["place"]][1]], *figures)
    return found


def _groups(frame: DataFrame, left: Sequence[str], right: str, place: int) -> DataFrame:
    from pyspark.sql import functions as F

    keys = [f"k{number}" for number in range(len(left))]
    named = [F.col(spark_identifier(name)).alias(key) for name, key in zip(left, keys, strict=True)]
    known = frame.select(*named, F.col(spark_identifier(right)).alias("value"))
    for key in (*keys, "value"):
        known = known.where(F.col(key).isNotNull())
    values = known.groupBy(*keys, "value").agg(F.count(F.lit(1)).alias("n"))
    sizes = values.groupBy(*keys).agg(F.sum("n").alias("size"), F.max("n").alias("most"))
    # as doubles: the squares of the sizes of large groups exceed 64 bits
    size, most = F.col("size").cast("double"), F.col("most").cast("double")
    differ = F.when(size > 2, size - most).otherwise(0.0)
    figures = (size, size - 1, most - 1, (size - 1) * (size - 2), differ * (size - 2), differ * (differ - 1))
    sums = [F.sum(figure).alias(name) for name, figure in zip(_FIGURES, figures, strict=True)]
    return sizes.agg(F.lit(place).alias("place"), *sums)


def _usual(frame: DataFrame, columns: Sequence[str]) -> dict[str, float]:
    """The share of the most common value of each column among the rows with a value."""
    from pyspark.sql import functions as F

    found = {}
    for start in range(0, len(columns), _PER_JOB):
        parts = []
        for place, name in enumerate(columns[start : start + _PER_JOB], start):
            values = frame.select(F.col(spark_identifier(name)).alias("value")).where(F.col("value").isNotNull())
            counts = values.groupBy("value").agg(F.count(F.lit(1)).alias("n"))
            parts.append(counts.agg(F.lit(place).alias("place"), F.max("n").alias("most"), F.sum("n").alias("all")))
        for row in reduce(lambda one, two: one.unionAll(two), parts).collect():
            found[columns[row["place"]]] = int(row["most"] or 0) / int(row["all"]) if row["all"] else 1.0
    return found
