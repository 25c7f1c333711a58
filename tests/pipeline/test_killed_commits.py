"""Processes that kill themselves just before or after one of their commits: the next run ends where it would have."""

from __future__ import annotations

import random
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
from pipeline.crashes import MORE, completed, flip_bit, make_shop, said
from pipeline.test_recovery import Notes
from pipeline.tiny import contents, make, open_tiny
from vertebra.cli.app import app
from vertebra.governance.schemas import LEDGERS
from vertebra.lake.log import entries
from vertebra.workspace.workspace import Workspace

Killed = Callable[[Path, str, str], None]

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

TABLES = [
    (table, when)
    for table in ("formatted.sales", "trusted.sales", "exploitation.by_city", "exploitation.prices")
    for when in ("before", "after")
]
"""In the order in which a run comes to them."""

COMMITTED_AT_THE_END = [
    (f"governance.{ledger}", when)
    for ledger in (
        "batches", "schemas", "lineage", "quality", "collections", "rejects", "violations", "repairs", "quarantine", "runs",
    )
    for when in ("before", "after")
]  # fmt: skip
"""In the order in which a run, or the one that completes it, comes to them."""

NOTING = """
    import os, signal, sys
    from vertebra.governance.journal import Journal

    folder, line = sys.argv[1], int(sys.argv[2])
    write = Journal._write

    def dying(self, *about, **more):
        global line
        line -= 1
        if line == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, *about, **more)

    Journal._write = dying
    import vertebra
    vertebra.open(folder).run()
"""


ADDING = """
    import os, signal, sys
    from vertebra.governance.journal import Journal

    folder, step, ledger = sys.argv[1:]
    add = Journal.add

    def dying(self, entry):
        if (entry.step, entry.ledger) == (step, ledger):
            os.kill(os.getpid(), signal.SIGKILL)
        add(self, entry)

    Journal.add = dying
    import vertebra
    vertebra.open(folder).run()
"""

NOTED = [
    ("landing.sales", "batches"), ("landing.sales", "schemas"), ("landing.sales", "collections"), ("landing.sales", "runs"),
    ("trusted.members", "runs"), ("trusted.members", "lineage"), ("exploitation.cities", "lineage"),
    ("publish.shops", "publications"), ("publish.shops", "runs"), ("publish.shops", "lineage"),
]  # fmt: skip
"""Entries that a run notes in its journal one after the other; it may be killed before each."""


@pytest.fixture
def killed(forks: Forks) -> Killed:
    """Have a run kill itself before or after a commit of a table: ``killed(folder, "trusted.sales", "before")``."""

    def run(folder: Path, table: str, when: str) -> None:
        child = forks.run(textwrap.dedent(DYING), str(folder), table, when)
        assert child.returncode == -signal.SIGKILL, child.stderr

    return run


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


