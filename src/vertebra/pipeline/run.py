"""Running a pipeline: collect, plan, do the steps in order, and write down what happened."""

from __future__ import annotations

import secrets
import shutil
import time
import traceback
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vertebra.engine import running
from vertebra.errors import EngineError, StepError, VertebraError
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake
from vertebra.lake.lease import lease
from vertebra.pipeline.dispatch import dispatch
from vertebra.pipeline.land import LandingProgress, land
from vertebra.pipeline.plan import PlannedStep, decide, graph_of, modified_steps, plan
from vertebra.pipeline.progress import Console, Ending, RunReport, SilentConsole, StepResult
from vertebra.pipeline.record import Recorder
from vertebra.pipeline.selection import select
from vertebra.pipeline.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine
    from vertebra.landing.port import Window
    from vertebra.landing.web.network import Network
    from vertebra.pipeline.fingerprint import Fingerprint
    from vertebra.pipeline.graph import Graph
    from vertebra.pipeline.steps import Step


def run(
    project: Project,
    wanted: Sequence[str] = (),
    exclude: Sequence[str] = (),
    full_refresh: bool = False,
    wait: float = 0,
    console: Console | None = None,
    engine: Engine | None = None,
    *,
    due: Callable[[Graph, list[str]], list[str]] | None = None,
    window: Window | None = None,
    network: Network | None = None,
    stopping: Callable[[], bool] = lambda: False,
    now: datetime | None = None,
) -> RunReport:
    """Bring the selected steps up to date.

    Args:
        wanted: selections (:mod:`vertebra.pipeline.selection`); none means every step.
        full_refresh: run every selected step, and incremental ones from nothing.
        wait: seconds to wait for another run that holds the lake.
        engine: to use and leave running; by default one is started when needed and stopped at the end.
        due: picks those of the selected steps that are due; asked when no other run can change the answer.
        window: the periods to collect; all that are due without one.
        network: how the web is asked.
        stopping: asked before each step whether to leave the rest to another run.
        now: the run's start, UTC; the machine's clock unless given.

    Returns:
        How each step ended. A failed step does not raise; what does not follow from it still runs.

    Raises:
        SelectionError: a selection matches nothing.
        BusyError: another run holds the lake.
    """
    told = console or SilentConsole()
    lake = Lake(project.lake)
    ledgers = Ledgers(lake)
    graph = graph_of(project)
    run_id = new_run_id(now or datetime.now(UTC))
    with lease(project.lake, f"run {run_id}", wait, lambda who: told.note(f"waiting for {who}")):
        # Another run may have been waited for.
        now = now or datetime.now(UTC)
        state = State(lake, ledgers)
        chosen = select(graph, wanted, exclude, lambda: modified_steps(graph, state, project))
        chosen = chosen if due is None else due(graph, chosen)
        if not chosen:
            return RunReport(run_id, 0.0, (), (), 0)
        scratch = lake.root / ".scratch"
        recorder = Recorder(ledgers, scratch, run_id, project.engine_name, project.profile)
        settings = project.settings
        with running(engine or settings.engine, settings.memory) as used:
            about = (project, graph, chosen, full_refresh, lake, ledgers, state, recorder, told, run_id, now, used)
            return _Run(*about, window, network, stopping).go()


def new_run_id(now: datetime) -> str:
    """A run's id: sortable by time, and unlike that of another run of the same second."""
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


