"""The events and the report of a run; :mod:`vertebra.report` shows them to people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.governance.step_facts import StepFacts
    from vertebra.landing.port import Transfer

Ending = Literal["ok", "current", "failed", "skipped", "interrupted"]


@dataclass(frozen=True)
class StepResult:
    """How one step of a run ended.

    Attributes:
        state: ``ok``; ``current`` (the step found that nothing had changed); ``failed``; ``skipped`` (a step it depends
            on failed, or an input is missing); ``interrupted``.
        why: why it ran, or why it was skipped.
        outputs: the version of each table it wrote.
        facts: other results, by kind of step.
        error: the message of a failed step.
        trace: its traceback, for failures that Vertebra does not expect.
    """

    step: str
    state: Ending
    why: str
    seconds: float = 0.0
    rows: int | None = None
    version: int | None = None
    outputs: Mapping[str, int] = field(default_factory=dict)
    facts: StepFacts | None = None
    error: str = ""
    trace: str = ""


@dataclass(frozen=True)
class RunReport:
    """The report of a run.

    Attributes:
        results: of the steps that ran, failed or were skipped, in order; steps that were current are not among them.
        current: names of the steps that were current.
        checked: datasets whose sources were checked for new data.
    """

    run_id: str
    seconds: float
    results: tuple[StepResult, ...]
    current: tuple[str, ...]
    checked: int

    @property
    def state(self) -> str:
        """``ok``, ``failed`` or ``interrupted``."""
        states = {result.state for result in self.results}
        return next((state for state in ("interrupted", "failed") if state in states), "ok")

    @property
    def ok(self) -> bool:
        return self.state == "ok"

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not self.results

    def __str__(self) -> str:
        counted = {state: sum(r.state == state for r in self.results) for state in ("ok", "failed", "skipped")}
        counts = ", ".join(f"{n} {state}" for state, n in counted.items() if n) or "nothing to do"
        return f"run {self.run_id}: {counts}, {len(self.current)} current, {self.seconds:.1f} s"


class RunInterrupted(KeyboardInterrupt):
    """A run was interrupted; what it committed is kept.

    Args:
        report: the report of the run up to the interrupt.
    """

    def __init__(self, report: RunReport) -> None:
        super().__init__("the run was interrupted; what it committed is kept")
        self.report = report


class Console(Protocol):
    """Receives what a run does."""

    def note(self, text: str) -> None:
        """A remark that a person should see."""
        ...

    def started(self, number: int, total: int, step: str) -> None:
        """A step begins."""
        ...

    def progress(self, step: str, text: str) -> None:
        """What a step is doing."""
        ...

    def transferred(self, step: str, transfer: Transfer) -> None:
        """A landing step received bytes."""
        ...

    def ended(self, number: int, total: int, result: StepResult) -> None:
        """A step has ended."""
        ...


class SilentConsole:
    """Ignores what a run does."""

    def note(self, text: str) -> None: ...

    def started(self, number: int, total: int, step: str) -> None: ...

    def progress(self, step: str, text: str) -> None: ...

    def transferred(self, step: str, transfer: Transfer) -> None: ...

    def ended(self, number: int, total: int, result: StepResult) -> None: ...
