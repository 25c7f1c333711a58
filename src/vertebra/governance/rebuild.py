"""Rebuilding rows of the ledgers ``runs`` and ``lineage`` from the commits of the tables they describe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from vertebra.lake.commit import REPAIR, Commit
from vertebra.zones import TABLE_ZONES, Zone

if TYPE_CHECKING:
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.lake.commit import TableVersion

WRITERS: Final = {
    "rejects": Zone.FORMATTED,
    "drift": Zone.FORMATTED,
    "violations": Zone.TRUSTED,
    "repairs": Zone.TRUSTED,
    "quarantine": Zone.TRUSTED,
    "quality": Zone.TRUSTED,
    "models": Zone.ANALYSIS,
}
"""The zone whose steps write a ledger again when they run again."""

FROM_RECEIPTS: Final = ("batches", "schemas")
FROM_COMMITS: Final = ("runs", "lineage")
BY_THE_NEXT_RUN: Final = ("collections", "publications")

_WHY: Final = "rebuilt from the commit of the table"


def rebuild_from_commits(lake: Lake, ledgers: Ledgers) -> dict[str, int]:
    """Add missing rows to ``runs`` and ``lineage``, from the commits of tables. Returns the rows added, by ledger."""
    commits = list(_commits(lake))
    known = ledgers.read("runs", ["run_id", "step"]).to_pylist()
    steps = {(row["run_id"], row["step"]) for row in known}
    runs = {
        (version.run_id, version.step): _run_row(version)
        for _, version in commits
        if (version.run_id, version.step) not in steps
    }
    told = ledgers.read("lineage", ["output", "output_version"]).to_pylist()
    outputs = {(row["output"], row["output_version"]) for row in told}
    lineage = [
        row for name, version in commits if (name, version.version) not in outputs for row in _lineage(name, version)
    ]
    commit = Commit("", REPAIR, "")
    ledgers.append("runs", list(runs.values()), commit)
    ledgers.append("lineage", lineage, commit)
    return {"runs": len(runs), "lineage": len(lineage)}


def _commits(lake: Lake) -> Iterator[tuple[str, TableVersion]]:
    """The versions of tables that a step wrote, oldest first."""
    for zone in map(str, TABLE_ZONES):
        if zone == "governance":
            continue
        for table in lake.tables(zone):
            for version in reversed(table.history()):
                if version.run_id and version.fingerprint:
                    yield table.name, version


def _run_row(version: TableVersion) -> dict[str, Any]:
    return {
        "run_id": version.run_id,
        "step": version.step,
        "state": "ok",
        "why": _WHY,
        "started_at": version.at,
        "version": version.version,
        "fingerprint": version.fingerprint,
    }


def _lineage(output: str, version: TableVersion) -> Iterator[dict[str, Any]]:
    for name, number in version.inputs.items():
        yield {
            "run_id": version.run_id,
            "step": version.step,
            "output": output,
            "output_version": version.version,
            "input": name,
            "input_version": number,
            "fingerprint": version.fingerprint,
            "recorded_at": version.at,
        }
