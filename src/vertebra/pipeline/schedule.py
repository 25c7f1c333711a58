"""Keeping a lake up to date for as long as the process lives: collect what is due, run the steps below, wait, repeat.

The loop keeps nothing that matters in memory. What is due is read from the lake before each round, and again by the
round itself when it holds the lake; a scheduler that was killed, or that another one overtook, goes on from there.
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
from vertebra.pipeline.due import due_names, situations
from vertebra.pipeline.plan import graph_of
from vertebra.pipeline.run import run
from vertebra.pipeline.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vertebra.declare.project import Project
    from vertebra.landing.clock import Clock
    from vertebra.pipeline.due import Situation
    from vertebra.pipeline.graph import Graph
    from vertebra.pipeline.progress import Console, RunReport

_BUSY_WAIT: Final = 5.0
_FOLDERS: Final = ("datasets", "reconcile", "views", "analyses")


class Events(Protocol):
    """Who is told what the loop does."""

    def began(self, scheduled: int, next_at: datetime | None) -> None:
        """The loop begins; ``scheduled`` datasets have a schedule, the first moment is at ``next_at``."""
        ...

    def due(self, situation: Situation) -> None:
        """A dataset is going to be collected."""
        ...

    def busy(self, error: BusyError) -> None:
        """Another run holds the lake; told once for each time it is waited for."""
        ...

    def round_ended(self, report: RunReport) -> None:
        """A round ended."""
        ...

    def broken(self, error: Exception) -> None:
        """The project cannot be loaded, or a round cannot be done; told once for as long as it stays so."""
        ...

    def reloaded(self) -> None:
        """Declarations changed, and are followed from now on."""
        ...

    def stopped(self) -> None:
        """The loop ends, because it was asked to."""
        ...


class SilentEvents:
    """Ignores what the loop does."""

    def began(self, scheduled: int, next_at: datetime | None) -> None: ...

    def due(self, situation: Situation) -> None: ...

    def busy(self, error: BusyError) -> None: ...

    def round_ended(self, report: RunReport) -> None: ...

    def broken(self, error: Exception) -> None: ...

    def reloaded(self) -> None: ...

    def stopped(self) -> None: ...


@dataclass
class Scheduler:
    """The loop.

    Attributes:
        load: reads the project; declarations that change are followed without a restart.
        wanted: selections of steps; none means every dataset that has a schedule, and all steps below those.
        excluded: selections of steps to leave out.
        clock: time and waiting; a wait ends early when ``stopping`` turns true.
        stopping: whether the loop was asked to end.
        events: told what happens.
        console: told what a round does.
        nap: how long the loop sleeps at most, so that it sees changed declarations and what others collected.
    """

    load: Callable[[], Project]
    clock: Clock
    stopping: Callable[[], bool]
    events: Events
    console: Console
    wanted: Sequence[str] = ()
    excluded: Sequence[str] = ()
    nap: timedelta = timedelta(minutes=1)
    _project: Project | None = None
    _names: frozenset[str] = frozenset()
    _stamp: object = None
    _told: str = ""
    _waiting: bool = False

    def loop(self) -> None:
        """Go on until asked to stop.

        Raises:
            DeclarationError: the project cannot be loaded at the start.
            SelectionError: a selection matches nothing.
        """
        self._take(self.load())
        found = self._situations()
        self.events.began(len(found), _earliest(found, self.clock.now()))
        first = True
        while not self.stopping():
            self._follow()
            report = self._round(even_if_none=first)
            first = first and report is None
            if report is None or not report.ok:
                self.clock.sleep(_BUSY_WAIT if self._waiting else self._until_next())
        self.events.stopped()

    def once(self) -> RunReport | None:
        """One round: collect what is due and run the steps below; None when it was asked to stop before.

        Raises:
            VertebraError: the project cannot be loaded, a selection matches nothing, or the round cannot be done.
        """
        self._take(self.load())
        while not self.stopping():
            report = self._run()
            if report is not None:
                return report
            self.clock.sleep(_BUSY_WAIT)
        self.events.stopped()
        return None

    def _take(self, project: Project) -> None:
        """Let a project be the one in force."""
        graph = graph_of(project)
        chosen = set(select(graph, self.wanted, self.excluded))
        self._names = frozenset(name for name in project.datasets if f"landing.{name}" in chosen)
        self._project, self._stamp = project, declared_at(project)

    def _follow(self) -> None:
        """Read declarations that changed. While they are wrong, the last ones that were right stay in force."""
        assert self._project is not None
        stamp = declared_at(self._project)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._take(self.load())
        except VertebraError as error:
            self.events.broken(error)
        else:
            self.events.reloaded()

    def _round(self, even_if_none: bool) -> RunReport | None:
        """Collect what is due and run the steps below; None when nothing was due, or it could not be done.

        Args:
            even_if_none: run the steps below that are not current even if nothing is due: a process that was killed
                may have collected for them.
        """
        try:
            report = self._run() if even_if_none or due_names(self._situations()) else None
        except Exception as error:
            # Whatever it is, a full disk or a server that is down, it may have passed when the next round begins.
            self._waiting = False
            if str(error) != self._told:
                self.events.broken(error)
            self._told = str(error)
            return None
        if report is not None:
            self._told = ""
        return report

    def _run(self) -> RunReport | None:
        """Collect what is due and run the steps below; None when another run holds the lake."""
        project, now = self._project, self.clock.now()
        assert project is not None
        try:
            options = RunOptions(
                self.wanted,
                self.excluded,
                due=lambda graph, chosen: self._due(project, graph, chosen, now),
                network=Network(self.clock, stopping=self.stopping),
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
        """The landing steps that are due, every step below a dataset that has a schedule, and what those steps read."""
        found = situations(project, Lake(project.lake), Ledgers(Lake(project.lake)), now, patient=True)
        due = {f"landing.{one.dataset.name}": one for one in found if one.due}
        scheduled = {f"landing.{one.dataset.name}" for one in found if one.next_at is not None}
        below = {name for step in scheduled for name in graph.downstream(step)}
        needed = below | {name for step in below for name in graph.upstream(step)}
        picked = [name for name in chosen if name in due or (name in needed and not name.startswith("landing."))]
        for name in picked:
            if name in due:
                self.events.due(due[name])
        return picked

    def _situations(self) -> list[Situation]:
        """How the selected datasets that have a schedule stand now."""
        assert self._project is not None
        lake = Lake(self._project.lake)
        found = situations(self._project, lake, Ledgers(lake), self.clock.now(), patient=True)
        return [one for one in found if one.next_at is not None and one.dataset.name in self._names]

    def _until_next(self) -> float:
        """Seconds to the next moment, at most a minute."""
        now = self.clock.now()
        found = self._situations()
        at = None if due_names(found) else _earliest(found, now)
        # What is still due could not be done just now.
        wait = self.nap if at is None else min(max(at - now, timedelta()), self.nap)
        return max(wait.total_seconds(), 0.1)


def declared_at(project: Project) -> object:
    """What tells whether the files of a project changed; cheap, unlike reading them."""
    root = project.root
    tops = [root, *([root / project.settings.overlay] if project.settings.overlay else [])]
    files = [root / "vertebra.yaml"]
    below = (file for top in tops for folder in _FOLDERS for file in (top / folder).rglob("*.*"))
    files += (file for file in below if file.parent.name != "__pycache__")
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
    for one in situations(project, lake, Ledgers(lake), now, patient=True):
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


def _earliest(found: Sequence[Situation], now: datetime) -> datetime | None:
    """When the first of some datasets is due."""
    return min((now if one.due else one.wake_at for one in found if one.wake_at is not None), default=None)
