"""Small steps that run beside the others, in a thread of their own.

Entity resolution runs on DuckDB and waits for no engine, so it can run while the engine works for another step. Only
small ones do: a large one would compete with the engine for memory. A step that runs beside others begins as soon as
its inputs are there; how it ended is reported at its place in the plan, so output and ledgers have the same order in
every run.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from vertebra.declare.reconciliation import EntityResolution

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from vertebra.lake.catalog import Lake
    from vertebra.pipeline.plan import PlannedStep
    from vertebra.pipeline.progress import StepResult
    from vertebra.pipeline.steps import Step

_MOST_ROWS: Final = 1_000_000
"""Rows of all inputs of a step that runs beside others."""


def is_small(inputs: Mapping[str, int], lake: Lake) -> bool:
    """Whether a step with these versions of its inputs may run beside others; reads the log only."""
    return sum(lake.table(name).rows(version) for name, version in inputs.items()) <= _MOST_ROWS


def needs_no_engine(step: Step) -> bool:
    """Whether a step computes without the engine, and may run in another thread."""
    return isinstance(step.declaration, EntityResolution)


class Beside:
    """The steps under way beside the others, one at a time."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._begun: dict[str, tuple[PlannedStep, Future[StepResult]]] = {}

    def __contains__(self, name: object) -> bool:
        """Whether a step has begun here, and its result was not taken yet."""
        return name in self._begun

    def begin(self, decision: PlannedStep, work: Callable[[PlannedStep], StepResult]) -> None:
        """Begin a step. ``work`` gives its result, and raises nothing."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "vertebra-beside")
        self._begun[decision.step.name] = decision, self._executor.submit(work, decision)

    def take(self, name: str) -> tuple[PlannedStep, StepResult]:
        """Wait for a step, and take its result."""
        decision, future = self._begun[name]
        result = future.result()
        del self._begun[name]
        return decision, result

    def names(self) -> tuple[str, ...]:
        """The steps whose results were not taken yet."""
        return tuple(self._begun)

    def close(self) -> None:
        """Wait for steps under way; begin no others."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=False)
