"""Divide and conquer in SQL: it removes one order predicate from a rule, at the cost of log n times the rows.

For each row of one role, the *probe*, it searches a row of the other role, the *target*, with ``probe.o < target.o``
and other predicates. The targets are numbered in the order of ``o``: a probe meets the predicate with the first p of
them. The numbers below p form one block of length 2^l for each bit l of p. A probe therefore enters one block per bit,
and a target one block per level; within a block, every pair meets the order predicate. The remaining rule has one order
predicate fewer and one more equality key. The rest of p, shorter than the smallest block, is compared directly.

Source: J. L. Bentley, Multidimensional divide-and-conquer, CACM 23(4), 1980; in place of recursion, all levels at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.trusted.detect.roles import all_of, compare, joined
from vertebra.trusted.detect.sweep import ordered

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine

LEAF_BITS: Final = 6
"""Blocks of 2^6 rows are compared directly, which costs less than six more copies of each row."""

_LEVEL_BITS: Final = 6


@dataclass(frozen=True)
class PairCondition:
    """The condition on a pair, in terms of the columns of the frames of both roles.

    Attributes:
        keys: must be equal.
        unequal: must differ; ``rid`` among them when a row may satisfy the rule with itself.
        operators: ``probe.o<i> operators[i] target.o<i>``.
        floating: the floating-point ones among ``unequal`` and ``o<i>``.
    """

    keys: tuple[str, ...]
    unequal: tuple[str, ...]
    operators: tuple[str, ...]
    floating: frozenset[str] = frozenset()

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that are ordered or must differ, without the row id."""
        return (*[name for name in self.unequal if name != "rid"], *[f"o{i}" for i in range(len(self.operators))])


@dataclass(frozen=True)
class Split:
    """A search without one of its order predicates.

    Attributes:
        blocks: the events, once for each block that they enter; they have one more key.
        keys: the keys of the blocks.
        leaf_probes: the probes of blocks shorter than the smallest.
        leaf_targets: the targets of these blocks; all names but those of the keys begin with ``w_``.
        leaf_keys: the keys of the leaves; the order predicate remains to be checked: ``p > w_p``.
    """

    blocks: DataFrame
    keys: tuple[str, ...]
    leaf_probes: DataFrame
    leaf_targets: DataFrame
    leaf_keys: tuple[str, ...]


def both_roles(probes: DataFrame, targets: DataFrame, condition: PairCondition) -> DataFrame:
    """The rows of both roles as events: the compared values, ``rid``, and whether the row ``is_probe``."""
    from pyspark.sql import functions as F

    columns = [*condition.keys, *condition.values, "rid"]
    first = probes.select(*columns, F.lit(True).alias("is_probe"))
    return first.unionAll(targets.select(*columns, F.lit(False).alias("is_probe")))


def split(
    events: DataFrame, keys: Sequence[str], order: tuple[str, str], depth: int, engine: Engine, folder: Path
) -> Split:
    """Remove the order predicate ``probe.order[0] order[1] target.order[0]`` from a search.

    Args:
        events: the rows of both roles: the keys, values, ``rid, is_probe``.
        keys: columns that must be equal; the last one is a block if ``depth`` is not 0.
        depth: how many order predicates were removed before.
        folder: a new folder for the numbered events, which are read three times.
    """
    from pyspark.sql import functions as F

    value, operator = order
    targets = F.when(F.col("is_probe"), F.lit(0)).otherwise(F.lit(1))
    before = ordered(keys, value, operator).rowsBetween(-(1 << 63), 0)
    numbered = events.withColumn("p", (F.sum(targets).over(before) - targets).cast("bigint")).drop(value)
    numbered = engine.materialise(numbered.where("not is_probe or p > 0"), folder)
    leaf = numbered.withColumn(f"n{depth}", F.expr(f"shiftright(p, {LEAF_BITS})"))
    leaf_keys = (*keys, f"n{depth}")
    leaf_targets = leaf.where("not is_probe").drop("is_probe")
    return Split(
        blocks=_blocks(numbered, keys, depth).drop("p"),
        keys=leaf_keys,
        leaf_probes=leaf.where(f"is_probe and p % {1 << LEAF_BITS} > 0").drop("is_probe"),
        leaf_targets=leaf_targets.select(
            *leaf_keys, *[F.col(c).alias(f"w_{c}") for c in leaf_targets.columns if c not in leaf_keys]
        ),
        leaf_keys=leaf_keys,
    )


def compared(parts: Split, condition: PairCondition, remaining: Sequence[int]) -> DataFrame:
    """The pairs within leaves that meet the condition: columns of both, those of the targets with ``w_``.

    Args:
        remaining: the places of the order predicates that were not removed.
    """
    from pyspark.sql import functions as F

    met = [F.col("p") > F.col("w_p")]
    met += [F.col(name) != F.col(f"w_{name}") for name in condition.unequal]
    met += [compare(F.col(f"o{i}"), condition.operators[i], F.col(f"w_o{i}")) for i in remaining]
    return joined(parts.leaf_probes, parts.leaf_targets, parts.leaf_keys).where(all_of(met))


def _blocks(numbered: DataFrame, keys: Sequence[str], depth: int) -> DataFrame:
    """The numbered events with ``n<depth>``, once per block: its place among those of its length, then the length.

    Only blocks that probes use are made: they begin at an even multiple of their length and end before the greatest
    ``p`` of the group.
    """
    from pyspark.sql import functions as F

    rows = (
        numbered.withColumn("most", _most(numbered, keys, depth)) if depth or not keys else _of_groups(numbered, keys)
    )
    rows = rows.withColumn("levels", F.floor(F.log2(F.greatest("most", F.lit(1)))).cast("int") + 1)
    # sequence() counts down if it ends before it begins
    rows = rows.where(f"levels >= {LEAF_BITS}")
    rows = rows.withColumn("level", F.explode(F.sequence(F.lit(LEAF_BITS), F.col("levels"))))
    rows = rows.withColumn("block", F.expr("shiftright(p, level)"))
    rows = rows.where("block % 2 = cast(is_probe as int)")
    rows = rows.withColumn("block", F.expr("case when is_probe then block - 1 else block end"))
    rows = rows.where("is_probe or shiftleft(block + 1, level) <= most")
    node = F.expr(f"shiftleft(block, {_LEVEL_BITS}) + level").cast("bigint")
    return rows.withColumn(f"n{depth}", node).drop("most", "levels", "level", "block")


def _most(numbered: DataFrame, keys: Sequence[str], depth: int) -> Column:
    """The greatest ``p`` of probes: of blocks, their length; without keys, of all rows."""
    from pyspark.sql import functions as F

    if depth:
        return F.expr(f"shiftleft(cast(1 as bigint), cast({keys[-1]} & {(1 << _LEVEL_BITS) - 1} as int))")
    (row,) = numbered.where("is_probe").agg(F.max("p").alias("most")).collect()
    return F.lit(row["most"] or 0).cast("bigint")


def _of_groups(numbered: DataFrame, keys: Sequence[str]) -> DataFrame:
    """The events with ``most``, the greatest ``p`` of the probes of their group."""
    from pyspark.sql import functions as F

    return joined(numbered, numbered.where("is_probe").groupBy(*keys).agg(F.max("p").alias("most")), keys)
