"""Rules with more order predicates, or more ``≠`` beside two of them, than one sweep can check.

Order predicates are removed one by one (:mod:`~vertebra.trusted.detect.divide_and_conquer`) until a sweep, or
candidates per group, check what remains: n·log^(k-1) n for k predicates. Before that, a row is dropped if it meets some
two of the order predicates with no row; in clean data few rows remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from vertebra.trusted.detect.counts import count_frame
from vertebra.trusted.detect.divide_and_conquer import PairCondition, both_roles, compared, split
from vertebra.trusted.detect.single_tuple import group_text
from vertebra.trusted.detect.sweep import running, sweep_events
from vertebra.trusted.detect.witnesses import witnesses

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.detect.roles import Pairs

_SWEEP_UNEQUAL = 1


def divided_violations(rule: Pairs, side: int, engine: Engine, folder: Path) -> DataFrame:
    """The tuples of one role that violate a rule: ``rid, partner, grp``.

    Args:
        folder: a new folder for intermediate results.
    """
    probes, targets = (rule.second, rule.first) if side else (rule.first, rule.second)
    return dominated(probes, targets, pair_condition(rule, side), engine, folder)


def divided_pair_counts(
    rule: Pairs, table: str, violations: DataFrame, engine: Engine, folder: Path
) -> list[DataFrame]:
    """Pairs of a rule with two order predicates or more, among the tuples of ``table`` that violate it."""
    from pyspark.sql import functions as F

    def violating(frame: DataFrame, side: int) -> DataFrame:
        if rule.constraint.relations[side] != table:
            return frame
        role = rule.constraint.variables[0 if rule.shape.symmetric else side]
        of_rule = violations.where((F.col("rule") == rule.name) & (F.col("role") == role)).select("rid")
        return frame.join(of_rule, "rid", "left_semi")

    first, second = violating(rule.first, 0), violating(rule.second, 1)
    condition = replace(pair_condition(rule, 0), unequal=tuple(rule.unequal))
    frames = [
        count_frame(rule.name, n, pairs=F.sum("n")) for n in dominance_pairs(first, second, condition, engine, folder)
    ]
    if rule.meets_itself:
        both = first.where("itself").select("rid").join(second.select("rid"), "rid", "left_semi")
        frames.append(count_frame(rule.name, both, pairs=-F.count("*")))
    return frames


def pair_condition(rule: Pairs, side: int) -> PairCondition:
    """The condition that a tuple of one role has to meet with a tuple of the other."""
    operators = tuple((p.swapped if side else p).operator for p in rule.shape.ordered)
    unequal = (*rule.unequal, "rid") if rule.meets_itself else tuple(rule.unequal)
    return PairCondition(tuple(rule.keys), unequal, operators, rule.floating)


def dominated(
    probes: DataFrame, targets: DataFrame, condition: PairCondition, engine: Engine, folder: Path
) -> DataFrame:
    """The probes for which a witness exists.

    Args:
        probes: rows of one role: ``x…, d…, o0, o1, …, rid``; two order predicates or more.
        targets: rows of the other.
        folder: a new folder for intermediate results.

    Returns:
        ``rid, partner, grp``, one row per probe.
    """
    from pyspark.sql import functions as F

    folder.mkdir(parents=True)
    places = list(range(len(condition.operators)))
    swept_last = len(condition.unequal) <= _SWEEP_UNEQUAL
    events, keys = both_roles(probes, targets, condition), condition.keys
    found = []
    for depth, place in enumerate(places[: -2 if swept_last else -1]):
        parts = split(events, keys, (f"o{place}", condition.operators[place]), depth, engine, folder / str(depth))
        pairs = compared(parts, condition, places[depth + 1 :])
        found.append(pairs.select("rid", F.col("w_rid").alias("partner"), group_text(condition.keys).alias("grp")))
        events, keys = parts.blocks, parts.keys
    if swept_last:
        one, two = places[-2:]
        operators = (condition.operators[one], condition.operators[two])
        rows = _two_ordered(events, one, two)
        last = sweep_events(rows, keys, operators, condition.unequal[0] if condition.unequal else None, condition.keys)
    else:
        rows = engine.materialise(events.withColumnRenamed(f"o{places[-1]}", "o0"), folder / "last")
        floating = condition.floating - {"o0"} | ({"o0"} if f"o{places[-1]}" in condition.floating else set())
        last = witnesses(
            rows.where("is_probe").drop("is_probe"), rows.where("not is_probe").drop("is_probe"), list(keys),
            list(condition.unequal), condition.operators[-1], floating=frozenset(floating),
        )  # fmt: skip
        blocks = len(keys) - len(condition.keys)
        last = last.withColumn("grp", F.regexp_replace("grp", f"(\\x01[0-9]+){{{blocks}}}$", ""))
    if not found:
        return last
    for part in found:
        last = last.unionAll(part)
    merged = last.groupBy("rid").agg(F.max("partner").alias("partner"), F.max("grp").alias("grp"))
    return engine.materialise(merged, folder / "found")


def dominance_pairs(
    first: DataFrame, second: DataFrame, condition: PairCondition, engine: Engine, folder: Path
) -> list[DataFrame]:
    """The number of pairs that meet the condition: the sum of ``n`` over all frames, each of one row.

    Computed by inclusion and exclusion over the ``≠`` predicates: every row enters once for each set of them, in a
    group of rows that agree on the whole set; sets of odd size are subtracted. ``rid`` must not be among the columns
    that differ.
    """
    from pyspark.sql import functions as F

    folder.mkdir(parents=True)
    places = list(range(len(condition.operators)))
    events, keys = both_roles(first, second, condition), condition.keys
    if condition.unequal:
        events, keys = _agreeing(events, condition), (*keys, "mask", "agree")
    else:
        events = events.withColumn("sign", F.lit(1))
    ordered_only = PairCondition(condition.keys, (), condition.operators)
    counted = []
    for depth, place in enumerate(places[:-1]):
        parts = split(events, keys, (f"o{place}", condition.operators[place]), depth, engine, folder / str(depth))
        pairs = compared(parts, ordered_only, places[depth + 1 :])
        counted.append(pairs.agg(F.sum(F.col("sign").cast("decimal(19,0)")).alias("n")))
        events, keys = parts.blocks, parts.keys
    targets = F.when(F.col("is_probe"), F.lit(0)).otherwise(F.lit(1))
    before = F.sum(targets).over(running(keys, f"o{places[-1]}", condition.operators[-1]))
    rows = events.select("is_probe", "sign", before.alias("before")).where("is_probe and before > 0")
    counted.append(rows.agg(F.sum((F.col("before") * F.col("sign")).cast("decimal(19,0)")).alias("n")))
    return counted


def prefiltered(rule: Pairs, engine: Engine, folder: Path) -> tuple[DataFrame, DataFrame]:
    """The rows of both roles that meet each two of the order predicates of a rule with some row."""
    folder.mkdir(parents=True)
    condition = pair_condition(rule, 0)
    roles = [rule.first, rule.second]
    columns = roles[0].columns
    last = len(condition.operators) - 1
    neighbours = [*((i, i + 1) for i in range(last)), (0, last)]
    for step, (one, two) in enumerate(neighbours):
        side = step % 2
        operators = pair_condition(rule, side).operators
        rows = _two_ordered(both_roles(roles[side], roles[1 - side], condition), one, two)
        unequal = condition.unequal[0] if condition.unequal else None
        found = sweep_events(rows, condition.keys, (operators[one], operators[two]), unequal, condition.keys)
        kept = roles[side].join(found.select("rid"), "rid", "left_semi").select(*columns)
        roles[side] = engine.materialise(kept, folder / str(step))
    return roles[0], roles[1]


def _two_ordered(events: DataFrame, one: int, two: int) -> DataFrame:
    """Events with two ordered values, under the names that a sweep uses."""
    return events.withColumnsRenamed({f"o{one}": "a", f"o{two}": "b"})


def _agreeing(events: DataFrame, condition: PairCondition) -> DataFrame:
    """The events once per set of differing columns, ``mask``: ``agree`` numbers the values on it, ``sign`` is ±1."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    places = range(len(condition.unequal))
    sets = [chosen for size in range(len(places) + 1) for chosen in combinations(places, size)]
    masks = [F.struct(F.lit(_mask(chosen)).alias("mask"), F.lit((-1) ** len(chosen)).alias("sign")) for chosen in sets]
    rows = events.withColumn("set", F.explode(F.array(*masks)))
    rows = rows.withColumns({
        "mask": F.col("set.mask"),
        "sign": F.col("set.sign"),
        "event": F.expr("rid * 2 + cast(is_probe as int)"),
        **{f"c{i}": F.when(F.col("set.mask").bitwiseAND(1 << i) > 0, F.col(condition.unequal[i])) for i in places},
    })  # fmt: skip
    values = ["mask", *[f"c{i}" for i in places]]
    # a group is identified by its least event; numbering the groups would need ranks over NULLs
    alike = Window.partitionBy(*condition.keys, *values).orderBy("event").rowsBetween(Window.unboundedPreceding, 0)
    return rows.withColumn("agree", F.min("event").over(alike)).drop("set", "event", *values[1:], *condition.unequal)


def _mask(chosen: Sequence[int]) -> int:
    return sum(1 << place for place in chosen)
