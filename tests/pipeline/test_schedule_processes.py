"""Schedulers as processes: killed, two at once, asked to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import vertebra
from pipeline.scheduling import MONTHS, World
from pipeline.tiny import edit
from portals.stand_in import Asked, Reply, standing_in
from portals.two_years import monthly_project, months, portal
from started_as import in_background, in_foreground

Started = Callable[[], AbstractContextManager[None]]


def command(folder: Path, *arguments: str, started: Started = in_foreground) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", "from vertebra.cli import main; main()", *arguments]
    with started():
        return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@dataclass
class Gate:
    """Lets answers through until one of them has to wait."""

    app: Callable[[object], object]
    before: int
    opened: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def __call__(self, asked: object) -> object:
        self.asked += 1
        if self.asked > self.before:
            self.reached.set()
            self.opened.wait(60)
        return self.app(asked)


@pytest.fixture
def gated(tmp_path: Path) -> Iterator[tuple[World, Gate]]:
    gate = Gate(portal(months(rows=40)), before=3)  # type: ignore[arg-type]
    with standing_in(gate) as running:  # type: ignore[arg-type]
        yield World(monthly_project(tmp_path / "project", running.url), running), gate
        gate.opened.set()


def test_a_scheduler_that_is_killed_in_the_middle_of_a_collection_ends_exact(gated: tuple[World, Gate]) -> None:
    world, gate = gated
    process = command(world.folder, "schedule")
    assert gate.reached.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert world.periods() == ["2013-01", "2013-02", "2013-03"]
    gate.opened.set()
    again = command(world.folder, "schedule", "--once")
    _, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert "did not end" in err, "the run that died is told of"
    expected = MONTHS
    assert world.periods() == expected
    with vertebra.open(world.folder) as project:
        assert project.table("formatted.flights").rows() == 24 * 40
        assert project.sql("select sum(flights) as n from exploitation.by_month").rows() == [{"n": 24 * 40}]
        ledger = project.sql("select period, count(*) as n from governance.batches group by all order by all").rows()
        assert [(row["period"], row["n"]) for row in ledger] == [(period, 1) for period in expected]


def test_two_schedulers_at_once_land_each_period_once(gated: tuple[World, Gate]) -> None:
    world, gate = gated
    processes = [command(world.folder, "schedule", "--once", "--select", "zone:landing") for _ in range(2)]
    assert gate.reached.wait(60)
    gate.opened.set()
    ended = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ended
    assert world.periods() == MONTHS
    assert gate.asked == 24


def test_sigterm_ends_a_collection_after_the_answer_at_hand(gated: tuple[World, Gate]) -> None:
    world, gate = gated
    process = command(world.folder, "schedule")
    assert gate.reached.wait(60)
    process.send_signal(signal.SIGTERM)
    gate.opened.set()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert world.periods() == MONTHS[:4], "the answer at hand was landed"
    assert "stopped; committed work is kept" in err.splitlines()[-1]
    assert not (world.folder / "lake" / "formatted").exists()


def test_sigterm_ends_a_wait_for_a_source(tmp_path: Path) -> None:
    asked = threading.Event()

    def busy(_: Asked) -> Reply:
        asked.set()
        return Reply(b"", 503, {"Retry-After": "300"})

    with standing_in(busy) as running:
        process = command(monthly_project(tmp_path / "project", running.url), "schedule")
        assert asked.wait(60)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "stopped; committed work is kept" in err.splitlines()[-1]
        assert len(running.asked) == 1


def test_ctrl_c_ends_it_while_it_waits(gated: tuple[World, Gate]) -> None:
    world, _ = gated
    edit(world.folder, "datasets/flights.yaml", "to: 2014-12", "to: 2013-01")
    process = command(world.folder, "schedule", "--select", "zone:landing")
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    assert any(" round " in line for line in lines)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(30) == 0
    assert "stopped; committed work is kept" in rest


def test_a_signal_that_was_ignored_at_its_start_does_not_end_it(gated: tuple[World, Gate]) -> None:
    world, gate = gated
    process = command(world.folder, "schedule", "--once", "--select", "zone:landing", started=in_background)
    assert gate.reached.wait(60)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    gate.opened.set()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert world.periods() == MONTHS
