"""A lake that an earlier release wrote: its ledgers are read and appended to, and steps run once more at most."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.tiny import make, open_tiny
from vertebra.governance.ledgers import Ledgers, wrote
from vertebra.governance.schemas import EVENTS
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit, TableVersion
from vertebra.pipeline.gc_roots import gc_roots
from vertebra.pipeline.state import State
from vertebra.trusted.ledger_commit import ledger_folders, with_ledger_folders

NOW = datetime(2026, 2, 1, tzinfo=UTC)
ALL_OF_TIME = NOW - timedelta(days=36500)
BASIS = {
    "declaration": {"rules.refund": "0123456789abcdef"},
    "code": {"vertebra": "0123456789abcdef", "views/a.sql": "fedcba9876543210"},
    "inputs": {"formatted.sales": 3, "landing.sales": 2},
    "decisions": "",
    "release": "0.0.9",
}
OLD_ROW: dict[str, Any] = {
    "run_id": "r1", "step": "trusted.sales", "state": "ok", "started_at": NOW, "fingerprint": "f1", "vertebra": "0.0.9",
    "basis": json.dumps({"basis": BASIS, "outputs": {"trusted.sales": 7}}),
}  # fmt: skip
COMMIT = Commit("r2", "run", "")


def written_before(lake: Lake, column: str | None) -> Ledgers:
    """A ``runs`` ledger with another column in place of ``fingerprint_parts``, or with none."""
    fields = [field for field in EVENTS["runs"] if field.name != "fingerprint_parts"]
    schema = pa.schema(fields + ([pa.field(column, pa.string())] if column else []))
    row = {name: OLD_ROW.get(name) for name in schema.names}
    lake.table("governance.runs").write_arrow(pa.Table.from_pylist([row], schema=schema), Commit("r1", "run", ""))
    return Ledgers(lake)


@pytest.mark.parametrize("column", ["basis", None])
def test_rows_are_read_and_appended(tmp_path: Path, column: str | None) -> None:
    ledgers = written_before(Lake(tmp_path), column)
    ledgers.append("runs", [{"run_id": "r2", "step": "trusted.sales", "fingerprint_parts": "{}"}], COMMIT)
    ledgers.append("runs", [{"run_id": "r3", "step": "run"}], COMMIT)
    rows = ledgers.read("runs").sort_by("run_id")
    assert rows.schema.names == EVENTS["runs"].names
    assert rows.column("run_id").to_pylist() == ["r1", "r2", "r3"]
    assert rows.column("fingerprint_parts").to_pylist() == [OLD_ROW["basis"] if column else None, "{}", None]


def test_what_a_step_depended_on_is_still_known(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    remembered = State(lake, written_before(lake, "basis")).remembered("trusted.sales")
    assert remembered is not None
    assert (remembered.digest, remembered.outputs) == ("f1", {"trusted.sales": 7})
    assert remembered.fingerprint.inputs == BASIS["inputs"]
    assert remembered.fingerprint.versions == {}


def test_a_step_without_a_fingerprint_is_not_remembered(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert State(lake, written_before(lake, None)).remembered("trusted.sales") is None


def test_garbage_collection_keeps_what_was_kept(tmp_path: Path) -> None:
    ledgers = written_before(Lake(tmp_path), "basis")
    roots = gc_roots(ledgers, ALL_OF_TIME)
    assert roots == {
        "trusted.sales": {7: "last run of trusted.sales"},
        "formatted.sales": {3: "last run of trusted.sales"},
    }


@pytest.mark.parametrize("column", ["basis", None])
def test_a_project_runs_once_more_and_is_current(tmp_path: Path, column: str | None) -> None:
    folder = make(tmp_path)
    with open_tiny(folder) as project:
        project.run("+trusted.shops")
        rewrite_runs(project.lake, column)
    with open_tiny(folder) as project:
        plan = {planned.step.name: planned.words for planned in project.plan("formatted.shops trusted.shops")}
        assert plan["formatted.shops"] == (
            "an earlier release of Vertebra recorded another kind of fingerprint" if column
            else "no run on record wrote its last version"
        )  # fmt: skip
        report = project.run("+trusted.shops")
        assert report.state == "ok"
    with open_tiny(folder) as project:
        actions = {planned.step.name: planned.action for planned in project.plan("formatted.shops trusted.shops")}
        assert set(actions.values()) == {"skip"}
        versions = project.sql("select distinct vertebra from governance.runs").rows()
        assert len(versions) == 1


def rewrite_runs(lake: Lake, column: str | None) -> None:
    """Give the ledger of runs, and the tables' commits, the form of an earlier release."""
    table = lake.table("governance.runs")
    rows = table.arrow().to_table().to_pylist()
    fields = [field for field in EVENTS["runs"] if field.name != "fingerprint_parts"]
    schema = pa.schema(fields + ([pa.field(column, pa.string())] if column else []))
    for row in rows:
        parts = row.pop("fingerprint_parts")
        if parts is not None and column:
            about = json.loads(parts)
            row[column] = json.dumps(
                {"basis": BASIS | {"inputs": about["fingerprint"]["inputs"]}, "outputs": about["outputs"]}
            )
        row["fingerprint"] = "f1" if row["fingerprint"] else None
    table.write_arrow(pa.Table.from_pylist(rows, schema=schema), Commit("r1", "run", ""))
    for name in ("formatted.shops", "trusted.shops"):
        written = lake.table(name)
        data = written.arrow().to_table()
        written.write_arrow(data, Commit("r1", name, "f1"))


def version_of(commit: Commit) -> TableVersion:
    return TableVersion(1, NOW, "WRITE", commit.run_id, commit.step, "", {}, commit.extra)


def test_a_trusted_table_that_names_versions_of_its_ledgers_is_written_whole() -> None:
    before = Commit("r1", "trusted.sales", "", extra={"ledgers": json.dumps({"repairs": 3, "quarantine": 0})})
    assert ledger_folders(version_of(before)) is None
    assert ledger_folders(version_of(Commit("r1", "trusted.sales", ""))) is None
    now = with_ledger_folders(Commit("r2", "trusted.sales", ""), {"repairs": "sales/a"})
    assert ledger_folders(version_of(now)) == {"repairs": "sales/a"}


def test_commits_of_ledgers_that_name_a_step_alone_are_of_its_dataset() -> None:
    before = version_of(Commit("r1", "trusted.sales", ""))
    assert wrote(before, "sales")
    assert not wrote(before, "shops")
    assert not wrote(version_of(Commit("", "", "")), "sales")


def test_a_run_of_an_earlier_release_that_was_killed_is_recorded(tmp_path: Path) -> None:
    folder = make(tmp_path / "tiny")
    left = folder / "lake" / ".scratch" / "20260101T000000-abcd"
    left.mkdir(parents=True)
    (left / "doing").write_text("trusted.sales")
    with open_tiny(folder) as project:
        assert project.run().ok
        crashed = project.sql("select run_id, why from governance.runs where state = 'crashed'").rows()
    assert crashed == [{"run_id": "20260101T000000-abcd", "why": "trusted.sales"}]
    assert not left.exists()