@dataclass
class _Run:
    """One run under way, holding the lease."""

    project: Project
    graph: Graph
    chosen: list[str]
    full_refresh: bool
    lake: Lake
    ledgers: Ledgers
    state: State
    recorder: Recorder
    console: Console
    run_id: str
    now: datetime
    engine: Engine
    window: Window | None
    network: Network | None
    stopping: Callable[[], bool]
    results: list[StepResult] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    def go(self) -> RunReport:
        for sentence in self.recorder.open():
            self.console.note(sentence)
        try:
            self._collect()
            decisions = [d for d in self._plan() if d.action != "collect"]
            self._adopt(decisions)
            self._do(decisions)
        except KeyboardInterrupt:
            self._interrupted()
        return self._report()

    def _plan(self) -> list[PlannedStep]:
        return plan(self.graph, self.chosen, self.state, self.project.root, self.full_refresh)

    def _collect(self) -> None:
        """Ask every selected source for new data; an engine that will be needed starts meanwhile."""
        if any(decision.action == "run" and decision.step.uses_engine for decision in self._plan()):
            self.engine.warm_up()
        for name in self.chosen:
            step = self.graph.steps[name]
            if step.zone == "landing":
                self._go_on()
                self._start(step)
                self._end(self._land(step), None)

    def _land(self, step: Step) -> StepResult:
        clock = time.perf_counter()
        why = "looks for new data at the source"
        try:
            landed = land(
                step.declaration, self.project, self.lake, self.ledgers, self.run_id, self.now, self._watch(step),
                self.window, self.network,
            )  # fmt: skip
        except KeyboardInterrupt:
            raise
        except Exception as error:
            return _failure(step, why, error, time.perf_counter() - clock)
        if landed.changed and self.graph.children[step.name] & set(self.chosen):
            self.engine.warm_up()
        state: Ending = "ok" if landed.changed else "current"
        seconds = time.perf_counter() - clock
        return StepResult(step.name, state, why, seconds, landed.records, facts=landed.facts)

    def _adopt(self, decisions: list[PlannedStep]) -> None:
        """Put on record what a run that died had committed."""
        for decision in decisions:
            remembered = self.state.remembered(decision.step.name)
            fingerprint = decision.fingerprint
            if decision.action != "skip" or fingerprint is None:
                continue
            if remembered is None or remembered.digest != fingerprint.digest:
                outputs = self._versions(decision.step)
                why = "committed by a run that did not end, and put on record by this one"
                result = StepResult(decision.step.name, "ok", why, outputs=outputs)
                self.recorder.ended(result, fingerprint)

    def _do(self, decisions: list[PlannedStep]) -> None:
        due = sum(decision.action == "run" for decision in decisions)
        if due:
            self.recorder.began(due)
        if any(decision.action == "run" and decision.step.uses_engine for decision in decisions):
            self.engine.warm_up()
        for planned in decisions:
            step = planned.step
            self.state.forget(step)
            if planned.action == "skip":
                self.current.append(step.name)
                continue
            self._go_on()
            reason = self._blocked(step)
            if reason:
                self._end(StepResult(step.name, "skipped", reason), None)
                continue
            decision = decide(step, self.state, self.project.root, self.full_refresh)
            if decision.action == "blocked":
                self._end(_lacking(decision), None)
            elif decision.action == "skip":
                self._end(StepResult(step.name, "current", "its inputs turned out unchanged"), None)
            else:
                self._start(step)
                self._end(self._act(decision), decision.fingerprint)

    def _act(self, decision: PlannedStep) -> StepResult:
        step, fingerprint = decision.step, decision.fingerprint
        assert fingerprint is not None
        clock = time.perf_counter()
        try:
            outcome = self._outcome(step, fingerprint, decision.full_refresh)
        except KeyboardInterrupt:
            raise
        except (Exception, SystemExit) as error:
            # The user's code is run too; it may not end the run.
            return _failure(step, decision.words, error, time.perf_counter() - clock)
        self.state.forget(step)
        return StepResult(
            step.name,
            "ok",
            decision.words,
            time.perf_counter() - clock,
            outcome.rows,
            outcome.version,
            self._versions(step),
            outcome.facts,
        )

    def _outcome(self, step: Step, fingerprint: Fingerprint, full_refresh: bool) -> StepOutcome:
        return self.engine.attempt(
            lambda: self._attempt(step, fingerprint, full_refresh),
            lambda text: self.console.note(f"{step.name}: {text}"),
        )

    def _attempt(self, step: Step, fingerprint: Fingerprint, full_refresh: bool) -> StepOutcome:
        scratch = self.recorder.folder / step.name
        scratch.mkdir(parents=True)
        try:
            context = StepContext(
                run_id=self.run_id,
                step=step.name,
                fingerprint=fingerprint.digest,
                inputs=fingerprint.inputs,
                now=self.now,
                lake=self.lake,
                engine=self.engine,
                ledgers=self.ledgers,
                scratch=scratch,
                progress=self._teller(step),
                definition=fingerprint.definition,
            )
            return dispatch(step, self.project, context, full_refresh)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _versions(self, step: Step) -> dict[str, int]:
        found = {name: self.state.table(name) for name in step.outputs}
        return {name: version.version for name, version in found.items() if version}

    def _blocked(self, step: Step) -> str:
        parents = sorted(name for name in self.graph.parents[step.name] if name in self.broken)
        return self.broken[parents[0]] if parents else ""

    def _start(self, step: Step) -> None:
        self.recorder.doing(step.name)
        self.console.started(self._place(step.name), len(self.chosen), step.name)

    def _end(self, result: StepResult, fingerprint: Fingerprint | None) -> None:
        step = self.graph.steps[result.step]
        self.state.forget(step)
        redact = self.project.redact
        result = replace(result, error=redact(result.error), trace=redact(result.trace))
        if result.state == "current":
            self.current.append(result.step)
        else:
            self.results.append(result)
            self.recorder.ended(result, fingerprint)
        if result.state == "failed" and not self._goes_on(step):
            self.broken[result.step] = f"{result.step} failed"
        elif result.state == "skipped":
            self.broken[result.step] = result.why
        self.console.ended(self._place(result.step), len(self.chosen), result)

    def _goes_on(self, step: Step) -> bool:
        """Whether what follows from a failed step can run: a source that fails leaves the batches it gave before."""
        return step.zone == "landing" and self.state.has_batches(step)

    def _interrupted(self) -> None:
        ended = {result.step for result in self.results} | set(self.current)
        rest = [name for name in self.chosen if name not in ended]
        for number, name in enumerate(rest):
            state: Ending = "skipped" if number else "interrupted"
            self._end(StepResult(name, state, "the run was interrupted"), None)

    def _report(self) -> RunReport:
        report = RunReport(
            self.run_id,
            time.perf_counter() - self.began,
            tuple(self.results),
            tuple(self.current),
            sum(self.graph.steps[name].zone == "landing" for name in self.chosen),
        )
        why = "nothing to do" if report.idle else f"{len(report.results)} steps"
        self.recorder.close(report.state, why, report.seconds)
        return report

    def _place(self, name: str) -> int:
        return self.chosen.index(name) + 1

    def _go_on(self) -> None:
        """End the run here when somebody asked for it; what is committed stays."""
        if self.stopping():
            raise KeyboardInterrupt

    def _watch(self, step: Step) -> LandingProgress:
        return LandingProgress(self._teller(step), lambda transfer: self.console.transferred(step.name, transfer))

    def _teller(self, step: Step) -> Callable[[str], None]:
        return lambda text: self.console.progress(step.name, text)


def _failure(step: Step, why: str, error: BaseException, seconds: float) -> StepResult:
    """A failed step: errors of Vertebra speak for themselves, others come with their traceback."""
    if isinstance(error, VertebraError):
        unforeseen = isinstance(error, EngineError) and error.__cause__ is not None
        trace = traceback.format_exc() if unforeseen else ""
        return StepResult(step.name, "failed", why, seconds, error=str(error), trace=trace)
    text = str(error).strip()
    first = text.splitlines()[0] if text else "no message"
    message = f"{type(error).__name__}: {first}\n  next:  vertebra run --select {step.name} --debug"
    return StepResult(step.name, "failed", why, seconds, error=message, trace=traceback.format_exc())


def _lacking(decision: PlannedStep) -> StepResult:
    name = decision.step.name
    error = StepError(
        f"{name} cannot run: {decision.words}",
        cause="the steps it follows from were not selected, or found no data",
        remedy=f"vertebra run --select +{name}",
    )
    return StepResult(name, "failed", decision.words, error=str(error))
