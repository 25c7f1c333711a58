"""Plan and run over steps made up for the purpose: what runs, why, what is recorded, what survives."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import BaseModel

from vertebra.declare.project import Project, Settings
from vertebra.engine import ConnectEngine
from vertebra.errors import BusyError, VertebraError
from vertebra.exploitation.matching import resolution
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.step_facts import ViewFacts
from vertebra.lake.catalog import Lake
from vertebra.lake.lease import lease
from vertebra.pipeline import run as runner
from vertebra.pipeline.context import RunOptions
from vertebra.pipeline.graph import Graph
from vertebra.pipeline.plan import modified_steps, plan
from vertebra.pipeline.progress import RunReport
from vertebra.pipeline.state import State
from vertebra.pipeline.steps import Step
from vertebra.report.console import CapturingConsole
from vertebra.version import installed_version


class Made(BaseModel):
    """A declaration: the value the step writes, and how it behaves."""

    value: int = 1
    fails: str = ""
    writes: bool = True


class IdleEngine(ConnectEngine):
    """An engine whose session nobody uses."""

    def _open(self) -> Any:
        return object()


@dataclass
class Pipeline:
    """A project of made-up steps ``exploitation.<name>`` whose engine is never asked for."""

    root: Path
    monkeypatch: pytest.MonkeyPatch
    made: dict[str, tuple[Made, tuple[str, ...]]] = field(default_factory=dict)
    acted: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None

    @property
    def project(self) -> Project:
        return Project(self.root, None, Settings(name="made"), {}, {}, {}, {})

    @property
    def lake(self) -> Lake:
        return Lake(self.root / "lake")

    def declare(self, name: str, *inputs: str, **made: Any) -> None:
        self.made[name] = (Made(**made), tuple(f"exploitation.{i}" for i in inputs))

    def graph(self, _: Any = None) -> Graph:
        return Graph(
            Step(f"exploitation.{name}", inputs, (f"exploitation.{name}",), made)
            for name, (made, inputs) in self.made.items()
        )

    def act(self, step: Step, project: Any, ctx: StepContext, full_refresh: bool) -> StepOutcome:
        self.acted.append(step.subject)
        self.before(step.subject)
        made: Made = step.declaration
        if made.fails == "foreseen":
            raise VertebraError("it does not work", remedy="repair it")
        if made.fails:
            raise RuntimeError(made.fails)
        table = ctx.lake.table(step.name)
        if made.writes or not table.exists():
            table.write_arrow(pa.table({"value": [made.value]}), ctx.commit())
        return StepOutcome(1, table.version(), facts=ViewFacts(columns=1))

    def run(self, *select: str, console: CapturingConsole | None = None, **options: Any) -> RunReport:
        self.acted.clear()
        self.monkeypatch.setattr(runner, "graph_of", self.graph)
        self.monkeypatch.setattr(runner, "dispatch", self.act)
        engine = IdleEngine("sc://nobody")
        return runner.run(self.project, RunOptions(select, **options), console=console, engine=engine)

    def plan(self, full_refresh: bool = False) -> dict[str, tuple[str, str]]:
        graph = self.graph()
        state = State(self.lake, Ledgers(self.lake))
        decisions = plan(graph, list(graph.steps), state, self.root, full_refresh)
        return {d.step.subject: (d.action, d.words) for d in decisions}

    def ledger(self, name: str, **where: Any) -> list[dict[str, Any]]:
        rows = Ledgers(self.lake).read(name).to_pylist()
        return [row for row in rows if all(row[key] == value for key, value in where.items())]


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    made = Pipeline(tmp_path, monkeypatch)
    made.declare("a")
    made.declare("b", "a")
    made.declare("c", "b")
    made.declare("apart")
    return made


def test_a_first_run_does_every_step_after_what_it_reads(pipeline: Pipeline) -> None:
    assert pipeline.plan()["b"] == ("run", "never ran")
    report = pipeline.run()
    assert report.ok
    assert pipeline.acted.index("a") < pipeline.acted.index("b") < pipeline.acted.index("c")
    assert len(report.results) == 4


def test_a_second_run_does_nothing(pipeline: Pipeline) -> None:
    pipeline.run()
    assert {action for action, _ in pipeline.plan().values()} == {"skip"}
    report = pipeline.run()
    assert report.idle
    assert pipeline.acted == []
    assert len(report.current) == 4
    assert pipeline.ledger("runs", step="run", run_id=report.run_id)[0]["why"] == "nothing to do"


def test_a_changed_declaration_runs_the_step_and_what_follows_from_it(pipeline: Pipeline) -> None:
    pipeline.run()
    pipeline.declare("b", "a", value=2)
    planned = pipeline.plan()
    assert planned["a"][0] == planned["apart"][0] == "skip"
    assert planned["b"] == ("run", "the declaration changed: value")
    assert planned["c"] == ("run", "input exploitation.b will change")
    report = pipeline.run()
    assert pipeline.acted == ["b", "c"]
    assert report.results[1].why == "exploitation.b has version 1 (was 0)"


def test_a_step_whose_input_kept_its_version_does_not_run(pipeline: Pipeline) -> None:
    pipeline.declare("b", "a", writes=False)
    pipeline.run()
    pipeline.declare("a", value=2)
    pipeline.run()
    pipeline.declare("a", value=2, writes=False)
    report = pipeline.run()
    assert pipeline.acted == ["a"]
    assert "exploitation.b" in report.current
    assert pipeline.run().idle, "a step that had nothing to write is current all the same"


def test_a_table_that_was_removed_and_made_again_is_another_input(pipeline: Pipeline) -> None:
    pipeline.run()
    shutil.rmtree(pipeline.lake.table("exploitation.a").path)
    pipeline.declare("a", value=2)
    assert pipeline.plan()["b"] == ("run", "input exploitation.a will change")
    pipeline.run("exploitation.a")
    assert pipeline.lake.table("exploitation.a").version() == 0, "it has the version number it had before"
    assert pipeline.plan()["b"] == ("run", "exploitation.a was removed and made again")
    pipeline.run()
    assert pipeline.acted == ["b", "c"]
    assert pipeline.run().idle


def test_a_table_that_was_made_again_as_it_was_changes_nothing(pipeline: Pipeline) -> None:
    pipeline.run()
    shutil.rmtree(pipeline.lake.table("exploitation.a").path)
    pipeline.run()
    assert pipeline.acted == ["a"]
    assert pipeline.run().idle


def test_a_changed_file_is_a_changed_step(pipeline: Pipeline) -> None:
    file = pipeline.root / "views" / "x.py"
    file.parent.mkdir()
    file.write_text("one")
    step = Step("exploitation.x", (), ("exploitation.x",), Made(), files=(file,))
    pipeline.graph = lambda _=None: Graph([step])  # type: ignore[method-assign]
    pipeline.run()
    assert pipeline.plan()["x"] == ("skip", "current")
    file.write_text("two")
    assert pipeline.plan()["x"] == ("run", "views/x.py changed")


def test_a_raised_version_of_the_code_runs_its_steps(pipeline: Pipeline) -> None:
    pipeline.run()
    raised = f"version {resolution.VERSION} → {resolution.VERSION + 1}"
    pipeline.monkeypatch.setattr(resolution, "VERSION", resolution.VERSION + 1)
    assert pipeline.plan()["apart"] == ("run", f"Vertebra's resolution step changed ({raised})")


def test_a_release_that_raises_no_version_runs_nothing(pipeline: Pipeline) -> None:
    pipeline.run()
    pipeline.monkeypatch.setattr("vertebra.version.metadata.version", lambda _: "9.9")
    installed_version.cache_clear()
    try:
        assert {action for action, _ in pipeline.plan().values()} == {"skip"}
        pipeline.run("a", full_refresh=True)
    finally:
        installed_version.cache_clear()
    assert "9.9" in {row["vertebra"] for row in pipeline.ledger("runs")}, "the ledger has the release for information"


def test_a_full_refresh_runs_what_is_current(pipeline: Pipeline) -> None:
    pipeline.run()
    assert pipeline.plan(full_refresh=True)["apart"] == ("run", "--full-refresh")
    pipeline.run("a", full_refresh=True)
    assert pipeline.acted == ["a"]


def test_compaction_changes_nothing_for_those_who_read(pipeline: Pipeline) -> None:
    pipeline.run()
    table = pipeline.lake.table("exploitation.a")
    table.write_arrow(pa.table({"value": [5]}), pipeline_commit(table), mode="append", evolution="same")
    pipeline.run()
    table.delta().optimize.compact()
    assert table.latest().operation == "OPTIMIZE"  # type: ignore[union-attr]
    assert {action for action, _ in pipeline.plan().values()} == {"skip"}


def pipeline_commit(table: Any) -> Any:
    """A commit that says of itself what the table's last one said."""
    from vertebra.lake.commit import Commit

    last = table.latest()
    return Commit(last.run_id, last.step, last.fingerprint, last.inputs)


