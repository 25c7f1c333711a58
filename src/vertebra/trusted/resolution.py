"""The resolution of each violation: repaired, quarantined, accepted by a person, or reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.trusted.decisions import DecisionsInForce

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

    from vertebra.engine.port import Engine

_BITS: Final = 62
"""Rules per 64-bit number, without the sign bit."""


INTRODUCED: Final = "introduced"
"""The resolution of a violation that the table has only after cleaning."""


@dataclass(frozen=True)
class ViolationSummary:
    """The violations of a table, counted by outcome.

    Attributes:
        violating: rows for each set of rules that they violate.
        accepted: violating tuples that a person accepted, per rule.
        unresolved: violating tuples that are neither accepted nor resolved, per rule.
        repaired: cells that were repaired, per rule.
        quarantined: rows that were removed, per rule.
    """

    violating: Mapping[frozenset[str], int] = field(default_factory=dict)
    accepted: Mapping[str, int] = field(default_factory=dict)
    unresolved: Mapping[str, int] = field(default_factory=dict)
    repaired: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows that violate a rule."""
        return sum(self.violating.values())

    def rows_of(self, rules: Collection[str]) -> int:
        """Rows that violate at least one of some rules."""
        return sum(tuples for broken, tuples in self.violating.items() if not broken.isdisjoint(rules))

    def left(self, rule: str) -> int:
        """Violating tuples of a rule that are neither accepted nor resolved."""
        return self.unresolved.get(rule, 0)


def resolve(
    violations: DataFrame,
    decisions: DecisionsInForce,
    quarantining: Collection[str],
    engine: Engine,
    repaired: DataFrame | None = None,
    removed: DataFrame | None = None,
    remaining: DataFrame | None = None,
) -> DataFrame:
    """Violations with their ``resolution``.

    A violation is ``quarantined`` if its row was removed. It is also ``quarantined`` if it is gone, its rule removes
    rows, and its own row was not repaired, or if nothing was repaired: then the row in conflict with it was removed. It
    is ``accepted`` if a person accepted it or released its row, ``repaired`` if it is gone for another reason, and
    ``reported`` if it remains.

    Args:
        violations: ``rule, rid, role, partner``, before cleaning.
        quarantining: rules with ``on_violation: quarantine``.
        repaired: the repaired cells (``rid``); None if there are none.
        removed: the rows in quarantine (``rid``); None if there are none.
        remaining: ``rule, rid`` of the violations after cleaning; None when cleaning changed nothing.
    """
    from pyspark.sql import functions as F

    frame, resolution = violations, F.lit("reported")
    if remaining is not None:
        still = remaining.select("rule", "rid", F.lit(True).alias("_still")).distinct()
        frame = frame.join(still, ["rule", "rid"], "left")
        gone = F.lit("repaired" if repaired is not None else "quarantined")
        if quarantining:
            gone = F.when(F.col("rule").isin(sorted(quarantining)), "quarantined").otherwise(gone)
        if quarantining and repaired is not None:
            touched = repaired.select("rid", F.lit(True).alias("_touched")).distinct()
            frame = frame.join(touched, "rid", "left")
            gone = F.when(F.col("_touched"), "repaired").otherwise(gone)
        resolution = F.when(F.col("_still"), resolution).otherwise(gone)
    accepted = decisions.accepted | {(rule, rid) for rule in quarantining for rid in decisions.released}
    if accepted:
        listed = engine.session.createDataFrame(sorted(accepted), "rule string, rid bigint")
        frame = frame.join(listed.withColumn("_accepted", F.lit(True)), ["rule", "rid"], "left")
        resolution = F.when(F.col("_accepted"), "accepted").otherwise(resolution)
    if removed is not None:
        frame = frame.join(removed.select("rid", F.lit(True).alias("_removed")), "rid", "left")
        resolution = F.when(F.col("_removed"), "quarantined").otherwise(resolution)
    return frame.select("rule", "rid", "role", "partner", resolution.alias("resolution"))


