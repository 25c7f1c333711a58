"""Scheduled collections: run once or until stopped, and list the next ones."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vertebra.landing.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vertebra.declare.project import Project
    from vertebra.pipeline.progress import Console, RunReport
    from vertebra.pipeline.schedule import Events


@dataclass(frozen=True)
class NextCollection:
    """An upcoming collection.

    Attributes:
        at: UTC.
        dataset: the dataset to collect.
        every: its schedule as declared.
        why: ``schedule``, or the state of a dataset that is due or will be retried.
    """

    at: datetime
    dataset: str
    every: str
    why: str


class StopRequest:
    """A request to a scheduler to end after the current step.

    Example:
        >>> stop = vertebra.StopRequest()
        >>> stop.request()  # from another thread, or a signal handler
        >>> project.schedule(stop=stop)  # ends at once
    """

    def __init__(self) -> None:
        self._requested = threading.Event()

    def request(self) -> None:
        """Ask the scheduler to end. Other threads and signal handlers may call this."""
        self._requested.set()

    @property
    def requested(self) -> bool:
        """Whether the scheduler was asked to end."""
        return self._requested.is_set()

    def wait(self, seconds: float) -> None:
        """Wait; the wait ends early when the scheduler is asked to end."""
        self._requested.wait(seconds)


class _StoppableClock(SystemClock):
    """The machine's clock, whose waits end when the scheduler is asked to end."""

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop

    def sleep(self, seconds: float) -> None:
        self._stop.wait(seconds)


def run_schedule(
    load: Callable[[], Project],
    selected: Sequence[str],
    excluded: Sequence[str],
    once: bool,
    stop: StopRequest,
    events: Events,
    console: Console,
) -> RunReport | None:
    """Collect due datasets and run the steps downstream of them, once or until asked to stop.

    Args:
        load: loads the project; called again when declarations change.
        once: one round only.
        stop: ends the loop when requested.
        events: receives the events of the loop.
        console: receives what a round does.

    Returns:
        The report of the one round; None for a loop, or if asked to stop before a round.

    Raises:
        SelectionError: a selection matches nothing.
    """
    from vertebra.pipeline.schedule import Scheduler

    scheduler = Scheduler(load, _StoppableClock(stop), lambda: stop.requested, events, console, selected, excluded)
    if once:
        return scheduler.once()
    scheduler.loop()
    return None


def next_collections(
    project: Project, selected: Sequence[str], excluded: Sequence[str], count: int
) -> list[NextCollection]:
    """The next collections of the selected datasets, in order.

    Args:
        count: how many at most.

    Raises:
        SelectionError: a selection matches nothing.
    """
    from vertebra.pipeline.schedule import next_moments

    return [NextCollection(**row) for row in next_moments(project, selected, excluded, datetime.now(UTC), count)]
