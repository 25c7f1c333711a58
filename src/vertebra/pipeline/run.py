"""Runs a pipeline: collect, plan, do the steps in order, and record what happened."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vertebra.disk_errors import disk_error
from vertebra.errors import EngineError, StepError, VertebraError
from vertebra.formatting import counted
from vertebra.lake.erasure import pending_erasures, remove_unwritten
from vertebra.landing.context import CollectionContext
from vertebra.landing.web.network import Network
from vertebra.pipeline.beside import Beside, is_small, needs_no_engine
from vertebra.pipeline.context import EVERY_STEP, Perform, RunContext, RunOptions, run_context
from vertebra.pipeline.dispatch import dispatch
from vertebra.pipeline.erasures import continue_erasures, end_erasures
from vertebra.pipeline.land import land
from vertebra.pipeline.plan import PlannedStep, decide, graph_of, modified_steps, plan
from vertebra.pipeline.progress import Console, Ending, RunReport, StepResult
from vertebra.pipeline.selection import select
from vertebra.pipeline.state import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from vertebra.declare.broken import BrokenDeclaration
    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine
    from vertebra.governance.context import StepContext, StepOutcome
    from vertebra.pipeline.fingerprint import Fingerprint
    from vertebra.pipeline.graph import Graph
    from vertebra.pipeline.steps import Step

_COLLECTING = "looks for new data at the source"


def run(
    project: Project,
    options: RunOptions = EVERY_STEP,
    *,
    console: Console | None = None,
    engine: Engine | None = None,
    now: datetime | None = None,
) -> RunReport:
    """Bring the selected steps up to date.

    Args:
        options: what to run, and how; by default every step.
        console: receives what the run does.
        engine: an engine to use and leave running; by default one is started when needed and stopped at the end.
        now: the run's start, UTC; the machine's clock by default.

    Returns:
        How each step ended. A failed step does not raise; steps that do not depend on it still run.

    Raises:
        SelectionError: a selection matches nothing.
        BusyError: another run holds the lake.
    """
    graph = graph_of(project)
    with run_context(project, wait=options.wait, console=console, engine=engine, now=now) as context:
        state = State(context.lake, context.ledgers, context.now)
        chosen = select(graph, options.select, options.exclude, lambda: modified_steps(graph, state, project))
        chosen = chosen if options.due is None else options.due(graph, chosen)
        if not chosen:
            return RunReport(context.run_id, 0.0, (), (), 0)
        report = _Run(context, options, graph, chosen, state).execute()
        for sentence in end_erasures(project, context.lake, graph, context.now):
            context.console.note(sentence)
        return report


@dataclass
class _Run:
    """One run under way.

    Attributes:
        chosen: the steps to bring up to date, in order.
        results: of the steps whose state is not ``current``.
        current: the steps that were current.
        broken: for each step whose dependants cannot run, the reason.
        beside: the steps under way beside the one at hand.
    """

    context: RunContext
    options: RunOptions
    graph: Graph
    chosen: list[str]
    state: State
    results: list[StepResult] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    beside: Beside = field(default_factory=Beside)
    began: float = field(default_factory=time.perf_counter)

    def execute(self) -> RunReport:
        """Do the steps and report how they ended."""
        for sentence in self.context.recorder.open():
            self.context.console.note(sentence)
        self._continue_erasures()
        try:
            decisions = [decision for decision in self._collect() if decision.step.zone != "landing"]
            self._record_unrecorded(decisions)
            self._do(decisions)
        except KeyboardInterrupt:
            self._interrupted()
        finally:
            self.beside.close()
        report = RunReport(
            self.context.run_id,
            time.perf_counter() - self.began,
            tuple(self.results),
            tuple(self.current),
            sum(self.graph.steps[name].zone == "landing" for name in self.chosen),
        )
        why = "nothing to do" if report.idle else counted(len(report.results), "step")
        self.context.recorder.close(report.state, why, report.seconds)
        return report

    def _continue_erasures(self) -> None:
        remove_unwritten(self.context.lake)
        if not pending_erasures(self.context.lake):
            return
        # what the selection has read of batches may change now
        self.state = State(self.context.lake, self.context.ledgers, self.context.now)
        try:
            for sentence in continue_erasures(self.context.project, self.context.lake):
                self.context.console.note(sentence)
        except BaseException:
            self.context.recorder.abandon()
            raise

    def _plan(self) -> list[PlannedStep]:
        return plan(self.graph, self.chosen, self.state, self.context.project.root, self.options.full_refresh)

    def _collect(self) -> list[PlannedStep]:
        """Collect new data from every selected source; meanwhile, start the engine if it will be needed.

        Returns:
            What to do then.
        """
        planned = self._plan()
        if _use_engine(planned):
            self.context.engine.warm_up()
        for name in self.chosen:
            step = self.graph.steps[name]
            if step.zone == "landing":
                self._stop_if_asked()
                self._start(step)
                self._end(_unusable(step, step.broken) if step.broken else self._land(step), None)
        # if every source was unchanged, the plan holds
        return self._plan() if self.results else planned

    def _land(self, step: Step) -> StepResult:
        clock = time.perf_counter()
        context, console = self.context, self.context.console
        collection = CollectionContext(
            context.project.root,
            context.lake,
            context.ledgers,
            context.run_id,
            context.now,
            schemes=context.project.settings.schemes,
            secrets=context.project.secrets,
            progress=context.progress_of(step.name),
            transferred=lambda transfer: console.transferred(step.name, transfer),
            window=self.options.window,
            network=self.options.network or Network(),
        )
        try:
            landed = land(step.declaration, collection)
        except KeyboardInterrupt:
            raise
        except Exception as error:
            return _failure(step, _COLLECTING, error, time.perf_counter() - clock)
        if landed.changed and self.graph.children[step.name] & set(self.chosen):
            context.engine.warm_up()
        for warning in landed.facts.warnings:
            console.note(f"warning: {step.subject}: {context.project.redact(warning)}")
        state: Ending = "ok" if landed.changed else "current"
        seconds = time.perf_counter() - clock
        return StepResult(step.name, state, _COLLECTING, seconds, landed.records, facts=landed.facts)

    def _record_unrecorded(self, decisions: list[PlannedStep]) -> None:
        """Record tables that a run committed before it was killed and could not record."""
        for decision in decisions:
            remembered = self.state.remembered(decision.step.name)
            fingerprint = decision.fingerprint
            if decision.action != "skip" or fingerprint is None:
                continue
            if remembered is None or remembered.digest != fingerprint.digest:
                outputs = self._versions(decision.step)
                why = "committed by a run that did not end, and recorded by this one"
                table = decision.step.outputs[-1] if decision.step.outputs else ""
                version = outputs.get(table)
                rows = None if version is None else self.context.lake.table(table).rows(version)
                result = StepResult(decision.step.name, "ok", why, rows=rows, version=version, outputs=outputs)
                self.context.recorder.found(result, fingerprint)

    def _do(self, decisions: list[PlannedStep]) -> None:
        if _use_engine(decisions):
            self.context.engine.warm_up()
        for place, planned in enumerate(decisions):
            step = planned.step
            self.state.forget(step)
            self._begin_beside(decisions[place:])
            if planned.action == "skip":
                self.current.append(step.name)
                continue
            self._stop_if_asked()
            if step.name in self.beside:
                self.context.console.started(self._place(step.name), len(self.chosen), step.name)
                self._take_beside(step.name)
                continue
            reason = self._why_blocked(step)
            if reason or step.broken:
                skipped = StepResult(step.name, "skipped", reason)
                self._end(_unusable(step, step.broken) if step.broken and not reason else skipped, None)
                continue
            decision = decide(step, self.state, self.context.project.root, self.options.full_refresh)
            if decision.action == "blocked":
                self._end(_missing_inputs(decision), None)
            elif decision.action == "skip":
                self._end(StepResult(step.name, "current", "its inputs turned out unchanged"), None)
            else:
                self._start(step)
                self._end(self._perform(decision), decision.fingerprint)

    def _begin_beside(self, rest: Sequence[PlannedStep]) -> None:
        """Begin steps that can run beside the next one.

        Args:
            rest: the next step and all after it.
        """
        waiting = {planned.step.name for planned in rest}
        for planned in rest[1:]:
            step = planned.step
            if planned.action != "run" or not needs_no_engine(step) or step.name in self.beside:
                continue
            if self.graph.parents[step.name] & waiting or step.broken or self._why_blocked(step):
                continue
            if self.options.stopping():
                return
            decision = decide(step, self.state, self.context.project.root, self.options.full_refresh)
            fingerprint = decision.fingerprint
            if decision.action == "run" and fingerprint and is_small(fingerprint.inputs, self.context.lake):
                self.beside.begin(decision, self._perform_beside)

    def _perform_beside(self, decision: PlannedStep) -> StepResult:
        return self._performed(decision, self.context.perform_without_engine)

    def _take_beside(self, name: str) -> None:
        decision, result = self.beside.take(name)
        self._end(result, decision.fingerprint)

    def _perform(self, decision: PlannedStep) -> StepResult:
        result = self._performed(decision, self.context.perform)
        self.state.forget(decision.step)
        return replace(result, outputs=self._versions(decision.step)) if result.state == "ok" else result

    def _performed(self, decision: PlannedStep, perform: Perform) -> StepResult:
        step, fingerprint = decision.step, decision.fingerprint
        assert fingerprint is not None
        clock = time.perf_counter()

        def work(step_context: StepContext) -> StepOutcome:
            return dispatch(step, self.context.project, step_context, decision.full_refresh)

        try:
            outcome = perform(step.name, fingerprint, work, step.outputs)
        except KeyboardInterrupt:
            raise
        except (Exception, SystemExit) as error:
            # this also runs the user's code, whose errors must not end the run
            return _failure(step, decision.words, error, time.perf_counter() - clock)
        for warning in getattr(outcome.facts, "warnings", ()):
            self.context.console.note(f"warning: {step.subject}: {self.context.project.redact(warning)}")
        seconds = time.perf_counter() - clock
        return StepResult(
            step.name, "ok", decision.words, seconds, outcome.rows, outcome.version, outcome.outputs, outcome.facts
        )

    def _versions(self, step: Step) -> dict[str, int]:
        found = {name: self.state.table(name) for name in step.outputs}
        return {name: version.version for name, version in found.items() if version}

    def _why_blocked(self, step: Step) -> str:
        parents = sorted(name for name in self.graph.parents[step.name] if name in self.broken)
        return self.broken[parents[0]] if parents else ""

    def _start(self, step: Step) -> None:
        self.context.recorder.doing(step.name)
        self.context.console.started(self._place(step.name), len(self.chosen), step.name)

    def _end(self, result: StepResult, fingerprint: Fingerprint | None) -> None:
        step = self.graph.steps[result.step]
        self.state.forget(step)
        redact = self.context.project.redact
        result = replace(result, error=redact(result.error), trace=redact(result.trace))
        if result.state == "current":
            self.current.append(result.step)
        else:
            self.results.append(result)
            self.context.recorder.ended(result, fingerprint)
        if result.state == "failed" and (step.broken or not self._has_earlier_batches(step)):
            self.broken[result.step] = f"{result.step} failed"
        elif result.state == "skipped":
            self.broken[result.step] = result.why
        self.context.console.ended(self._place(result.step), len(self.chosen), result)

    def _has_earlier_batches(self, step: Step) -> bool:
        """Whether steps that depend on a failed collection can run on the batches that it landed before."""
        return step.zone == "landing" and self.state.has_batches(step)

    def _interrupted(self) -> None:
        for name in self.beside.names():
            self._take_beside(name)
        ended = {result.step for result in self.results} | set(self.current)
        rest = [name for name in self.chosen if name not in ended]
        for number, name in enumerate(rest):
            state: Ending = "skipped" if number else "interrupted"
            self._end(StepResult(name, state, "the run was interrupted"), None)

    def _place(self, name: str) -> int:
        return self.chosen.index(name) + 1

    def _stop_if_asked(self) -> None:
        """End the run here if a stop was requested; committed tables stay."""
        if self.options.stopping():
            raise KeyboardInterrupt


def _use_engine(decisions: Iterable[PlannedStep]) -> bool:
    """Whether a step that will run computes on the engine."""
    return any(decision.action == "run" and decision.step.uses_engine for decision in decisions)


def _failure(step: Step, why: str, error: BaseException, seconds: float) -> StepResult:
    """A failed step: errors of Vertebra explain themselves, others come with their traceback."""
    if isinstance(error, VertebraError):
        unforeseen = isinstance(error, EngineError) and error.__cause__ is not None
        trace = traceback.format_exc() if unforeseen else ""
        return StepResult(step.name, "failed", why, seconds, error=str(error), trace=trace)
    about_disk = disk_error(error, step.name)
    if about_disk is not None:
        return StepResult(step.name, "failed", why, seconds, error=str(about_disk))
    text = str(error).strip()
    first = text.splitlines()[0] if text else "no message"
    message = f"{type(error).__name__}: {first}\n  next:  vertebra run --select {step.name} --debug"
    return StepResult(step.name, "failed", why, seconds, error=message, trace=traceback.format_exc())


def _unusable(step: Step, broken: BrokenDeclaration) -> StepResult:
    """A step whose declaration is broken, or reads a table whose declaration is."""
    if not broken.errors:
        return StepResult(step.name, "skipped", broken.why)
    return StepResult(step.name, "failed", broken.why, error=str(broken))


def _missing_inputs(decision: PlannedStep) -> StepResult:
    name = decision.step.name
    error = StepError(
        f"{name} cannot run: {decision.words}",
        cause="the steps it depends on were not selected, or found no data",
        remedy=f"vertebra run --select +{name}",
    )
    return StepResult(name, "failed", decision.words, error=str(error))