def test_a_restored_table_is_brought_back_to_what_is_declared(pipeline: Pipeline) -> None:
    pipeline.run()
    pipeline.declare("a", value=2)
    pipeline.run()
    pipeline.lake.table("exploitation.a").restore(0)
    assert pipeline.plan()["a"] == ("run", "it was restored to an earlier version by hand")


def test_a_failure_stops_what_follows_from_it_and_nothing_else(pipeline: Pipeline) -> None:
    pipeline.declare("b", "a", fails="foreseen")
    console = CapturingConsole()
    report = pipeline.run(console=console)
    states = {result.step.partition(".")[2]: result for result in report.results}
    assert report.state == "failed"
    assert states["apart"].state == states["a"].state == "ok"
    assert states["b"].error == "it does not work\n  next:  repair it"
    assert (states["c"].state, states["c"].why) == ("skipped", "exploitation.b failed")
    assert [row["error"] for row in pipeline.ledger("runs", state="failed") if row["step"] != "run"] == [
        "it does not work\n  next:  repair it"
    ]
    assert pipeline.plan()["b"][1] == "it failed last time"
    pipeline.declare("b", "a")
    assert pipeline.run().ok
    assert pipeline.acted == ["b", "c"]


def test_an_unforeseen_failure_names_itself_and_keeps_its_traceback(pipeline: Pipeline) -> None:
    pipeline.declare("apart", fails="the disk is full")
    report = pipeline.run("apart")
    assert report.results[0].error.startswith("RuntimeError: the disk is full\n  next:")
    assert "in act" in report.results[0].trace


