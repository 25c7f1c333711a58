"""What became of each violation: repaired, quarantined, accepted by a person, or still reported."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from vertebra.trusted.decisions import Decided

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine


@dataclass(frozen=True)
class Standing:
    """How a table stands towards its rules.

    Attributes:
        rows: rows that violate a rule.
        accepted: violating tuples that a person accepted, per rule.
        unresolved: violating tuples that are left as they are, per rule.
        repaired: cells that were repaired, per rule.
        quarantined: rows that were removed, per rule.
    """

    rows: int = 0
    accepted: Mapping[str, int] = field(default_factory=dict)
    unresolved: Mapping[str, int] = field(default_factory=dict)
    repaired: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)

    def left(self, rule: str) -> int:
        """Violating tuples of a rule that nobody accepted and nothing resolved."""
        return self.unresolved.get(rule, 0)


def resolved(
    violations: DataFrame,
    decided: Decided,
    quarantining: Collection[str],
    engine: Engine,
    repaired: DataFrame | None = None,
    removed: DataFrame | None = None,
    remaining: DataFrame | None = None,
) -> DataFrame:
    """Violations with their ``resolution``.

    A violation is ``quarantined`` when its row was removed, or when it is gone, and its rule removes rows, and its own
    row was not repaired: the row it was in conflict with was removed. It is ``accepted`` when a person accepted it, or
    released its row; ``repaired`` when it is gone otherwise; and ``reported`` when it is still there.

    Args:
        violations: ``rule, rid, role, partner``, before cleaning.
        quarantining: rules with ``on_violation: quarantine``.
        repaired: the repaired cells (``rid``); None for none.
        removed: the rows in quarantine (``rid``); None for none.
        remaining: ``rule, rid`` of the violations after cleaning; None when cleaning changed nothing.
    """
    from pyspark.sql import functions as F

    frame, resolution = violations, F.lit("reported")
    if remaining is not None:
        still = remaining.select("rule", "rid", F.lit(True).alias("_still")).distinct()
        frame = frame.join(still, ["rule", "rid"], "left")
        gone = F.lit("repaired")
        if quarantining:
            gone = F.when(F.col("rule").isin(sorted(quarantining)), "quarantined").otherwise(gone)
        if quarantining and repaired is not None:
            touched = repaired.select("rid", F.lit(True).alias("_touched")).distinct()
            frame = frame.join(touched, "rid", "left")
            gone = F.when(F.col("_touched"), "repaired").otherwise(gone)
        resolution = F.when(F.col("_still"), resolution).otherwise(gone)
    accepted = decided.accepted | {(rule, rid) for rule in quarantining for rid in decided.released}
    if accepted:
        listed = engine.session.createDataFrame(sorted(accepted), "rule string, rid bigint")
        frame = frame.join(listed.withColumn("_accepted", F.lit(True)), ["rule", "rid"], "left")
        resolution = F.when(F.col("_accepted"), "accepted").otherwise(resolution)
    if removed is not None:
        frame = frame.join(removed.select("rid", F.lit(True).alias("_removed")), "rid", "left")
        resolution = F.when(F.col("_removed"), "quarantined").otherwise(resolution)
    return frame.select("rule", "rid", "role", "partner", resolution.alias("resolution"))


def standings(before: DataFrame, after: DataFrame | None) -> tuple[Standing, Standing]:
    """How a table stood towards its rules before cleaning and stands after it, in one engine job.

    Args:
        before: ``rule, rid, resolution`` of the violations before cleaning.
        after: the same of those after it; None when cleaning changed nothing.
    """
    from pyspark.sql import functions as F

    stages = {"before": before} if after is None else {"before": before, "after": after}
    counts = []
    for stage, frame in stages.items():
        waived = frame.select("rule", "rid", (F.col("resolution") == "accepted").alias("waived"))
        everywhere = waived.select(F.lit("").alias("rule"), "rid", F.lit(False).alias("waived"))
        for labelled in (waived, everywhere):
            counted = labelled.groupBy("rule", "waived").agg(F.countDistinct("rid").alias("tuples"))
            counts.append(counted.withColumn("stage", F.lit(stage)))
    found: dict[tuple[str, str, bool], int] = {}
    for row in reduce(lambda first, second: first.unionByName(second), counts).collect():
        found[row["stage"], row["rule"], bool(row["waived"])] = int(row["tuples"])
    standing = [_standing(found, stage) for stage in stages]
    return standing[0], standing[-1]


def _standing(found: Mapping[tuple[str, str, bool], int], stage: str) -> Standing:
    own = {(rule, waived): tuples for (at, rule, waived), tuples in found.items() if at == stage}
    rows = own.pop(("", False), 0)
    return Standing(
        rows,
        accepted={rule: tuples for (rule, waived), tuples in own.items() if waived},
        unresolved={rule: tuples for (rule, waived), tuples in own.items() if not waived},
    )
