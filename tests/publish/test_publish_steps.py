"""Publications as steps of the graph: when they run, what they record, and what a failure does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import vertebra
from publish.shop import commit, content, declare, make, write
from vertebra.cli.app import app
from vertebra.pipeline.progress import RunReport

PARQUET = "to: files\npath: out/sales.parquet"
DUCKDB = "to: duckdb\npath: out/sales.duckdb"


def run(folder: Path, select: str = "zone:publish", **options: bool) -> RunReport:
    with vertebra.open(folder) as project:
        return project.run(select, **options)


def ledger(folder: Path, columns: str = "publication, state, table_version, rows") -> list[tuple[object, ...]]:
    with vertebra.open(folder) as project:
        rows = project.sql(f"select {columns} from governance.publications order by recorded_at, publication").rows()
    return [tuple(row.values()) for row in rows]


def test_a_publication_is_a_step_after_its_table(tmp_path: Path) -> None:
    folder = make(tmp_path, good=f"tags: [partners]\n{PARQUET}")
    with vertebra.open(folder) as project:
        plan = {step.step.name: step for step in project.plan("trusted.sales+")}
        assert list(plan) == ["trusted.sales", "publish.good"]
        assert [step.step.name for step in project.plan("tag:partners")] == ["publish.good"]
        assert [step.step.name for step in project.plan("zone:publish")] == ["publish.good"]
    listed = CliRunner().invoke(app, ["ls", "--select", "publish.*", "--format", "csv", "--project", str(folder)])
    assert listed.stdout.splitlines() == ["step,reads,tags", "publish.good,trusted.sales,partners"]


def test_what_was_sent_is_in_the_ledger(tmp_path: Path) -> None:
    import hashlib

    folder = make(tmp_path, rows=5, good=PARQUET, table=DUCKDB)
    report = run(folder)
    assert report.ok
    file = folder / "out" / "sales.parquet"
    columns = "publication, target, location, table_name, table_version, rows, bytes, sha256, state"
    assert ledger(folder, columns) == [
        ("good", "files", str(file), "trusted.sales", 0, 5, file.stat().st_size,
         hashlib.sha256(file.read_bytes()).hexdigest(), "sent"),
        ("table", "duckdb", f"{folder / 'out' / 'sales.duckdb'} main.table", "trusted.sales", 0, 5, None, None, "sent"),
    ]  # fmt: skip
    assert [(result.step, result.rows, result.version) for result in report.results] == [
        ("publish.good", 5, 0),
        ("publish.table", 5, 0),
    ]


def test_the_lineage_has_the_version_that_was_sent(tmp_path: Path) -> None:
    folder = make(tmp_path, good=PARQUET)
    run(folder)
    commit(folder, 4)
    run(folder)
    with vertebra.open(folder) as project:
        found = project.sql("select output, output_version, input, input_version from governance.lineage").rows()
    assert sorted((*row.values(),) for row in found) == [
        ("publish.good", None, "trusted.sales", 0),
        ("publish.good", None, "trusted.sales", 1),
    ]


def test_a_table_that_was_removed_and_made_again_is_sent(tmp_path: Path) -> None:
    folder = make(tmp_path, good=PARQUET)
    run(folder)
    shutil.rmtree(folder / "lake" / "trusted" / "sales")
    assert commit(folder, 4) == 0
    with vertebra.open(folder) as project:
        (planned,) = project.plan("publish.good")
    assert planned.words == "trusted.sales was removed and made again"
    assert run(folder).ok
    assert ledger(folder) == [("good", "sent", 0, 3), ("good", "sent", 0, 4)]


def test_an_unchanged_table_is_not_sent_again(tmp_path: Path) -> None:
    folder = make(tmp_path, good=PARQUET)
    assert run(folder).ok
    sent = (folder / "out" / "sales.parquet").stat().st_ino
    assert run(folder).idle
    declare(folder, "good", f"description: for partners\ntags: [x]\n{PARQUET}")
    assert run(folder).idle
    assert (folder / "out" / "sales.parquet").stat().st_ino == sent
    assert len(ledger(folder)) == 1


@pytest.mark.parametrize("change", ["version", "declaration", "refresh"])
def test_a_change_is_sent_and_the_plan_says_why(tmp_path: Path, change: str) -> None:
    folder = make(tmp_path, good=PARQUET)
    assert run(folder).ok
    if change == "version":
        commit(folder, 4)
    elif change == "declaration":
        declare(folder, "good", f"columns: [id]\n{PARQUET}")
    refresh = change == "refresh"
    with vertebra.open(folder) as project:
        (planned,) = project.plan("publish.good", full_refresh=refresh)
    assert planned.action == "run"
    assert (
        planned.words
        == {
            "version": "trusted.sales has version 1 (was 0)",
            "declaration": "the declaration changed: columns",
            "refresh": "--full-refresh",
        }[change]
    )
    assert run(folder, full_refresh=refresh).ok
    assert [row[0:2] for row in ledger(folder)] == [("good", "sent")] * 2
    assert run(folder).idle


def test_a_release_of_the_target_that_writes_something_else_sends_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from vertebra.declare.publication import PUBLISH_TARGETS

    folder = make(tmp_path, good=PARQUET)
    assert run(folder).ok
    monkeypatch.setitem(PUBLISH_TARGETS._loaded, "files", replace(PUBLISH_TARGETS["files"], version=2))  # type: ignore[type-var]
    assert not run(folder).idle


def test_a_publication_without_its_table_is_blocked(tmp_path: Path) -> None:
    write(tmp_path / "views" / "cities.sql", "select city from trusted.sales")
    folder = make(tmp_path)
    write(folder / "publish" / "cities.yaml", f"table: exploitation.cities\n{PARQUET}\n")
    with vertebra.open(folder) as project:
        (planned,) = project.plan("publish.cities")
    assert (planned.action, planned.words) == ("blocked", "exploitation.cities was not written yet")


def test_a_failed_publication_fails_its_step_and_nothing_else(tmp_path: Path) -> None:
    folder = make(tmp_path, good=PARQUET, bad="to: files\npath: data.csv/sales.parquet")
    write(folder / "data.csv", "a file, not a folder")
    report = run(folder)
    assert {result.step: result.state for result in report.results} == {"publish.bad": "failed", "publish.good": "ok"}
    failed = next(result for result in report.results if result.state == "failed")
    assert "data.csv/sales.parquet cannot be written\n  cause: " in failed.error
    assert "\n  next:  " in failed.error
    assert ledger(folder) == [("bad", "failed", 0, None), ("good", "sent", 0, 3)]
    with vertebra.open(folder) as project:
        (planned,) = project.plan("publish.bad")
        assert planned.words == "it failed last time"
        assert project.lake.table("trusted.sales").version() == 0
    (folder / "data.csv").unlink()
    assert run(folder).ok
    assert run(folder).idle


def test_a_table_that_has_no_such_column_is_told_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "views" / "cities.sql", "select city from trusted.sales")
    folder = make(tmp_path)
    from vertebra.lake.catalog import Lake
    from vertebra.lake.commit import Commit

    table = Lake(folder / "lake").table("exploitation.cities")
    table.write_arrow(content(3).select(["city"]), Commit("run", "exploitation.cities", "x"))
    write(folder / "publish" / "cities.yaml", f"table: exploitation.cities\ncolumns: [citi]\n{PARQUET}\n")
    (result,) = run(folder).results
    assert result.error == (
        f"{folder}/publish/cities.yaml:1:1: exploitation.cities has no column citi\n  cause: its columns are city\n  next:  did you mean city?"
    )


def test_the_command_line_publishes_and_names_the_place(tmp_path: Path) -> None:
    folder = make(tmp_path, good=PARQUET)
    done = CliRunner().invoke(app, ["run", "--select", "publish.good", "--project", str(folder)])
    assert done.exit_code == 0, done.output
    assert "OK publish.good" in done.stderr
    assert f"3 rows, published to {folder / 'out' / 'sales.parquet'}" in done.stderr
    again = CliRunner().invoke(app, ["plan", "--select", "publish.good", "--project", str(folder)])
    assert "nothing to run: 1 step is current" in again.stderr


def test_garbage_collection_keeps_the_version_that_was_sent_last(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from vertebra.pipeline.gc_roots import gc_roots

    folder = make(tmp_path, good=PARQUET)
    assert run(folder).ok
    commit(folder, 9)
    with vertebra.open(folder) as project:
        assert gc_roots(project.ledgers, datetime.now(UTC))["trusted.sales"] == {0: "last run of publish.good"}


def test_a_run_that_only_publishes_starts_no_engine(tmp_path: Path) -> None:
    folder = make(tmp_path, good=PARQUET)
    script = (
        "import sys, threading, vertebra\n"
        "assert vertebra.open(sys.argv[1]).run('zone:publish').ok\n"
        "[thread.join() for thread in threading.enumerate() if thread is not threading.current_thread()]\n"
        "assert not {'pyspark', 'pysail'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