def test_a_step_whose_input_was_never_written_says_how_to_get_it(pipeline: Pipeline) -> None:
    report = pipeline.run("b")
    assert report.state == "failed"
    assert "exploitation.a was not written yet" in report.results[0].error
    assert "vertebra run --select +exploitation.b" in report.results[0].error


def test_the_ledgers_tell_what_each_table_follows_from(pipeline: Pipeline) -> None:
    pipeline.run()
    [row] = pipeline.ledger("lineage", output="exploitation.b")
    assert (row["input"], row["input_version"], row["output_version"]) == ("exploitation.a", 0, 0)
    [ran] = pipeline.ledger("runs", step="exploitation.b")
    assert (ran["state"], ran["rows"], json.loads(ran["facts"])) == ("ok", 1, {"columns": 1})
    states = [row["state"] for row in pipeline.ledger("runs", step="run")]
    assert states == ["ok"]


def test_an_interrupted_run_keeps_what_it_committed(pipeline: Pipeline) -> None:
    def interrupt(name: str) -> None:
        if name == "b":
            raise KeyboardInterrupt

    pipeline.before = interrupt
    report = pipeline.run()
    states = {result.step.partition(".")[2]: result.state for result in report.results}
    assert report.state == "interrupted"
    assert (states["a"], states["b"], states["c"]) == ("ok", "interrupted", "skipped")
    pipeline.before = lambda _: None
    pipeline.run()
    assert pipeline.acted == ["b", "c", "apart"]


