"""`python -m benchmarks.many_runs [runs]`: what the ledgers of very many runs take, and what the next run pays for them.

Each simulated run commits what a run of a small project with new data says: 6 ledgers, 126 rows. The peer appends the same
rows of events, ledger by ledger, with deltalake as it comes, and never tidies up.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from benchmarks.record import record
from vertebra.governance.journal import RUN, Journal
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.schemas import EVENTS
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.pipeline.state import State

START = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = [f"{zone}.{name}" for zone in ("formatted", "trusted") for name in ("sales", "shops")] + ["exploitation.a"]
MEASURES = 100


@dataclass
class Measured:
    """A lake after some runs."""

    runs: int
    files: int
    megabytes: float
    log: int
    commit: float
    plan: float


def rows(number: int) -> dict[str, list[dict[str, Any]]]:
    """What one run says in the ledgers of events."""
    at = START + timedelta(minutes=number)
    run_id = f"{at:%Y%m%dT%H%M%S}-0000"
    about = {"run_id": run_id, "recorded_at": at}
    declaration = {f"rules.rule_{one}": f"{one:016x}" for one in range(30)}
    parts = {"fingerprint": {"declaration": declaration, "inputs": {"landing.sales": number}}, "outputs": {}}
    step = {"run_id": run_id, "state": "ok", "started_at": at, "seconds": 0.1, "rows": number, "version": number}
    fingerprint = {"fingerprint": f"{number:016x}", "fingerprint_parts": json.dumps(parts)}
    quality = {"table_name": "trusted.sales", "table_version": number, "stage": "before", "scope": "rule"}
    return {
        "runs": [step | fingerprint | {"step": name} for name in STEPS] + [step | {"step": RUN}],
        "lineage": [about | {"step": name, "output": name, "output_version": number} for name in STEPS],
        "quality": [about | quality | {"subject": f"rule {one}", "value": float(number)} for one in range(MEASURES)],
        "batches": [{"run_id": run_id, "source": "s", "dataset": "sales", "batch": number, "collected_at": at}],
        "schemas": [{"run_id": run_id, "dataset": "sales", "batch": number, "position": one} for one in range(12)],
    }


def run(lake: Lake, number: int) -> None:
    """Commit what one run says, as a run does when it ends."""
    said = rows(number)
    run_id = said["runs"][0]["run_id"]
    journal = Journal(lake, run_id, {})
    journal.open()
    ledgers = Ledgers(lake, journal)
    commit = Commit(run_id, RUN, "")
    for ledger, listed in said.items():
        ledgers.append(ledger, listed, commit)
    for dataset in ("sales", "shops"):
        state = {"run_id": run_id, "dataset": dataset, "collected_at": START, "state": "new", "tries": 0}
        ledgers.state("collections", dataset, [state], commit)
    journal.close()
    ledgers.commit_run(journal)
    journal.remove()
    ledgers.tidy()


def peer(folder: Path, number: int) -> None:
    for ledger, listed in rows(number).items():
        data = pa.Table.from_pylist(listed, schema=EVENTS[ledger])
        write_deltalake(str(folder / ledger), data, mode="append")


def measure(lake: Lake, runs: int, commit: float) -> Measured:
    folder = lake.root / "governance"
    files = [path for path in folder.rglob("*") if path.is_file()]
    clock = time.perf_counter()
    State(lake, Ledgers(lake)).remembered("trusted.sales")
    plan = time.perf_counter() - clock
    log = sum("_delta_log" in path.parts for path in files)
    return Measured(runs, len(files), sum(path.stat().st_size for path in files) / 1e6, log, commit, plan)


def main(runs: int = 10_000) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        lake, plain = Lake(Path(temporary) / "lake"), Path(temporary) / "peer"
        found: list[Measured] = []
        marks = {max(1, runs // 100), max(1, runs // 10), runs}
        clock, before = time.perf_counter(), 0
        for number in range(1, runs + 1):
            run(lake, number)
            if number in marks:
                found.append(measure(lake, number, (time.perf_counter() - clock) / (number - before)))
                clock, before = time.perf_counter(), number
        few = max(1, runs // 10)
        for number in range(1, few + 1):
            peer(plain, number)
        files = [path for path in plain.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 1e6
    lines = [
        "| runs | files | of the log | MB | s to commit one run | s to read the last success of each step |",
        "|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {one.runs:,} | {one.files:,} | {one.log:,} | {one.megabytes:.1f} | {one.commit:.2f} | {one.plan:.2f} |"
            for one in found
        ),
        "",
        f"The same rows of events appended by deltalake as it comes, {few:,} runs: {len(files):,} files, {size:.1f} MB.",
    ]
    rows_found = [vars(one) for one in found] + [{"peer": "deltalake", "runs": few, "files": len(files), "mb": size}]
    record("many_runs", "The ledgers of many runs", "python -m benchmarks.many_runs", "\n".join(lines), rows_found)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
