"""What garbage collection has to leave for the sake of models and runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.pipeline.fingerprint import Fingerprint, parts_json
from vertebra.pipeline.gc_roots import gc_roots

NOW = datetime(2026, 3, 1, tzinfo=UTC)
COMMIT = Commit("setup", "setup", "")


def run(days: int, step: str, output: int, inputs: dict[str, int], state: str = "ok") -> dict[str, Any]:
    about = {"run_id": f"r{1000 - days}", "step": step, "state": state, "started_at": NOW - timedelta(days=days)}
    return about | {"fingerprint_parts": parts_json(Fingerprint(inputs=inputs), {step: output})}


def test_models_recent_runs_and_the_last_good_run_of_each_step_pin_versions(tmp_path: Path) -> None:
    ledgers = Ledgers(Lake(tmp_path))
    model = {"run_id": "r", "analysis": "late", "model_name": "flights.late", "recorded_at": NOW - timedelta(days=900)}
    tables = {"train_table": "analysis.late_train", "train_version": 3, "test_table": "analysis.late_test"}
    ledgers.append("models", [model | tables | {"test_version": 4}], COMMIT)
    rows = [
        run(200, "trusted.flights", 1, {"formatted.flights": 1}),
        run(20, "trusted.flights", 2, {"formatted.flights": 2, "landing.flights": 7}),
        run(10, "trusted.flights", 3, {"formatted.flights": 2}),
        run(5, "trusted.flights", 4, {"formatted.flights": 3}, state="failed"),
        run(400, "trusted.planes", 0, {"formatted.planes": 0}),
        run(300, "trusted.planes", 1, {"formatted.planes": 1}),
    ]
    ledgers.append("runs", rows, COMMIT)
    assert gc_roots(ledgers, NOW - timedelta(days=30)) == {
        "analysis.late_train": {3: "model flights.late, train set"},
        "analysis.late_test": {4: "model flights.late, test set"},
        "trusted.flights": {3: "last run of trusted.flights", 2: "run r980 of trusted.flights"},
        "formatted.flights": {2: "last run of trusted.flights"},
        "trusted.planes": {1: "last run of trusted.planes"},
        "formatted.planes": {1: "last run of trusted.planes"},
    }


def test_nothing_is_pinned_before_anything_ran(tmp_path: Path) -> None:
    assert gc_roots(Ledgers(Lake(tmp_path)), NOW) == {}