@pytest.fixture(scope="module")
def undisturbed(before: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The tables and ledgers where no run was killed."""
    return completed(Path(shutil.copytree(before, tmp_path_factory.mktemp("whole") / "project")))


def test_a_run_killed_at_any_commit_of_a_table_is_completed(folder: Path, undisturbed: Any, killed: Killed) -> None:
    for table, when in cases(TABLES, fast=TABLES[1::2]):
        killed(folder, table, when)
    assert completed(folder) == undisturbed


def test_a_run_killed_at_any_commit_of_a_ledger_is_completed(folder: Path, undisturbed: Any, killed: Killed) -> None:
    for ledger, when in cases(COMMITTED_AT_THE_END, fast=COMMITTED_AT_THE_END[1::2]):
        # the first dies when it ends, the others when they complete it
        killed(folder, ledger, when)
    assert completed(folder) == undisturbed


def test_a_run_commits_each_ledger_once(folder: Path) -> None:
    def versions(project: Workspace) -> dict[str, int]:
        tables = {name: project.ledgers.table(name) for name in LEDGERS}
        return {name: table.version() for name, table in tables.items() if table.exists()}

    with open_tiny(folder) as project:
        first = versions(project)
        assert first.pop("drift", 0) == 0
        assert set(first.values()) == {0}
        assert project.run().ok
        second = versions(project)
        assert {name: second[name] for name in first} == dict.fromkeys(first, 1)
        assert project.run().idle
        changed = {name for name, version in versions(project).items() if version != second[name]}
        assert changed == {"runs", "collections"}


@pytest.mark.parametrize("table", ["formatted.sales", "trusted.sales", "exploitation.by_city"])
def test_what_a_killed_run_committed_is_recorded_though_it_is_overtaken(
    folder: Path, before: Path, tmp_path: Path, killed: Killed, table: str
) -> None:
    killed(folder, table, "after")
    whole = Path(shutil.copytree(before, tmp_path / "whole"))
    with open_tiny(whole) as project:
        assert project.run(select=[f"+{table}"]).ok
    for one in (folder, whole):
        (one / "data" / "sales-3.csv").write_text("id,shop,city,price,day\n10,S2,Lleida,-1.0,2026-01-06\n")
    assert completed(folder) == completed(whole)


def test_a_run_killed_at_any_line_of_its_journal_is_completed(folder: Path, undisturbed: Any, forks: Forks) -> None:
    line, ended = 1, 0
    while not ended:
        child = forks.run(textwrap.dedent(NOTING), str(folder), str(line))
        ended = child.returncode == 0
        assert ended or child.returncode == -signal.SIGKILL, child.stderr
        line += 2
    assert line > 12
    assert completed(folder) == undisturbed


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A project with every load and a publication, and what it contains after a run that nothing disturbed."""
    scratch = tmp_path_factory.mktemp("shop")
    folder = make_shop(scratch / "project")
    return folder, completed(Path(shutil.copytree(folder, scratch / "whole")))


@pytest.mark.parametrize(("step", "ledger"), cases(NOTED, fast=[NOTED[1], NOTED[3], NOTED[-2], NOTED[-1]]))
def test_what_a_run_had_not_noted_when_it_was_killed_is_recorded(
    step: str, ledger: str, shop: tuple[Path, Any], tmp_path: Path, forks: Forks
) -> None:
    before, undisturbed = shop
    folder = Path(shutil.copytree(before, tmp_path / "project"))
    child = forks.run(textwrap.dedent(ADDING), str(folder), step, ledger)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert completed(folder) == undisturbed


def test_a_line_of_the_journal_that_was_not_written_whole_is_left_out(folder: Path, killed: Killed) -> None:
    killed(folder, "trusted.sales", "after")
    (journal,) = (folder / "lake" / ".journal").iterdir()
    journal.write_bytes(journal.read_bytes() + b'{"step": "trusted.sales", "ledger": "qua')
    with open_tiny(folder) as project:
        assert project.run().ok
        assert len(project.quality("sales")[0].runs) == 2


@pytest.mark.parametrize("ledger", ["rejects", "violations", "collections"])
@pytest.mark.parametrize("how", ["gone", "flipped"])
def test_files_of_a_killed_run_that_are_lost_are_made_again(
    folder: Path, undisturbed: Any, killed: Killed, ledger: str, how: str
) -> None:
    killed(folder, f"governance.{ledger}", "before")
    with open_tiny(folder) as project:
        committed = set(project.ledgers.table(ledger).files())
    lost = next(
        file for file in (folder / "lake" / "governance" / ledger / "sales").rglob("*.parquet") if file not in committed
    )
    if how == "gone":
        lost.unlink()
    else:
        flip_bit(lost, random.Random(1))
    with open_tiny(folder) as project:
        notes = Notes()
        assert project.run(console=notes).ok
    assert any(lost.name in text and "is gone or damaged; vertebra run --select" in text for text in notes.texts)
    tables, ledgers = completed(folder)
    expected_tables, expected = undisturbed
    assert tables == expected_tables
    state = ("rejects", "drift", "violations", "repairs", "quarantine", "collections", "batches", "schemas")
    assert {name: ledgers[name] for name in state} == {name: expected[name] for name in state}


def test_a_step_that_was_committed_and_whose_begin_was_not_flushed_is_recorded(
    folder: Path, undisturbed: Any, killed: Killed
) -> None:
    killed(folder, "exploitation.prices", "after")
    (journal,) = (folder / "lake" / ".journal").iterdir()
    lines = journal.read_bytes().splitlines(keepends=True)
    assert b'"begin": "exploitation.prices"' in lines[-1]
    journal.write_bytes(b"".join(line for line in lines if b'"begin": "exploitation.prices"' not in line))
    assert completed(folder) == undisturbed


def test_a_damaged_line_of_the_journal_leaves_the_others(folder: Path, undisturbed: Any, killed: Killed) -> None:
    killed(folder, "governance.batches", "before")
    (journal,) = (folder / "lake" / ".journal").iterdir()
    lines = journal.read_bytes().splitlines(keepends=True)
    place = next(
        place for place, line in enumerate(lines) if b'"ledger": "runs"' in line and b"formatted.sales" in line
    )
    journal.write_bytes(b"".join([*lines[:place], b"\x00" + lines[place], *lines[place + 1 :]]))
    assert completed(folder)[0] == undisturbed[0]
    assert said(folder)["lineage"] == undisturbed[1]["lineage"]


def test_a_repair_completes_the_ledgers_of_a_killed_run_before_it_rebuilds_them(
    folder: Path, undisturbed: Any, killed: Killed
) -> None:
    killed(folder, "exploitation.prices", "before")
    log = folder / "lake" / "governance" / "lineage" / "_delta_log"
    list(entries(log).values())[-1].write_bytes(b"")
    with open_tiny(folder) as project:
        assert project.repair().ok
        assert [row["state"] for row in project.ledgers.read("runs").to_pylist() if row["step"] == "run"] == [
            "ok", "crashed",
        ]  # fmt: skip
    assert not list((folder / "lake" / ".journal").iterdir())
    assert completed(folder) == undisturbed


def test_ledgers_that_are_not_committed_yet_are_told(folder: Path, killed: Killed) -> None:
    asked = (["repairs", "list", "sales"], ["quarantine", "list"], ["quality"])

    def noted() -> list[bool]:
        told = [CliRunner().invoke(app, [*command, "--project", str(folder)]) for command in asked]
        assert all(one.exit_code == 0 for one in told), told
        return ["which wrote trusted.sales, has not ended" in one.stderr for one in told]

    assert noted() == [False] * 3
    killed(folder, "trusted.sales", "after")
    assert noted() == [True] * 3
    with open_tiny(folder) as project:
        link = project.why("trusted.sales", 10_000_000_002).links[0]
        assert "which wrote trusted.sales, has not ended; vertebra run" in link.text
        assert project.run().ok
    assert noted() == [False] * 3
    with open_tiny(folder) as project:
        assert project.why("trusted.sales", 10_000_000_002).links[0].text == "trusted.sales version 1 has the row"
        project.lake.table("trusted.sales").restore(0)
        assert "restored since" in project.why("trusted.sales", 10_000_000_002).links[0].text


@pytest.mark.parametrize("point", [("trusted.sales", "before"), ("governance.quality", "before")])
def test_a_run_that_died_leaves_the_ledgers_as_they_were(folder: Path, killed: Killed, point: tuple[str, str]) -> None:
    then = said(folder)
    killed(folder, *point)
    now = said(folder)
    of_trusted = ("repairs", "quarantine", "violations", "quality", "rejects")
    assert {name: now[name] for name in of_trusted} == {name: then[name] for name in of_trusted}


def test_a_version_is_assessed_once(folder: Path, killed: Killed) -> None:
    killed(folder, "trusted.sales", "before")
    with open_tiny(folder) as project:
        assert project.run().ok
        assessed = project.sql(
            "select table_version as version, count(distinct run_id) as runs from governance.quality where table_name = 'trusted.sales'"
            " group by all order by all"
        )
        assert assessed.rows() == [{"version": 0, "runs": 1}, {"version": 1, "runs": 1}]
        (facts,) = project.quality("sales")
        assert [point.violations for point in facts.runs] == sorted({point.violations for point in facts.runs})
        assert len(facts.runs) == 2


def test_what_waits_for_its_commit_is_no_garbage(folder: Path, undisturbed: Any, killed: Killed) -> None:
    killed(folder, "governance.rejects", "before")
    freed = CliRunner().invoke(app, ["gc", "--keep", "0 hours", "--yes", "--project", str(folder)])
    assert freed.exit_code == 0, freed.output
    assert completed(folder) == undisturbed


COLLECTING = """
    import os, signal, sys
    from vertebra.lake import gc

    folder, begun = sys.argv[1], 0
    vacuum = gc.vacuum

    def dying(table, kept, *, dry_run):
        global begun
        begun += not dry_run
        if begun == 3:
            # the vacuum deletes file by file
            next(file for file in vacuum(table, kept, dry_run=True) if file.is_file()).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return vacuum(table, kept, dry_run=dry_run)

    gc.vacuum = dying
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
