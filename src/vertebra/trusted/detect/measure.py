"""Measures the violations that a detection found: tuples, pairs, groups, and the rows to remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vertebra.denial import Inclusion
from vertebra.trusted.detect.consecutive import Consecutive
from vertebra.trusted.detect.counts import MEASURES, pair_counts
from vertebra.trusted.detect.dominance import divided_pair_counts
from vertebra.trusted.detect.jobs import Jobs, Part
from vertebra.trusted.detect.least_removal import (
    COVERS,
    LONGEST_CHAIN,
    Removal,
    agreement_counts,
    chain_counts,
    cover_counts,
    removal,
    succession_counts,
)
from vertebra.trusted.detect.plan import Counting, Plan, Planned
from vertebra.trusted.detect.roles import Pairs
from vertebra.trusted.detect.rule_count import RuleCount

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.rules import NamedRule


def measured(
    plan: Plan,
    rules: Sequence[NamedRule],
    violated: Sequence[Pairs],
    found: DataFrame,
    jobs: Jobs,
    consecutive: Sequence[Consecutive] = (),
) -> tuple[RuleCount, ...]:
    """Measure the violations of each rule.

    Args:
        violated: the rules about two tuples that may be violated, over the rows in question.
        found: the violations: ``rule STRING, rid BIGINT, role STRING, partner BIGINT, grp STRING``.
        jobs: has collected the measures of groups already.
        consecutive: the rules about consecutive tuples, whose pairs are counted already.
    """
    _count_tuples(plan, found, jobs)
    _count_pairs(violated, found, jobs)
    _count_removals(violated, found, jobs)
    jobs.collect([
        Part((rule.name,), frame.select("rule", *COVERS))
        for shared in consecutive
        for rule in shared.rules
        if jobs.counts[rule.name].get("tuples")
        for frame in succession_counts(rule, shared.sizes(), found)
    ])  # fmt: skip
    return tuple(_rule_count(rule, plan, jobs) for rule in rules)


def _count_pairs(violated: Sequence[Pairs], found: DataFrame, jobs: Jobs) -> None:
    parts: list[Part] = []
    for pair in violated:
        if not jobs.counts[pair.name].get("tuples"):
            continue
        match pair.planned.counting:
            case Counting.TUPLES | Counting.GROUPS:
                continue
            case Counting.BLOCKS:
                with jobs.timed([pair.name]):
                    folder = jobs.folder("divided", pair.name, "pairs")
                    frames = divided_pair_counts(pair, jobs.table, found, jobs.engine, folder)
            case _:
                frames = pair_counts(pair)
        parts += [Part((pair.name,), frame.select("rule", *MEASURES)) for frame in frames]
    jobs.collect(parts)


def _count_removals(violated: Sequence[Pairs], found: DataFrame, jobs: Jobs) -> None:
    """Count the rows to remove, for rules where the number of pairs does not determine it."""
    wanted = [
        pair
        for pair in violated
        if jobs.counts[pair.name].get("tuples")
        and pair.shape.one_relation
        and not (pair.shape.key or pair.shape.dependency)
    ]
    covered = [pair for pair in wanted if removal(pair) is not Removal.AGREEMENT]
    jobs.collect([Part((p.name,), f.select("rule", *COVERS)) for p in covered for f in cover_counts(p, found)])
    parts = []
    for pair in wanted:
        own = jobs.counts[pair.name]
        frames = []
        if removal(pair) is Removal.AGREEMENT:
            frames = agreement_counts(pair, found)
        elif removal(pair) is Removal.CHAIN and own["largest"] <= LONGEST_CHAIN:
            frames = chain_counts(pair, found, own["tuples"])
        parts += [Part((pair.name,), frame.select("rule", *MEASURES)) for frame in frames]
    jobs.collect(parts)


def _count_tuples(plan: Plan, found: DataFrame, jobs: Jobs) -> None:
    """Count the tuples and groups that violate each rule."""
    from pyspark.sql import functions as F

    several = [one.name for one in plan.pairs if not one.shape.symmetric]
    undecided = [one.name for one in plan.pairs if not one.decided]
    frames = []
    for names, once in ((several, False), ([name for name in jobs.counts if name not in several], True)):
        if names:
            tuples = F.count("rid") if once else F.countDistinct("rid")
            of_rules = _of_rules(found, names).groupBy("rule")
            frames.append(of_rules.agg(tuples.alias("tuples"), F.lit(None).cast("bigint").alias("violating_groups")))
    if undecided:
        of_rules = _of_rules(found, undecided).groupBy("rule")
        groups = of_rules.agg(F.countDistinct("grp").alias("violating_groups"))
        frames.append(groups.select("rule", F.lit(None).cast("bigint").alias("tuples"), "violating_groups"))
    jobs.collect([Part((), frame) for frame in frames])


def _rule_count(rule: NamedRule, plan: Plan, jobs: Jobs) -> RuleCount:
    rows, own = jobs.rows, jobs.counts[rule.name]
    tuples, groups, suspects = own.get("tuples", 0), own.get("groups", 0), own.get("suspects", 0)
    if isinstance(rule.constraint, Inclusion):
        return RuleCount(rule.name, "reference", rows, tuples, groups=groups, violating_groups=suspects, g3_rows=tuples)
    one = Planned(rule, rule.constraint, plan.shapes[rule.name])
    shape = one.shape
    if shape.single:
        return RuleCount(rule.name, shape.name, rows, tuples, g3_rows=tuples)
    half = 2 if shape.symmetric else 1
    doubled = own.get("doubled_lhs_pairs", 0)
    low, high = _removed(one, own)
    exact = low if low == high else None
    grouped = bool(shape.succession.by if shape.succession else shape.equal)
    return RuleCount(
        rule=rule.name,
        constraint_class=shape.name,
        rows=rows,
        violating_tuples=tuples,
        violating_pairs=(doubled if one.counting is Counting.GROUPS else own.get("pairs", 0)) // half,
        lhs_pairs=doubled // 2 if grouped or shape.succession else None,
        groups=groups if grouped else None,
        violating_groups=(suspects if one.decided else own.get("violating_groups", 0)) if grouped else None,
        g3_rows=exact,
        minority_cells=exact if shape.dependency else None,
        g3_low=low,
        g3_high=high,
    )


def _removed(one: Planned, own: Mapping[str, int]) -> tuple[int, int]:
    """Bounds on the rows to remove so that a rule about two tuples holds."""
    tuples = own.get("tuples", 0)
    if not tuples or not one.shape.one_relation:
        return tuples, tuples
    if one.shape.succession is not None:
        return max(own["matched"], own["spread"]), own["cover"]
    if one.shape.key:
        return own["duplicates"], own["duplicates"]
    if "surplus" in own:
        return own["surplus"], own["surplus"]
    # a row is in one group if both roles have the same keys; then each violating group has to lose one row
    groups = own["spread"] if all(predicate.same for predicate in one.shape.equal) else 1
    return max(groups, own["matched"], 1), min(own["cover"], tuples)


def _of_rules(found: DataFrame, names: Sequence[str]) -> DataFrame:
    """The violations of some rules.

    The list has an empty name, which no rule has: with a single name, the embedded engine treats the column as constant
    and the rows as sorted by it; counting distinct values then takes 50 times as long.
    """
    from pyspark.sql import functions as F

    return found.where(F.col("rule").isin([*names, ""]))
