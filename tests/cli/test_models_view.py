"""The view of models, over a ledger written for the purpose."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.tiny import make, open_tiny
from vertebra.lake.commit import Commit
from vertebra.report.models import write_models
from vertebra.workspace.models import chosen_models
from vertebra.workspace.workspace import Workspace


def row(candidate: str, split: str, value: float, chosen: bool = False, **more: Any) -> dict[str, Any]:
    shared = {
        "analysis": "late",
        "metric": "roc_auc",
        "recorded_at": datetime(2026, 1, 2, tzinfo=UTC),
        "parameters": "{}",
    }
    return shared | {"candidate": candidate, "split": split, "value": value, "chosen": chosen} | more


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    made = open_tiny(make(tmp_path / "project"))
    old = [row("tree", "cross-validation", 0.6, True, run_id="1", recorded_at=datetime(2026, 1, 1, tzinfo=UTC))]
    registered = {
        "model_name": "tiny.late",
        "model_version": "3",
        "train_table": "analysis.late_train",
        "train_version": 2,
    }
    new = [
        row("baseline", "cross-validation", 0.5, deviation=0.0, seconds=0.1),
        row("boosting", "cross-validation", 0.74, True, deviation=0.01, seconds=52.0, parameters='{"leaves": 31}'),
        row("boosting", "test", 0.71, True, **registered),
        row("boosting", "test", 0.2, True, metric="log_loss", **registered),
        row("baseline", "test", 0.5),
    ]
    commit = Commit("1", "analysis.late", "")
    made.ledgers.append("models", [*old, *({"run_id": "2"} | r for r in new)], commit)
    return made


def test_the_choice_is_shown_with_its_scores_and_the_baseline(space: Workspace) -> None:
    [model] = chosen_models(space.lake)
    assert (model.candidate, model.metric) == ("boosting", "roc_auc")
    assert (model.validation, model.deviation, model.test, model.baseline) == (0.74, 0.01, 0.71, 0.5)


def test_the_table_marks_the_choice_and_names_the_registered_model(space: Workspace) -> None:
    out = io.StringIO()
    write_models(space.models(), True, "table", out, io.StringIO())
    text = out.getvalue()
    assert re.search(r"→ +boosting +leaves=31 +0\.7400 +± 0\.0100 +52 s", text)
    assert re.search(r"→ +boosting +3 +0\.7100 +0\.2000", text)
    assert "tiny.late version 3, alias champion; trained on analysis.late_train version 2" in text
    assert "tree" not in text, "an earlier run is history"


def test_history_and_json_have_every_run(space: Workspace) -> None:
    out = io.StringIO()
    write_models(space.models("late", history=True), True, "json", out, io.StringIO())
    assert {entry["run_id"] for entry in json.loads(out.getvalue())} == {"1", "2"}


def test_without_models_the_next_command_is_told(tmp_path: Path) -> None:
    notes = io.StringIO()
    write_models(open_tiny(make(tmp_path / "project")).models(), False, "table", io.StringIO(), notes)
    assert notes.getvalue().startswith("no model was trained yet\n  next:")