def test_two_runs_at_once_do_not_mix(pipeline: Pipeline) -> None:
    with lease(pipeline.lake.root, "run of another"):
        script = f"""
            from pathlib import Path
            from vertebra.errors import BusyError
            from vertebra.lake.lease import lease
            try:
                with lease(Path({str(pipeline.lake.root)!r}), "run of mine"): pass
            except BusyError as error:
                print(error)
        """
        said = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
        ).stdout
    assert "is being written by run of another" in said
    assert "--wait" in said


def test_modified_steps_are_those_that_changed_not_those_whose_input_did(pipeline: Pipeline) -> None:
    pipeline.run()
    pipeline.declare("a", value=3)
    pipeline.declare("new")
    state = State(pipeline.lake, Ledgers(pipeline.lake))
    found = modified_steps(pipeline.graph(), state, pipeline.project)
    assert found == {"exploitation.a", "exploitation.new"}


CHILD = """
    import os, sys, time
    from pathlib import Path
    import pytest
    sys.path.insert(0, {here!r})
    from test_run import Pipeline

    pipeline = Pipeline(Path({root!r}), pytest.MonkeyPatch())
    for name, inputs in (("a", ()), ("b", ("a",)), ("c", ("b",)), ("apart", ())):
        pipeline.declare(name, *inputs)

    def block(name):
        print(name, flush=True)
        if name == {at!r}:
            time.sleep(60)

    pipeline.before = block
    pipeline.run()
"""


@pytest.mark.parametrize("at", ["a", "b", "c"])
def test_a_killed_run_loses_nothing_and_the_next_one_completes(pipeline: Pipeline, at: str) -> None:
    script = textwrap.dedent(CHILD.format(here=str(Path(__file__).parent), root=str(pipeline.root), at=at))
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    while child.stdout.readline().strip() != at:
        assert child.poll() is None
    time.sleep(0.1)
    child.kill()
    child.wait()
    console = CapturingConsole()
    done = {table.name.partition(".")[2] for table in pipeline.lake.tables("exploitation")}
    assert pipeline.run(console=console).ok
    assert set(pipeline.acted) == {"a", "b", "c", "apart"} - done
    assert f"it was killed in exploitation.{at}" in console.notes[0]
    assert [row["why"] for row in pipeline.ledger("runs", state="crashed")] == [f"exploitation.{at}"]
    recorded = {row["step"] for row in pipeline.ledger("runs", state="ok")}
    assert {f"exploitation.{name}" for name in pipeline.made} <= recorded, "what was committed is on record too"
    assert list((pipeline.lake.root / ".scratch").iterdir()) == []
    assert pipeline.run().idle


def test_another_run_is_told_of_a_busy_lake_at_once(pipeline: Pipeline) -> None:
    pipeline.run()
    script = textwrap.dedent(CHILD.format(here=str(Path(__file__).parent), root=str(pipeline.root), at="a"))
    for name in ("a", "b", "c", "apart"):
        pipeline.lake.table(f"exploitation.{name}").write_arrow(
            pa.table({"value": [0]}), runner_commit(), mode="overwrite"
        )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline().strip() == "a"
        with pytest.raises(BusyError, match=rf"run \S+ \(process {child.pid}"):
            pipeline.run()
        console = CapturingConsole()
        with pytest.raises(BusyError):
            pipeline.run(console=console, wait=0.3)
        assert "waiting for run" in console.notes[0]
    finally:
        child.kill()
        child.wait()
    assert pipeline.run().ok


def runner_commit() -> Any:
    from vertebra.lake.commit import Commit

    return Commit("other", "other", "other")