def introduced(before: DataFrame, after: DataFrame) -> DataFrame:
    """The violations that cleaning introduced.

    Args:
        before: ``rule, rid, role`` of the violations before cleaning.
        after: ``rule, rid, role, partner`` of those after it.
    """
    from pyspark.sql import functions as F

    new = after.join(before.select("rule", "rid", "role"), ["rule", "rid", "role"], "left_anti")
    return new.select("rule", "rid", "role", "partner", F.lit(INTRODUCED).alias("resolution"))


def without_introduced(violations: DataFrame) -> DataFrame:
    """The violations before cleaning, of all those in the ledger."""
    from pyspark.sql import functions as F

    return violations.where(F.col("resolution") != INTRODUCED)


def summarise_violations(
    before: DataFrame, after: DataFrame | None, rules: Sequence[str]
) -> tuple[ViolationSummary, ViolationSummary]:
    """Count the violations before and after cleaning by outcome, in one engine job.

    Args:
        before: ``rule, rid, resolution`` of the violations before cleaning.
        after: the same for the violations after cleaning; None when cleaning changed nothing.
        rules: the names of all rules that may be violated.
    """
    from pyspark.sql import functions as F

    stages = {"before": before} if after is None else {"before": before, "after": after}
    counts = [_by_rules(frame, rules).withColumn("stage", F.lit(stage)) for stage, frame in stages.items()]
    found: dict[str, list[Row]] = {stage: [] for stage in stages}
    for row in reduce(lambda first, second: first.unionByName(second), counts).collect():
        found[row["stage"]].append(row)
    summary = [_summary(rows, rules) for rows in found.values()]
    return summary[0], summary[-1]


def _by_rules(violations: DataFrame, rules: Sequence[str]) -> DataFrame:
    """Number of rows by the set of rules they violate and the set of accepted violations, with one bit for each rule.

    These counts answer "how many rows violate at least one of these rules" for any rules, from one pass over the rows.
    """
    from pyspark.sql import functions as F

    bits = [f"v{word}" for word in range(_words(rules))]
    of_rule: dict[str, list[tuple[str, int]]] = {name: [] for name in bits}
    for place, rule in enumerate(rules):
        of_rule[f"v{place // _BITS}"].append((rule, 1 << place % _BITS))
    marked = violations.select(
        "rid",
        (F.col("resolution") == "accepted").alias("accepted"),
        *[_case(pairs).alias(name) for name, pairs in of_rule.items()],
    )
    nothing = F.lit(0).cast("bigint")
    aggregates = [F.bit_or(name).alias(name) for name in bits]
    aggregates += [
        F.bit_or(F.when(F.col("accepted"), F.col(name)).otherwise(nothing)).alias(f"a{name}") for name in bits
    ]
    sets = [*bits, *[f"a{name}" for name in bits]]
    return marked.groupBy("rid").agg(*aggregates).groupBy(*sets).agg(F.count(F.lit(1)).alias("tuples"))


def _case(pairs: Sequence[tuple[str, int]]) -> Column:
    """The bit of a violation's rule, as one flat CASE: nested ones exceed the depth that engines allow."""
    from pyspark.sql import functions as F

    (rule, bit), *others = pairs
    chosen = F.when(F.col("rule") == rule, F.lit(bit).cast("bigint"))
    for rule, bit in others:
        chosen = chosen.when(F.col("rule") == rule, F.lit(bit).cast("bigint"))
    return chosen.otherwise(F.lit(0).cast("bigint"))


def _words(rules: Sequence[str]) -> int:
    return max(1, -(-len(rules) // _BITS))


def _summary(rows: Sequence[Row], rules: Sequence[str]) -> ViolationSummary:
    violating: Counter[frozenset[str]] = Counter()
    accepted: Counter[str] = Counter()
    unresolved: Counter[str] = Counter()
    for row in rows:
        broken, waived = (
            {rule for place, rule in enumerate(rules) if row[f"{prefix}v{place // _BITS}"] >> place % _BITS & 1}
            for prefix in ("", "a")
        )
        violating[frozenset(broken)] += row["tuples"]
        for rule in broken:
            (accepted if rule in waived else unresolved)[rule] += row["tuples"]
    return ViolationSummary(violating, accepted, unresolved)
