"""A clock that steps back, between runs and within one: ledgers and tables are those of a clock that does not."""

from __future__ import annotations

import datetime as clocks
import sys
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.crashes import said
from pipeline.tiny import contents, edit, make, open_tiny
from vertebra.pipeline.context import new_run_id

SALES = "id,shop,city,price,day\n{0},S2,Lleida,-{0}.0,2026-01-05\n{0}1,S1,Gerona,1.0,2026-01-05\n"
HOUR = timedelta(hours=1)


class Clock:
    """The clock of all modules of Vertebra: the machine's, moved by ``offset``, which each reading may change."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self.each: Callable[[], None] = lambda: None

    def install(self, patch: pytest.MonkeyPatch) -> None:
        clock = self

        class AnyTime(type):
            def __instancecheck__(cls, value: object) -> bool:
                return isinstance(value, clocks.datetime)

        class Moved(clocks.datetime, metaclass=AnyTime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                clock.each()
                return clocks.datetime.now(tz) + clock.offset

        for name, module in list(sys.modules.items()):
            if name.startswith("vertebra.") and getattr(module, "datetime", None) is clocks.datetime:
                patch.setattr(module, "datetime", Moved)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    moved.install(monkeypatch)
    return moved


def add(folder: Path, number: int) -> None:
    (folder / "data" / f"sales-{number}.csv").write_text(SALES.format(number))


def ran(folder: Path, clock: Clock, offsets: list[timedelta]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The tables and ledgers after a run at each offset, each with new data."""
    make(folder)
    with open_tiny(folder) as project:
        for number, offset in enumerate(offsets, 7):
            clock.offset = offset
            assert project.run().ok
            add(folder, number)
        assert project.run().ok
        assert project.run().idle
    return contents(folder), said(folder)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The same with the machine's clock."""
    return ran(tmp_path_factory.mktemp("steady") / "tiny", Clock(), [timedelta()] * 3)


def test_a_clock_that_steps_back_between_runs_changes_nothing(tmp_path: Path, clock: Clock, steady: Any) -> None:
    assert ran(tmp_path / "stepping", clock, [timedelta(), -48 * HOUR, -HOUR]) == steady
    with open_tiny(tmp_path / "stepping") as project:
        double = project.sql(
            "select output, output_version, input, input_version from governance.lineage group by all having count(*) > 1"
        )
        assert double.rows() == []
        assert project.sql("select step from governance.runs where why like '%did not end%'").rows() == []
        committed = [entry.run_id for entry in project.ledgers.table("runs").history()]
        assert committed == sorted(committed, reverse=True)
        assert project.ledgers.last_run() == committed[0]


def test_a_clock_that_steps_back_within_runs_changes_nothing(tmp_path: Path, clock: Clock, steady: Any) -> None:
    readings = 0

    def step() -> None:
        nonlocal readings
        readings += 1
        clock.offset = -(readings % 5) * HOUR

    clock.each = step
    assert ran(tmp_path / "stepping", clock, [timedelta()] * 3) == steady
    assert readings > 20


def test_the_last_failure_and_the_last_success_are_told_apart(tmp_path: Path, clock: Clock) -> None:
    folder = make(tmp_path / "tiny")
    with open_tiny(folder) as project:
        assert project.run().ok
    edit(folder, "views/best.py", "total > 5", "raise_error('no') > 5")
    clock.offset = -HOUR
    with open_tiny(folder) as project:
        assert not project.run().ok
        assert "it failed last time" in {step.step.name: step.words for step in project.plan()}["exploitation.best"]
    clock.offset = -2 * HOUR
    edit(folder, "views/best.py", "raise_error('no') > 5", "total > 5")
    with open_tiny(folder) as project:
        assert project.run().ok
        assert project.run().idle


def test_the_last_decision_is_in_force(tmp_path: Path, clock: Clock) -> None:
    folder = make(tmp_path / "tiny")
    with open_tiny(folder) as project:
        assert project.run().ok
        (row,) = project.quarantine.list("sales")
        project.quarantine.release("sales", row.rid)
        clock.offset = -HOUR
        project.decisions.withdraw("sales", row.rid)
        assert [one.decision for one in project.decisions.list("sales")] == ["withdraw", "release"]
        assert project.run().ok
        assert [one.rid for one in project.quarantine.list("sales")] == [row.rid]


def test_ids_of_runs_rise() -> None:
    now = clocks.datetime(2026, 3, 1, 12, tzinfo=UTC)
    first = new_run_id(now, "")
    assert first.startswith("20260301T120000-")
    assert new_run_id(now + timedelta(seconds=1), first).startswith("20260301T120001-")
    again = new_run_id(now - HOUR, first)
    assert first < again < "20260301T120002"
    assert new_run_id(now - HOUR, "20260301T120000-ffff") == "20260301T120001-0000"
    assert new_run_id(now, "an id of another kind").startswith("20260301T120000-")
