"""A project of monthly flights, its portal, and a loop over it whose time passes as it is slept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

from portals.portals import FileServer
from portals.stand_in import StandIn
from vertebra.declare.load import load_project
from vertebra.lake.batches import batches
from vertebra.pipeline.schedule import Scheduler
from vertebra.report.schedule_log import ScheduleLog

START = datetime(2013, 3, 15, tzinfo=UTC)
LANDING = ["zone:landing"]
MONTHS = [f"{year}-{month:02d}" for year in (2013, 2014) for month in range(1, 13)]


@dataclass
class Clock:
    """Time that passes as it is slept; what is to happen at a time happens when it is reached."""

    at: datetime = START
    until: datetime = START + timedelta(days=1)
    happens: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        assert seconds > 0, "the loop would spin"
        self.at += timedelta(seconds=seconds)
        while self.happens and self.happens[0][0] <= self.at:
            self.happens.pop(0)[1]()

    def stopping(self) -> bool:
        return self.at >= self.until


@dataclass
class World:
    """A project of monthly flights, its portal, and a loop over it whose log is kept."""

    folder: Path
    portal: StandIn
    clock: Clock = field(default_factory=Clock)
    log: StringIO = field(default_factory=StringIO)

    def scheduler(self, wanted: list[str] | None = None) -> Scheduler:
        told = ScheduleLog(self.log, self.clock.now)
        load = lambda: load_project(self.folder)  # noqa: E731
        wanted = LANDING if wanted is None else wanted
        return Scheduler(load, self.clock, self.clock.stopping, told, told, wanted, longest_wait=timedelta(hours=1))

    def lines(self) -> list[str]:
        return self.log.getvalue().splitlines()

    def periods(self) -> list[str | None]:
        landed = batches(self.folder / "lake" / "landing", "bts", "flights")
        return [batch.receipt.period for batch in landed]

    @property
    def server(self) -> FileServer:
        app = self.portal.app
        assert isinstance(app, FileServer)
        return app
