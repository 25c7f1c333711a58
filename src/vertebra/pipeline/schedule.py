"""Keeps a lake up to date while the process runs: collect due datasets, run the steps downstream, wait, repeat.

The loop keeps no important state in memory. It reads from the lake which collections are due, before each round and
again when the round holds the lake. A scheduler can therefore be killed and restarted, or run beside another one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol

from vertebra.errors import BusyError, VertebraError
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake
from vertebra.landing.web.network import Network
from vertebra.pipeline.context import RunOptions
from vertebra.pipeline.due import collection_statuses, due_names
from vertebra.pipeline.plan import graph_of
from vertebra.pipeline.run import run
from vertebra.pipeline.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vertebra.declare.project import Project
    from vertebra.landing.clock import Clock
    from vertebra.pipeline.due import CollectionStatus
    from vertebra.pipeline.graph import Graph
    from vertebra.pipeline.progress import Console, RunReport

_BUSY_WAIT: Final = 5.0
_FOLDERS: Final = ("datasets", "reconcile", "views", "analyses")


class Events(Protocol):
    """Receives the events of the loop."""

    def began(self, scheduled: int, next_at: datetime | None) -> None:
        """The loop begins; ``scheduled`` datasets have a schedule, the first collection is due at ``next_at``."""
        ...

    def due(self, status: CollectionStatus) -> None:
        """A dataset is going to be collected."""
        ...

    def busy(self, error: BusyError) -> None:
        """Another run holds the lake; called once each time the loop waits for it."""
        ...

    def round_ended(self, report: RunReport) -> None:
        """A round ended."""
        ...

    def broken(self, error: Exception) -> None:
        """The project cannot be loaded, or a round failed; called once for as long as the error stays the same."""
        ...

    def reloaded(self) -> None:
        """Declarations changed and were read again."""
        ...

    def stopped(self) -> None:
        """The loop ends, because a stop was requested."""
        ...


class SilentEvents:
    """Ignores the events of the loop."""

    def began(self, scheduled: int, next_at: datetime | None) -> None: ...

    def due(self, status: CollectionStatus) -> None: ...

    def busy(self, error: BusyError) -> None: ...

    def round_ended(self, report: RunReport) -> None: ...

    def broken(self, error: Exception) -> None: ...

    def reloaded(self) -> None: ...

    def stopped(self) -> None: ...


@dataclass
class Scheduler:
    """The loop.

    Attributes:
        load: reads the project; called again when declarations change, so that no restart is necessary.
        wanted: selections of steps; none selects every dataset that has a schedule, and all steps downstream of those.
        excluded: selections of steps to leave out.
        clock: time and waiting; a wait ends early when ``stopping`` turns true.
        stopping: whether the loop was asked to end.
        events: receives the events of the loop.
        console: receives what a round does.
        longest_wait: longest wait before the loop checks for changed declarations and for batches that other processes
            collected.
    """

    load: Callable[[], Project]
    clock: Clock
    stopping: Callable[[], bool]
    events: Events
    console: Console
    wanted: Sequence[str] = ()
    excluded: Sequence[str] = ()
    longest_wait: timedelta = timedelta(minutes=1)
    _project: Project | None = None
    _names: frozenset[str] = frozenset()
    _stamp: object = None
    _last_error: str = ""
    _waiting: bool = False

    def loop(self) -> None:
        """Repeat rounds until asked to stop.

        Raises:
            DeclarationError: the project cannot be loaded at the start.
            SelectionError: a selection matches nothing.
        """
        self._use(self.load())
        found = self._statuses()
        self.events.began(len(found), _earliest(found, self.clock.now()))
        first = True
        while not self.stopping():
            self._reload_if_changed()
            report = self._round(even_if_none=first)
            first = first and report is None
            if report is None or not report.ok:
                self.clock.sleep(_BUSY_WAIT if self._waiting else self._until_next())
        self.events.stopped()

    def once(self) -> RunReport | None:
        """Do one round: collect due datasets and run the steps downstream.

        Returns:
            The report of the run; None when the scheduler was asked to stop before.

        Raises:
            VertebraError: the project cannot be loaded, a selection matches nothing, or the round cannot be done.
        """
        self._use(self.load())
        while not self.stopping():
            report = self._run()
            if report is not None:
                return report
            self.clock.sleep(_BUSY_WAIT)
        self.events.stopped()
        return None

    def _use(self, project: Project) -> None:
        """Use a project from now on."""
        graph = graph_of(project)
        chosen = set(select(graph, self.wanted, self.excluded))
        self._names = frozenset(name for name in project.datasets if f"landing.{name}" in chosen)
        self._project, self._stamp = project, declared_at(project)

    def _reload_if_changed(self) -> None:
        """Read declarations that changed; while they are invalid, the last valid ones stay in use."""
        assert self._project is not None
        stamp = declared_at(self._project)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._use(self.load())
        except VertebraError as error:
            self.events.broken(error)
        else:
            self.events.reloaded()

    def _round(self, even_if_none: bool) -> RunReport | None:
        """Collect due datasets and run the steps downstream; None when nothing was due, or the round failed.

        Args:
            even_if_none: run stale steps even if nothing is due: a killed process may have collected data for them.
        """
        try:
            report = self._run() if even_if_none or due_names(self._statuses()) else None
        except Exception as error:
            # any error, such as a full disk or a server that is down, may be gone in the next round
            self._waiting = False
            if str(error) != self._last_error:
                self.events.broken(error)
            self._last_error = str(error)
            return None
        if report is not None:
            self._last_error = ""
        return report

    def _run(self) -> RunReport | None:
        """Collect due datasets and run the steps downstream; None when another run holds the lake."""
        project, now = self._project, self.clock.now()
        assert project is not None
        try:
            options = RunOptions(
                self.wanted,
                self.excluded,
                due=lambda graph, chosen: self._due(project, graph, chosen, now),
                network=Network(self.clock, stop_requested=self.stopping),
                stopping=self.stopping,
            )
            report = run(project, options, console=self.console, now=now)
        except BusyError as error:
            if not self._waiting:
                self.events.busy(error)
            self._waiting = True
            return None
        self._waiting = False
        if report.results or report.checked:
            self.events.round_ended(report)
        return report

    def _due(self, project: Project, graph: Graph, chosen: list[str], now: datetime) -> list[str]:
        """Steps to run: collections that are due, steps downstream of scheduled datasets, and what those depend on."""
        found = collection_statuses(project, Lake(project.lake), Ledgers(Lake(project.lake)), now, patient=True)
        due = {f"landing.{one.dataset.name}": one for one in found if one.due}
        scheduled = {f"landing.{one.dataset.name}" for one in found if one.next_at is not None}
        downstream = {name for step in scheduled for name in graph.downstream(step)}
        needed = downstream | {name for step in downstream for name in graph.upstream(step)}
        picked = [name for name in chosen if name in due or (name in needed and not name.startswith("landing."))]
        for name in picked:
            if name in due:
                self.events.due(due[name])
        return picked

    def _statuses(self) -> list[CollectionStatus]:
        """The status of each selected dataset that has a schedule."""
        assert self._project is not None
        lake = Lake(self._project.lake)
        found = collection_statuses(self._project, lake, Ledgers(lake), self.clock.now(), patient=True)
        return [one for one in found if one.next_at is not None and one.dataset.name in self._names]

    def _until_next(self) -> float:
        """Seconds until the next collection is due, at most :attr:`longest_wait`."""
        now = self.clock.now()
        found = self._statuses()
        at = None if due_names(found) else _earliest(found, now)
        # the last round could not collect a dataset that is still due
        wait = self.longest_wait if at is None else min(max(at - now, timedelta()), self.longest_wait)
        return max(wait.total_seconds(), 0.1)


def declared_at(project: Project) -> object:
    """A value that changes with the files of a project; cheaper than reading them."""
    root = project.root
    tops = [root, *([root / project.settings.overlay] if project.settings.overlay else [])]
    files = [root / "vertebra.yaml"]
    nested = (file for top in tops for folder in _FOLDERS for file in (top / folder).rglob("*.*"))
    files += (file for file in nested if file.parent.name != "__pycache__")
    found = {}
    for file in files:
        with suppress(OSError):
            about = file.stat()
            found[file] = (about.st_mtime_ns, about.st_size)
    return found


def next_moments(
    project: Project, wanted: Sequence[str], excluded: Sequence[str], now: datetime, count: int
) -> list[dict[str, Any]]:
    """The next collections of the selected datasets, in order: ``at``, ``dataset``, ``every``, ``why``.

    Raises:
        SelectionError: a selection matches nothing.
    """
    chosen = set(select(graph_of(project), wanted, excluded))
    lake = Lake(project.lake)
    found: list[dict[str, Any]] = []
    for one in collection_statuses(project, lake, Ledgers(lake), now, patient=True):
        schedule, name = one.dataset.collect.schedule, one.dataset.name
        if schedule is None or f"landing.{name}" not in chosen:
            continue
        moments = [(at, "schedule") for at in islice(schedule.after(now), count)]
        if one.due:
            moments.insert(0, (now, one.state))
        elif one.again_at is not None:
            moments.insert(0, (one.again_at, one.state))
        found += [{"at": at, "dataset": name, "every": str(schedule), "why": why} for at, why in moments]
    return sorted(found, key=lambda row: (row["at"], row["dataset"]))[:count]


def _earliest(found: Sequence[CollectionStatus], now: datetime) -> datetime | None:
    """When the first of some datasets is due."""
    return min((now if one.due else one.wake_at for one in found if one.wake_at is not None), default=None)
