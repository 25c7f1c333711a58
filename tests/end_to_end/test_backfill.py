"""Filling in two years month by month, killed in the middle, against the same months loaded at once.

Here with some records of each month; ``python -m benchmarks.backfill`` does it with all 673,552.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import vertebra
from portals.portals import FileServer
from portals.stand_in import Asked, Reply, standing_in
from portals.two_years import monthly_project, months, portal, whole_project
from vertebra.lake.batches import batches

ROWS = 250
MONTHS = [f"{year}-{month:02d}" for year in (2013, 2014) for month in range(1, 13)]
TABLES = ["formatted.flights", "trusted.flights", "exploitation.by_month"]


class HeldPortal:
    """Gives so many months, and holds the next one back until it is released."""

    def __init__(self, files: FileServer, before: int) -> None:
        self.files = files
        self.before = before
        self.reached, self.released = threading.Event(), threading.Event()
        self.asked: list[str] = []

    def __call__(self, asked: Asked) -> Reply:
        self.asked.append(asked.path)
        if len(self.asked) > self.before:
            self.reached.set()
            self.released.wait(60)
        return self.files(asked)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", "from vertebra.cli import main; main()", *arguments]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def content() -> dict[str, bytes]:
    return months(ROWS)


@pytest.fixture
def held(content: dict[str, bytes], tmp_path: Path) -> Iterator[tuple[HeldPortal, Path]]:
    app = HeldPortal(portal(content), before=7)
    with standing_in(app) as running:
        yield app, monthly_project(tmp_path / "monthly", running.url)
        app.released.set()


def differing(one: Path, other: Path, table: str) -> int:
    """Rows that are in one project's table and not in the other's, each as often as it is; row ids aside."""
    with vertebra.open(one) as first, vertebra.open(other) as second:
        left, right = (project.table(table).arrow() for project in (first, second))
        names = [name for name in left.column_names if not name.startswith("_")]
        assert names == [name for name in right.column_names if not name.startswith("_")]
        import duckdb

        with duckdb.connect() as database:
            database.register("l", left.select(names))
            database.register("r", right.select(names))
            query = "select count(*) from ((from l except all from r) union all (from r except all from l))"
            [(count,)] = database.execute(query).fetchall()
    return int(count)


def test_a_backfill_that_is_killed_and_resumed_equals_the_load_at_once(
    held: tuple[HeldPortal, Path], content: dict[str, bytes], tmp_path: Path
) -> None:
    server, folder = held
    filling = ["collect", "flights", "--from", "2013-01", "--to", "2014-12"]
    process = start(folder, *filling)
    assert server.reached.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    server.released.set()

    code, out, _ = said(folder, *filling, "--dry-run", "--format", "json")
    states = {row["period"]: row["state"] for row in json.loads(out)}
    assert code == 0
    assert states == {name: "landed" if place < 7 else "missing" for place, name in enumerate(MONTHS)}

    asked = len(server.asked)
    code, out, err = said(folder, *filling)
    assert code == 0, err
    assert re.search(r"flights: 24 periods, 24 landed", err)
    assert len(server.asked) - asked == 17, "what is landed is not asked for again"
    landed = batches(folder / "lake" / "landing", "bts", "flights")
    assert [batch.receipt.period for batch in landed] == MONTHS
    assert [batch.number for batch in landed] == list(range(1, 25))
    assert sum(batch.receipt.records for batch in landed) == 24 * ROWS

    whole = whole_project(tmp_path / "whole", content)
    for project in (folder, whole):
        with vertebra.open(project) as opened:
            assert opened.run(exclude="zone:landing" if project == folder else "").ok
    assert {table: differing(folder, whole, table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    for ledger in ("rejects", "violations", "repairs", "quarantine"):
        with vertebra.open(folder) as first, vertebra.open(whole) as second:
            counts = [p.sql(f"select count(*) as n from governance.{ledger}").rows() for p in (first, second)]
            assert counts[0] == counts[1], ledger


def test_a_period_that_is_not_published_yet_and_one_that_is_refused_are_shown(
    content: dict[str, bytes], tmp_path: Path
) -> None:
    files = portal({name: content[name] for name in MONTHS[:4]})
    march = next(path for path in files.files if path.endswith("_2013_3.zip"))
    files.files[march] = b"<!DOCTYPE html><html>Just a moment</html>"
    with standing_in(files) as running:
        folder = monthly_project(tmp_path / "project", running.url, last="2013-04")
        code, out, err = said(folder, "collect", "flights", "--from", "2013-01", "--to", "2013-04")
        assert code == 1
        assert re.search(r"2013-02 +landed", out)
        assert re.search(r"2013-03 +refused +\S", out), out
        assert re.search(r"2013-04 +landed", out), "the others are landed"
        assert "flights: 4 periods, 3 landed, 1 refused" in err
        assert "next:  vertebra collect flights --from 2013-01 --to 2013-04" in err
        files.files.pop(march)
        files.files.pop(next(path for path in files.files if path.endswith("_2013_4.zip")))
    rows = json.loads(said(folder, "ls", "sources", "--format", "json")[1])
    assert [(row["state"], row["watermark"], row["period"]) for row in rows] == [("due", "2013-02", "2013-04")]


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["--from", "2013-13"], 1, "'2013-13' is not a month"),
        (["--from", "2013-06", "--to", "2013-01"], 1, "--from 2013-01 --to 2013-06"),
        (["--from", "2012-01", "--to", "2012-03"], 1, "its periods begin with 2013-01"),
        (["--from", "2013-01", "--again"], 1, "load: append would keep the records of both batches"),
        (["--from", "2013-01", "--due"], 2, "use either --due, or --from and --to"),
        (["--again"], 2, "it needs --from or --to"),
    ],
)
def test_periods_that_make_no_sense_are_refused_before_anything_is_asked(
    tmp_path: Path,
    arguments: list[str],
    code: int,
    what: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from vertebra.cli import main

    monkeypatch.delenv("VERTEBRA_DEBUG", raising=False)
    folder = monthly_project(tmp_path / "project", "http://127.0.0.1:9")
    with pytest.raises(SystemExit) as ended:
        main(["collect", "flights", *arguments, "--project", str(folder)])
    assert ended.value.code == code
    assert what in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not (folder / "lake").exists()
