"""Entity resolution runs beside other steps; what a run reports and records is as if it ran at its place."""

from __future__ import annotations

import signal
import textwrap
import threading
from pathlib import Path

import pytest

import vertebra
from forked import Forks
from pipeline import recorded_project
from vertebra.errors import StepError
from vertebra.exploitation import lookup
from vertebra.exploitation.matching import resolution
from vertebra.pipeline import beside
from vertebra.workspace.workspace import Workspace

WANTED = {"ours", "theirs", "sales", "shops", "places", "cities", "by_city"}
VIEW = "select code, title from exploitation.places"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project in which the reconciliation of places can run beside that of cities."""
    recorded_project.make(tmp_path)
    for file in [*tmp_path.glob("datasets/*"), *tmp_path.glob("views/*"), *tmp_path.glob("analyses/*")]:
        if file.stem not in WANTED:
            file.unlink()
    (tmp_path / "views" / "titles.sql").write_text(VIEW)
    return tmp_path


def recorded(project: Workspace) -> list[tuple[str, str]]:
    """Steps and how they ended, in the order in which the last run recorded them."""
    rows = project.sql(
        "select step, state from governance.runs where run_id = (select max(run_id) from governance.runs)"
    )
    return [(row["step"], row["state"]) for row in rows.rows()]


def test_it_runs_in_a_thread_and_is_reported_at_its_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    resolve = resolution.resolve

    def resolved(*arguments: object) -> object:
        threads.append(threading.current_thread())
        return resolve(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(resolution, "resolve", resolved)
    with vertebra.open(folder) as project:
        planned = [decision.step.name for decision in project.plan()]
        report = project.run()
        assert report.ok, report
        assert [result.step for result in report.results] == planned
        assert recorded(project) == [*((step, "ok") for step in planned), ("run", "ok")]
        assert project.run().idle
        titles = project.table("exploitation.titles").rows()
        monkeypatch.setattr(beside, "_MOST_ROWS", 0)  # too large to run beside others
        assert project.run("places titles", full_refresh=True).ok
        assert project.table("exploitation.titles").rows() == titles > 0
    assert [thread is threading.main_thread() for thread in threads] == [False, True]


def test_its_failure_stops_only_what_depends_on_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(*_: object) -> object:
        raise StepError("places cannot be compared")

    monkeypatch.setattr(resolution, "resolve", resolved)
    with vertebra.open(folder) as project:
        assert project.run().state == "failed"
        states = dict(recorded(project))
        other = {step: state for step, state in states.items() if state != "ok"}
        assert other == {"exploitation.places": "failed", "exploitation.titles": "skipped", "run": "failed"}
        assert states["exploitation.by_city"] == "ok"


def test_an_interrupted_run_records_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, vertebra.open(folder) as project:
        patched.setattr(lookup, "crosswalk", interrupted)
        with pytest.raises(vertebra.RunInterrupted) as caught:
            project.run()
        states = {result.step: result.state for result in caught.value.report.results}
        assert (states["exploitation.places"], states["exploitation.cities"]) == ("ok", "interrupted")
    with vertebra.open(folder) as project:
        steps = [result.step for result in project.run().results]
        assert "exploitation.places" not in steps
        assert "exploitation.titles" in steps


def test_a_run_killed_beside_it_is_completed_by_the_next(folder: Path, forks: Forks) -> None:
    program = """
        import os, signal, sys, time
        import vertebra
        from vertebra.exploitation import lookup

        def killed(*_):
            table = os.path.join(sys.argv[1], "lake", "exploitation", "places", "_delta_log")
            while not os.path.isdir(table) or not os.listdir(table):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)

        lookup.crosswalk = killed
        with vertebra.open(sys.argv[1]) as project:
            project.run()
    """
    said = forks.run(textwrap.dedent(program), str(folder))
    assert said.returncode == -signal.SIGKILL, said.stderr
    with vertebra.open(folder) as project:
        report = project.run()
        assert report.ok, report
        assert "exploitation.places" not in {result.step for result in report.results}
        sources = "select distinct input from governance.lineage where output = 'exploitation.places'"
        assert {row["input"] for row in project.sql(sources).rows()} == {"trusted.ours", "trusted.theirs"}
        assert project.run().idle
