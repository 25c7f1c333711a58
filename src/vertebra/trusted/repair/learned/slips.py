"""Slips in columns where people corrected slips: the method ``typo`` proposes them, and labels say how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vertebra.trusted.labels import Label, Suggested
from vertebra.trusted.repair.dependency import dependency_of
from vertebra.trusted.repair.learned.calibration import calibration_of
from vertebra.trusted.repair.learned.ways import is_slip
from vertebra.trusted.repair.table_methods.typo import METHOD as TYPO
from vertebra.trusted.repair.table_port import TABLE_PROPOSAL_COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.trusted.repair.table_port import TableToRepair

_USUALLY: Final = 0.85
"""The confidence of a slip to one of whose kind a label is: its own was not kept, as the label came first."""
_KIND: Final = "slips"


def slip_proposals(table: TableToRepair, labels: Mapping[str, Sequence[Label]]) -> DataFrame | None:
    """What ``typo`` proposes for columns in which a label corrects a slip; None if there are none.

    Columns that a dependency repairs are left to it.

    Args:
        labels: by column. Labels of values that are right, and that it would change, make it less sure.
    """
    from pyspark.sql import functions as F

    determined = _determined(table)
    open_to = {name: own for name, own in labels.items() if name not in determined}
    corrected = {name: len(slips) for name, own in open_to.items() if (slips := _slips(own))}
    if not corrected:
        return None
    folder = table.scratch / "typo"
    folder.mkdir()
    proposed = TYPO.propose(replace(table, scratch=folder))
    if proposed is None:
        return None
    found = proposed.where(F.col("column_name").isin(sorted(corrected)))
    found = table.engine.materialise(found, table.scratch / "slips")
    contradicted = _contradicted(found, {name: labels[name] for name in corrected})
    outcomes = [
        Label(0, name, "a slipp", "a slip", (Suggested(TYPO.name, _KIND, given, stated),))
        for name in sorted(corrected)
        for given, stated in [("a slip", _USUALLY)] * corrected[name]
        + [("a slippp", one) for one in contradicted[name]]
    ]
    taught = calibration_of(outcomes)
    assert taught is not None
    kinds = found.withColumns({"method": F.lit(TYPO.name), "rule": F.lit(_KIND), "_evidence": F.col("evidence")})
    surer = taught.applied(kinds.withColumn("evidence", F.lit("")), table.engine)
    counts = F.create_map(
        *(part for name in sorted(corrected) for part in (F.lit(name), F.lit(_cells(corrected[name]))))
    )
    evidence = F.concat(F.col("_evidence"), F.lit("; "), F.element_at(counts, F.col("column_name")))
    return surer.withColumn("evidence", evidence).select(*TABLE_PROPOSAL_COLUMNS)


def _slips(labels: Sequence[Label]) -> set[str]:
    """The different values that were slips of the right ones."""
    pairs = {(one.old, one.new) for one in labels if not one.confirms}
    return {old for old, new in pairs if old and new and is_slip(old, new)}


def _determined(table: TableToRepair) -> set[str]:
    """The columns that a dependency repairs: what goes with the row decides there, not the writing."""
    repaired = [rule for rule in table.rules if rule.on_violation == "repair"]
    found = [dependency_of(rule, table.dataset) for rule in repaired]
    return {dependency.column for dependency in found if dependency is not None}


def _contradicted(found: DataFrame, labels: Mapping[str, Sequence[Label]]) -> dict[str, list[float]]:
    """The confidences of proposals for cells that a label says are right, by column."""
    from pyspark.sql import functions as F

    confidences: dict[str, list[float]] = {name: [] for name in labels}
    right = {(one.rid, name) for name, own in labels.items() for one in own if one.confirms}
    if right:
        rids = sorted({rid for rid, _ in right})
        for cell in found.where(F.col("rid").isin(rids)).select("rid", "column_name", "confidence").collect():
            if (cell["rid"], cell["column_name"]) in right:
                confidences[cell["column_name"]].append(cell["confidence"])
    return {name: sorted(listed) for name, listed in confidences.items()}


def _cells(count: int) -> str:
    from vertebra.formatting import counted

    return f"{counted(count, 'labelled cell')} of the column {'was a slip' if count == 1 else 'were slips'}"
