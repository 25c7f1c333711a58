"""Completes the ledgers of runs that were killed, from their journals.

A ledger that already has a commit of the run is not changed, so this can be killed and repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vertebra.durable import sha256_of
from vertebra.governance.journal import RUN, Entry, Journal, lineage_rows, pending_runs
from vertebra.governance.step_facts import LandingFacts, facts_json
from vertebra.lake.data_file import recorded_hash
from vertebra.lake.repair import mark_damaged

if TYPE_CHECKING:
    from pathlib import Path

    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake


def complete_runs(lake: Lake, ledgers: Ledgers) -> list[str]:
    """Commit the journals of runs that were killed; the caller holds the lease of the lake.

    Staged files that are gone or damaged are left out, and the tables that they are about are marked, so that the next
    run computes them, and these rows of the ledgers, again.

    Returns:
        A sentence about each run that did not end, and about each table that is computed again.
    """
    found = []
    for run_id in pending_runs(lake):
        journal = Journal.read(lake, run_id)
        journal.settle()
        if not journal.closed:
            found.append(f"{unended(run_id, journal.doing)}; what it committed is kept")
            rows = [*_unrecorded_landings(journal), *_unrecorded(lake, journal), _crashed(journal)]
            journal.entries.append(Entry(RUN, "runs", rows=rows))
        found += _without_lost_files(lake, ledgers, journal)
        ledgers.commit_run(journal, again=True)
        journal.remove()
    return found


def _without_lost_files(lake: Lake, ledgers: Ledgers, journal: Journal) -> Iterable[str]:
    """Drop entries whose files are gone or damaged, and mark the tables they are about."""
    kept, again = [], {}
    for entry in journal.entries:
        lost = [file for file in entry.staged.files if _is_lost(file)] if entry.staged is not None else []
        if not lost or ledgers.is_committed(journal.run_id, entry.ledger):
            kept.append(entry)
        else:
            again[entry.table or entry.step] = (entry.ledger, lost[0])
    journal.entries = kept
    for name, (ledger, file) in again.items():
        fact = f"{file}, which run {journal.run_id} wrote for governance.{ledger}, is gone or damaged"
        if not name.startswith("landing.") and lake.table(name).exists():
            mark_damaged(lake.table(name), f"a file of governance.{ledger} about it was lost")
            yield f"{fact}; vertebra run --select {name} computes {name} again, and these rows"
        else:
            yield f"{fact}; vertebra run --select {name} writes these rows again"


def _is_lost(file: Path) -> bool:
    expected = recorded_hash(file)
    return not file.is_file() or (expected is not None and sha256_of(file) != expected)


def unended(run_id: str, doing: str) -> str:
    """A sentence about a run that was killed."""
    return f"run {run_id} did not end" + (f": it was killed in {doing}" if doing else "")


def _unrecorded(lake: Lake, journal: Journal) -> Iterable[dict[str, Any]]:
    """Rows of ``runs`` for steps that committed their tables, or published one, and were killed before they noted it.

    Adds the lineage of their tables to the journal's entries.
    """
    told = {row["step"]: row["state"] for row in journal.rows("runs")}
    descended = {row["step"] for row in journal.rows("lineage")}
    sent = {entry.step: row for entry in journal.entries if entry.ledger == "publications" for row in entry.rows}
    for step, begun in journal.begun.items():
        versions = {table: journal.version(step, table) for table in begun.outputs}
        outputs = {table: version for table, version in versions.items() if version is not None}
        if begun.outputs:
            done = begun.outputs[-1] in outputs
        else:
            # a publication writes no table
            done = told.get(step) == "ok" or sent.get(step, {}).get("state") == "sent"
        if told.get(step, "ok") != "ok" or not done:
            continue
        if step not in descended:
            journal.entries.append(Entry(step, "lineage", rows=lineage_rows(journal.run_id, step, begun, outputs)))
        if step not in told:
            table = begun.outputs[-1] if begun.outputs else ""
            yield journal.about | {
                "run_id": journal.run_id,
                "step": step,
                "state": "ok",
                "why": "committed by a run that did not end, and recorded by the next one",
                "started_at": datetime.now(UTC),
                "rows": lake.table(table).rows(outputs[table]) if table else sent[step]["rows"],
                "version": outputs[table] if table else sent[step]["table_version"],
                "fingerprint": begun.fingerprint,
                "fingerprint_parts": json.dumps({"fingerprint": begun.parts, "outputs": outputs}, sort_keys=True),
            }


def _unrecorded_landings(journal: Journal) -> Iterable[dict[str, Any]]:
    """Rows of ``runs`` for collections that noted their batches and were killed before they noted how they ended."""
    told = {row["step"] for row in journal.rows("runs")}
    landed: dict[str, list[int]] = {}
    for entry in journal.entries:
        if entry.ledger == "batches" and entry.step not in told:
            landed.setdefault(entry.step, []).extend(row["records"] for row in entry.rows)
    for step, records in landed.items():
        facts = LandingFacts(new_batches=len(records), records=sum(records))
        yield journal.about | {
            "run_id": journal.run_id,
            "step": step,
            "state": "ok",
            "why": "landed by a run that did not end, and recorded by the next one",
            "started_at": datetime.now(UTC),
            "rows": facts.records,
            "facts": facts_json(facts),
        }


def _crashed(journal: Journal) -> dict[str, Any]:
    return journal.about | {
        "run_id": journal.run_id,
        "step": RUN,
        "state": "crashed",
        "started_at": datetime.now(UTC),
        "why": journal.doing,
        "error": unended(journal.run_id, journal.doing),
    }
