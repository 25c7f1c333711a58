"""The plan of a run: for each step, whether to run it, skip it, or report missing inputs, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from vertebra.lake.commit import REPAIR
from vertebra.pipeline.fingerprint import Fingerprint, fingerprint_of
from vertebra.pipeline.graph import Graph
from vertebra.pipeline.selection import select
from vertebra.pipeline.state import State
from vertebra.pipeline.steps import Step, steps_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from vertebra.declare.project import Project

Action = Literal["collect", "run", "skip", "blocked"]

NEVER: Final = ("never ran",)


@dataclass(frozen=True)
class PlannedStep:
    """The planned action for one step.

    Attributes:
        action: ``collect`` (a landing step looks for new data), ``run``, ``skip`` (it is current) or ``blocked``.
        why: the reasons, in words, each a clause.
        fingerprint: what the result would depend on; None where an input does not exist yet.
        full_refresh: an incremental step has to start from nothing, because more than its inputs changed.
    """

    step: Step
    action: Action
    why: tuple[str, ...]
    fingerprint: Fingerprint | None = None
    full_refresh: bool = False

    @property
    def words(self) -> str:
        """The reasons as one sentence."""
        return "; ".join(self.why)


def graph_of(project: Project) -> Graph:
    """The project's graph of steps."""
    return Graph(steps_of(project))


def modified_steps(graph: Graph, state: State, project: Project) -> set[str]:
    """The steps whose declaration, version, files or decisions changed since they last ran, or that never ran."""
    found = set()
    for step in graph.steps.values():
        decision = decide(step, state, project.root)
        remembered = state.remembered(step.name)
        fresh = remembered is None and decision.action in ("run", "blocked")
        if fresh or (
            remembered and decision.fingerprint and not decision.fingerprint.only_inputs_differ(remembered.fingerprint)
        ):
            found.add(step.name)
    return found


def plan_project(
    project: Project, wanted: Sequence[str] = (), excluded: Sequence[str] = (), full_refresh: bool = False
) -> list[PlannedStep]:
    """What a run would do, and why; reads the lake only.

    Raises:
        SelectionError: a selection matches nothing.
    """
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake

    graph = graph_of(project)
    lake = Lake(project.lake)
    state = State(lake, Ledgers(lake))
    chosen = select(graph, wanted, excluded, lambda: modified_steps(graph, state, project))
    return plan(graph, chosen, state, project.root, full_refresh)


def plan(
    graph: Graph, selected: Sequence[str], state: State, root: Path, full_refresh: bool = False
) -> list[PlannedStep]:
    """Decide on each selected step, in order; steps downstream of a step that will run also run.

    Args:
        root: the project's folder.
        full_refresh: run every selected step, and incremental ones from nothing.
    """
    running: set[str] = set()
    decisions = []
    for name in selected:
        decision = decide(graph.steps[name], state, root, full_refresh, will_change=running)
        first = decision.action == "collect" and not state.has_batches(graph.steps[name])
        if first or decision.action == "run":
            running.update(graph.steps[name].outputs)
        decisions.append(decision)
    return decisions


def decide(
    step: Step, state: State, root: Path, full_refresh: bool = False, will_change: Collection[str] = ()
) -> PlannedStep:
    """Decide on one step.

    Args:
        will_change: tables that earlier steps of the run will write.
    """
    if step.broken:
        return PlannedStep(step, "blocked", (step.broken.why,))
    if step.zone == "landing":
        return PlannedStep(step, "collect", ("looks for new data at the source",))
    changing = tuple(_will_change(name) for name in step.inputs if name in will_change)
    inputs = state.inputs(step)
    missing = [name for name, version in inputs.items() if version is None and name not in will_change]
    if missing:
        return PlannedStep(step, "blocked", tuple(_missing_input(name) for name in missing))
    known = {name: version for name, version in inputs.items() if version is not None}
    fingerprint = fingerprint_of(step, known, state.decisions(step), root, state.contents(step), state.now)
    remembered = state.remembered(step.name)
    asked_for = full_refresh
    damaged = any(version and version.step == REPAIR for version in map(state.table, step.outputs))
    full_refresh = (
        asked_for or damaged or remembered is None or not fingerprint.only_inputs_differ(remembered.fingerprint)
    )
    if asked_for:
        return PlannedStep(step, "run", ("--full-refresh", *changing), fingerprint, full_refresh)
    reasons = _reasons(step, fingerprint, state, {name for name, version in inputs.items() if version is None})
    if not reasons and not changing:
        reasons = tuple(f"time has passed: rule {name}" for name in state.freshness_changed(step))
    if not reasons and not changing:
        return PlannedStep(step, "skip", ("current",), fingerprint)
    if reasons == NEVER:
        return PlannedStep(step, "run", reasons, fingerprint, full_refresh)
    return PlannedStep(step, "run", (*reasons, *changing), fingerprint, full_refresh)


def _reasons(step: Step, fingerprint: Fingerprint, state: State, unknown: Collection[str]) -> tuple[str, ...]:
    """Why a step's tables are stale; empty if they are current.

    Args:
        unknown: inputs that do not exist yet; they are the reason if there is no other.
    """
    if step.zone == "publish":
        return _unpublished(step, fingerprint, state, unknown)
    digest = fingerprint.digest
    remembered = state.remembered(step.name)
    versions = {name: state.table(name) for name in step.outputs}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        if state.failed(step.name):
            return ("it failed last time",)
        seen = len(missing) < len(versions) or remembered is not None
        return tuple(f"{name} is missing" for name in missing) if seen else NEVER
    stale = []
    for name, version in versions.items():
        if version is None or version.fingerprint == digest:
            continue
        # the mark of a repair has the number of a version that was lost
        by_ledger = remembered is not None and remembered.digest == digest and version.step != REPAIR
        if not (by_ledger and remembered and remembered.outputs.get(name) == version.version):
            stale.append(version)
    if not stale:
        return ()
    if any(version.operation == "RESTORE" for version in stale):
        return ("it was restored to an earlier version by hand",)
    if any(version.step == REPAIR for version in stale):
        return ("vertebra debug --repair found it damaged",)
    words = fingerprint.differences(remembered.fingerprint, unknown) if remembered else []
    if state.failed(step.name):
        words.append("it failed last time")
    return tuple(words) or (() if unknown else ("no run on record wrote its last version",))


def _unpublished(step: Step, fingerprint: Fingerprint, state: State, unknown: Collection[str]) -> tuple[str, ...]:
    """Why the content of a target is stale; empty if it is current."""
    if state.published(step) == fingerprint.digest:
        return ()
    if state.failed(step.name):
        return ("it failed last time",)
    remembered = state.remembered(step.name)
    if remembered is None:
        return NEVER
    words = fingerprint.differences(remembered.fingerprint, unknown)
    return tuple(words) or (() if unknown else ("no run on record sent its last version",))


def _will_change(name: str) -> str:
    if name.startswith("landing."):
        return f"{name} awaits its first batch"
    return f"input {name} will change"


def _missing_input(name: str) -> str:
    if name.startswith("landing."):
        return f"nothing was collected for {name.partition('.')[2]} yet"
    return f"{name} was not written yet"
