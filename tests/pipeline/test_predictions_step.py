"""Predictions as tables of a step: what they follow, who reads them, and models of a project that was moved."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import vertebra
from vertebra.errors import DeclarationErrors
from vertebra.governance.step_facts import KeptModelFacts
from vertebra.workspace.workspace import Workspace

HEADER = "id,place,at,visitors,wait\n"
FILES = {
    "data/waits_1.csv": HEADER
    + "".join(
        f"{n},{'ab'[n % 2]},2026-01-{1 + n // 8:02} {8 + n % 8:02}:00:00,{n % 7},{n % 7 + n % 3}\n" for n in range(160)
    ),
    "datasets/waits.yaml": """
source: tills
collect: {from: files, path: "data/waits_*.csv"}
parse: {format: csv}
load: append
columns: {id: int, place: string, at: {type: timestamp, zone: UTC}, visitors: int, wait: double}
key: [id]
""",
    "views/queue.sql": "SELECT id, place, at, to_date(at) AS day, visitors, wait FROM trusted.waits\n",
    "views/alarms.sql": """
        SELECT id, _label - _prediction AS residual FROM analysis.waiting_predictions
        WHERE abs(_label - _prediction) > 0.5
    """,
    "analyses/waiting.py": '''
"""How long will a visitor wait?"""
from datetime import date

from sklearn.linear_model import Ridge
from vertebra import Analysis, Candidate


class Own(Ridge):
    """An estimator of the project."""


analysis = Analysis(
    description="Waiting time.", task="regression", view="queue", key=("id",), time="at", label="wait",
    where="place = 'a'", unavailable=("wait",), features={"visitors": "visitors"}, folds={"by": "day", "count": 2},
    test={"from": date(2026, 1, 15)}, candidates={"own": Candidate(build=Own)}, metric="mae",
)
''',
}


def make(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a project."""
    for name, text in {"vertebra.yaml": "name: tiny\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def rows(project: Workspace, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.lake.table(table).arrow().to_table().to_pylist()
    return sorted(found, key=lambda row: row["id"])


def facts(report: Any) -> dict[str, Any]:
    return {one.step: one.facts for one in report.results if one.step.startswith(("analysis.", "exploitation."))}


def test_predictions_follow_data_and_champion_and_views_read_them(tmp_path: Path) -> None:
    folder = make(tmp_path / "project", FILES)
    with vertebra.open(folder) as project:
        report = project.run()
        assert report.ok
        made = rows(project, "analysis.waiting_predictions")
        # by default those that the champion was not trained on
        test = {row["id"] for row in rows(project, "analysis.waiting")}
        assert {row["id"] for row in made} == test
        assert not any(row["_seen_in_training"] for row in made)
        assert {row["_model_version"] for row in made} == {"1"}
        assert '"exploitation.queue": 0' in made[0]["_inputs"]
        large = {row["id"] for row in made if abs(row["_label"] - row["_prediction"]) > 0.5}
        assert large
        assert {row["id"] for row in rows(project, "exploitation.alarms")} == large
        lineage = project.ledgers.read("lineage").to_pylist()
        assert ("analysis.waiting_predictions", "analysis.waiting") in {(r["output"], r["input"]) for r in lineage}
        names = [step.step.name for step in project.plan()]
        assert names.index("analysis.waiting_predictions") < names.index("exploitation.alarms")

        # a row of another place is no example: nothing is trained, and no prediction changes
        (folder / "data/waits_2.csv").write_text(HEADER + "900,b,2026-02-01 08:00:00,3,4\n")
        done = facts(project.run())
        assert isinstance(done["analysis.waiting"], KeptModelFacts)
        assert done["analysis.waiting_predictions"].unchanged
        assert "exploitation.alarms" not in done
        assert rows(project, "analysis.waiting_predictions") == made

        # a row without a label is no example for training, and is predicted
        (folder / "data/waits_3.csv").write_text(HEADER + "901,a,2026-02-01 08:00:00,3,\n")
        done = facts(project.run())
        assert isinstance(done["analysis.waiting"], KeptModelFacts)
        later = {row["id"]: row for row in rows(project, "analysis.waiting_predictions")}
        assert later.keys() == {*test, 901}
        # a prediction is known since it was first made
        assert later[901]["_known_at"] > made[0]["_known_at"]
        assert [later[row["id"]] for row in made] == made
        assert project.run().idle

    # the class has a name without a path, so that the model is read in another folder too
    moved = shutil.copytree(folder, tmp_path / "moved")
    with vertebra.open(moved) as project:
        project.predict("waiting", version="1")
        again = {row["id"]: row["_prediction"] for row in rows(project, "analysis.waiting_predictions")}
        assert {row["id"]: row["_prediction"] for row in made}.items() <= again.items()
        assert len(again) == 81


@pytest.mark.parametrize(
    ("table", "fact"),
    [
        ("analysis.waiting_predictions", "these tables depend on each other"),
        ("analysis.waitin_predictions", "view queue reads analysis.waitin_predictions, which nothing declares"),
    ],
)
def test_an_analysis_cannot_read_its_own_predictions(tmp_path: Path, table: str, fact: str) -> None:
    sql = f"SELECT w.*, to_date(w.at) AS day FROM trusted.waits w LEFT ANTI JOIN {table} p ON p.id = w.id"
    folder = make(tmp_path / "project", FILES | {"views/queue.sql": sql})
    with pytest.raises(DeclarationErrors, match=fact):
        vertebra.open(folder)
