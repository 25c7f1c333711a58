"""Processes that kill themselves just before or after one of their commits: the next run ends where it would have."""

from __future__ import annotations

import shutil
import signal
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from effort import cases
from forked import Forks
from pipeline.tiny import contents, make, open_tiny
from vertebra.cli.app import app

Killed = Callable[[Path, str, str], None]

MORE = """\
    id,shop,city,price,day
    7,S2,Lleida,20.0,2026-01-05
    8,S1,Gerona,six,2026-01-05
    9,S1,Girona,-2.0,2026-01-05
    """

DYING = """
    import os, signal, sys
    from vertebra.lake.table import LakeTable

    folder, table, when = sys.argv[1:]
    commit = LakeTable.commit

    def dying(self, *about, **more):
        if (self.name, when) == (table, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        version = commit(self, *about, **more)
        if (self.name, when) == (table, "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return version

    LakeTable.commit = dying
    import vertebra
    vertebra.open(folder).run()
"""

POINTS = [
    ("governance.batches", "before"), ("governance.batches", "after"), ("governance.rejects", "before"),
    ("governance.rejects", "after"), ("formatted.sales", "before"), ("formatted.sales", "after"),
    ("governance.quality", "before"), ("governance.quality", "after"), ("governance.repairs", "after"),
    ("governance.quarantine", "before"), ("governance.violations", "before"), ("trusted.sales", "before"),
    ("trusted.sales", "after"), ("exploitation.by_city", "before"), ("exploitation.prices", "before"),
    ("exploitation.prices", "after"), ("governance.lineage", "before"),
]  # fmt: skip
"""In the order in which a run comes to them."""

FAST = [
    ("governance.batches", "after"), ("governance.rejects", "before"), ("formatted.sales", "after"),
    ("governance.quality", "before"), ("governance.repairs", "after"), ("governance.quarantine", "before"),
    ("governance.violations", "before"), ("trusted.sales", "after"), ("exploitation.by_city", "before"),
    ("exploitation.prices", "after"), ("governance.lineage", "before"),
]  # fmt: skip
"""Those of the fast profile: one commit of each table."""

LEDGERS = {
    "batches": "dataset, batch", "rejects": "dataset, rid, column_name, raw", "repairs": "dataset, rid, old, new",
    "quarantine": "dataset, rid, rules", "violations": "dataset, rid, rule, role, resolution",
}  # fmt: skip


@pytest.fixture
def killed(forks: Forks) -> Killed:
    """Have a run kill itself before or after a commit of a table: ``killed(folder, "trusted.sales", "before")``."""

    def run(folder: Path, table: str, when: str) -> None:
        child = forks.run(textwrap.dedent(DYING), str(folder), table, when)
        assert child.returncode == -signal.SIGKILL, child.stderr

    return run


def said(folder: Path) -> dict[str, list[Any]]:
    """What the ledgers say, but for the runs it is of."""
    with open_tiny(folder) as project:
        asked = {name: f"select {columns} from governance.{name} order by all" for name, columns in LEDGERS.items()}
        return {name: project.sql(question).rows() for name, question in asked.items()}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran once, and has received another file since; copy it, do not change it."""
    folder = make(tmp_path_factory.mktemp("tiny") / "project")
    (folder / "views" / "prices.sql").write_text("select _rid, city, price * 100 as cents from trusted.sales")
    with open_tiny(folder) as project:
        assert project.run().ok
    (folder / "data" / "sales-2.csv").write_text(textwrap.dedent(MORE))
    return folder


@pytest.fixture
def folder(before: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(before, tmp_path / "project"))


def test_a_run_killed_at_any_of_its_commits_is_completed(
    folder: Path, before: Path, tmp_path: Path, killed: Killed
) -> None:
    assert {table for table, _ in FAST} == {table for table, _ in POINTS}
    for table, when in cases(POINTS, fast=FAST):
        killed(folder, table, when)
    whole = Path(shutil.copytree(before, tmp_path / "whole"))
    for ended in (folder, whole):
        with open_tiny(ended) as project:
            assert project.run().ok
            assert project.run().idle
    assert contents(folder) == contents(whole)
    assert said(folder) == said(whole)


def test_ledgers_of_a_table_that_did_not_come_to_be_are_told(folder: Path, killed: Killed) -> None:
    asked = (["repairs", "list", "sales"], ["quarantine", "list"], ["quality"])

    def noted() -> list[bool]:
        told = [CliRunner().invoke(app, [*command, "--project", str(folder)]) for command in asked]
        assert all(one.exit_code == 0 for one in told), told
        return ["which did not write trusted.sales" in one.stderr for one in told]

    assert noted() == [False] * 3
    killed(folder, "trusted.sales", "before")
    assert noted() == [True] * 3
    with open_tiny(folder) as project:
        link = project.why("trusted.sales", 10_000_000_002).links[0]
        assert "which did not write trusted.sales; vertebra run" in link.text
        assert project.run().ok
    assert noted() == [False] * 3
    with open_tiny(folder) as project:
        assert project.why("trusted.sales", 10_000_000_002).links[0].text == "trusted.sales version 1 has the row"
        project.lake.table("trusted.sales").restore(0)
        assert "restored since" in project.why("trusted.sales", 10_000_000_002).links[0].text


def test_a_run_that_died_before_it_settled_leaves_the_ledgers_as_they_were(folder: Path, killed: Killed) -> None:
    then = said(folder)
    killed(folder, "governance.repairs", "before")
    now = said(folder)
    assert {name: now[name] for name in ("repairs", "quarantine", "violations")} == {
        name: then[name] for name in ("repairs", "quarantine", "violations")
    }


def test_the_trend_leaves_out_a_version_that_was_not_written(folder: Path, killed: Killed) -> None:
    killed(folder, "trusted.sales", "before")
    with open_tiny(folder) as project:
        assert project.run().ok
        (facts,) = project.quality("sales")
        assert [point.violations for point in facts.runs] == sorted({point.violations for point in facts.runs})
        assert len(facts.runs) == 2


COLLECTING = """
    import os, signal, sys
    from vertebra.lake import gc

    folder, begun = sys.argv[1], 0
    vacuum = gc._vacuum

    def dying(table, kept, *, dry_run):
        global begun
        begun += not dry_run
        if begun == 3:
            # the vacuum deletes file by file
            next(file for file in vacuum(table, kept, dry_run=True) if file.is_file()).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return vacuum(table, kept, dry_run=dry_run)

    gc._vacuum = dying
    from vertebra.cli.app import app
    app(["gc", "--keep", "0 hours", "--yes", "--project", folder])
"""


def test_garbage_collection_that_is_killed_leaves_what_is_kept(folder: Path, forks: Forks) -> None:
    for _ in range(3):
        with open_tiny(folder) as project:
            assert project.run(full_refresh=True).ok
    kept = contents(folder)
    child = forks.run(textwrap.dedent(COLLECTING), str(folder))
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert contents(folder) == kept
    files = sum(1 for _ in (folder / "lake").rglob("*.parquet"))
    again = CliRunner().invoke(app, ["gc", "--keep", "0 hours", "--yes", "--project", str(folder)])
    assert again.exit_code == 0, again.output
    assert "freed 0 files" not in again.stderr
    assert sum(1 for _ in (folder / "lake").rglob("*.parquet")) < files
    assert contents(folder) == kept
    with open_tiny(folder) as project:
        assert project.run().idle
