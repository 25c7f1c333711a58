"""Methods of a project that collect data and bring its tables up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.pipeline.progress import RunInterrupted
from vertebra.workspace.lookup import dataset_name, dataset_names, selections
from vertebra.workspace.opened import OpenProject

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vertebra.governance.accepted_shrinks import AcceptedShrink
    from vertebra.governance.cursor_resets import CursorReset
    from vertebra.landing.backfill import PeriodStatus
    from vertebra.pipeline.plan import PlannedStep
    from vertebra.pipeline.progress import Console, RunReport
    from vertebra.pipeline.schedule import Events
    from vertebra.workspace.collect import Backfill
    from vertebra.workspace.listing import StepInfo
    from vertebra.workspace.run_summary import RunSummary
    from vertebra.workspace.schedule import NextCollection, StopRequest
    from vertebra.workspace.sources import SourceStatus


class RunMethods(OpenProject):
    """Steps, plans, runs, collections, backfills and schedules.

    Selections of steps are texts such as ``trusted.flights``, ``+trusted.flights`` (with all it depends on) or
    ``zone:trusted``; ``vertebra ls --help`` shows the grammar. Several are joined by union.
    """

    def steps(self, select: str | Sequence[str] = "", exclude: str | Sequence[str] = "") -> list[StepInfo]:
        """Return the steps of the project, in the order they run.

        Args:
            select: which steps; all by default.
            exclude: which of them to leave out.

        Raises:
            SelectionError: a selection matches nothing.

        Example:
            >>> [one.step for one in project.steps("+sales_by_city")]
            ['landing.orders', 'formatted.orders', 'trusted.orders', 'exploitation.sales_by_city']
        """
        from vertebra.workspace.listing import list_steps

        return list_steps(self.project, self.lake, self.ledgers, selections(select), selections(exclude))

    def plan(
        self, select: str | Sequence[str] = "", exclude: str | Sequence[str] = "", full_refresh: bool = False
    ) -> list[PlannedStep]:
        """Return what :meth:`run` would do, and why; nothing is collected or written.

        Args:
            select: which steps; all by default.
            exclude: which of them to leave out.
            full_refresh: as in :meth:`run`.

        Raises:
            SelectionError: a selection matches nothing.

        Example:
            >>> [(planned.step.name, planned.action) for planned in project.plan("zone:trusted")]
            [('trusted.orders', 'skip')]
        """
        from vertebra.pipeline.plan import plan_project

        return plan_project(self.project, selections(select), selections(exclude), full_refresh)

    def run(
        self,
        select: str | Sequence[str] = "",
        exclude: str | Sequence[str] = "",
        full_refresh: bool = False,
        wait: float = 0,
        console: Console | None = None,
    ) -> RunReport:
        """Collect new data and bring the selected steps up to date; steps that are current are skipped.

        A failed step does not raise an error: the report lists it, and steps that do not depend on it still run.

        Args:
            select: which steps; all by default.
            exclude: which of them to leave out.
            full_refresh: run every selected step, and incremental ones from scratch.
            wait: seconds to wait for another run to end.
            console: receives progress.

        Returns:
            How each step ended.

        Raises:
            SelectionError: a selection matches nothing.
            BusyError: another run holds the lake.
            RunInterrupted: the run was interrupted; what it committed is kept. This is a ``KeyboardInterrupt``.

        Example:
            >>> report = project.run("sales_by_city", full_refresh=True)
            >>> [(result.step, result.state, result.rows) for result in report.results]
            [('exploitation.sales_by_city', 'ok', 6)]
        """
        from vertebra.pipeline.context import RunOptions
        from vertebra.pipeline.run import run

        options = RunOptions(selections(select), selections(exclude), full_refresh, wait)
        return _finished(run(self.project, options, console=console, engine=self.engine))

    def summary(self, report: RunReport) -> RunSummary:
        """Summarise a run: rows per zone, what cleaning did, broken rules, chosen models.

        Args:
            report: the result of :meth:`run`.

        Example:
            >>> summary = project.summary(project.run())
            >>> [(one.dataset, one.records, one.trusted, one.repaired) for one in summary.datasets]
            [('orders', 10, 9, 1)]
        """
        from vertebra.workspace.run_summary import summarise

        return summarise(self.project, self.lake, self.ledgers, report)

    def collect(
        self,
        datasets: Sequence[str] = (),
        due: bool = False,
        wait: float = 0,
        console: Console | None = None,
    ) -> RunReport:
        """Ask the sources for new data and land it; nothing else runs.

        Args:
            datasets: names of datasets; all by default.
            due: collect only datasets that are due by their schedules.
            wait: seconds to wait for another run to end.
            console: receives progress.

        Raises:
            DeclarationError: there is no such dataset.
            BusyError: another run holds the lake.
            RunInterrupted: the run was interrupted; what it committed is kept.

        Example:
            >>> project.collect(["orders"]).idle  # the file has not changed since the last run
            True
        """
        from vertebra.workspace.collect import collect

        names = dataset_names(self.project, datasets)
        if not datasets:
            names += [one.name for one in self.broken if one.kind == "dataset"]
        return _finished(collect(self.project, self.lake, self.ledgers, names, due, wait, console))

    def reset_cursor(self, dataset: str, value: str, by: str | None = None, wait: float = 0) -> CursorReset:
        """Set the value from which the next collection of an incremental source continues.

        Nothing is collected. With ``load: append``, rows above the value that were landed before are landed again.

        Args:
            dataset: the dataset's name.
            value: a value of ``collect.cursor`` or of the field of ``collect.since``.
            by: who decides; the user of the process by default.
            wait: seconds to wait for another run to end.

        Returns:
            The row of the ledger ``cursor_resets``.

        Raises:
            DeclarationError: there is no such dataset.
            CollectError: the source has no cursor, or the value cannot be one.
            BusyError: another run holds the lake.

        Example:
            >>> project.reset_cursor("orders", "2025-01-01")
            Traceback (most recent call last):
            ...
            vertebra.errors.CollectError: the cursor of orders cannot be set
            ...
        """
        from vertebra.workspace.reset_cursor import reset_cursor

        return reset_cursor(self.project, self.lake, dataset_name(self.project, dataset), value, by, wait)

    def accept_shrink(self, dataset: str, by: str | None = None, wait: float = 0) -> list[AcceptedShrink]:
        """Accept the snapshots of a dataset that were refused because of ``shrink:``.

        Nothing is collected; the next collection lands them. A snapshot that has become smaller still is refused again.

        Args:
            dataset: the dataset's name.
            by: who decides; the user of the process by default.
            wait: seconds to wait for another run to end.

        Returns:
            The rows of the ledger ``accepted_shrinks``, one for each address.

        Raises:
            DeclarationError: there is no such dataset.
            CollectError: no snapshot was refused because of its size.
            BusyError: another run holds the lake.

        Example:
            >>> project.accept_shrink("orders")
            Traceback (most recent call last):
            ...
            vertebra.errors.CollectError: dataset orders: no snapshot of orders waits to be accepted
            ...
        """
        from vertebra.workspace.accept_shrink import accept_shrink

        return accept_shrink(self.project, self.lake, dataset_name(self.project, dataset), by, wait)

    def sources(self, datasets: Sequence[str] = ()) -> list[SourceStatus]:
        """Return the status of the source of each dataset: last collection, newest batch, next due time.

        Args:
            datasets: names of datasets; all by default.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> [(one.dataset, one.state, one.collector, one.records) for one in project.sources()]
            [('orders', 'ok', 'files', 10)]
        """
        from datetime import UTC, datetime

        from vertebra.workspace.sources import source_statuses

        names = dataset_names(self.project, datasets)
        return source_statuses(self.project, self.lake, self.ledgers, names, datetime.now(UTC))

    def due(self, datasets: Sequence[str] = ()) -> list[str]:
        """Return the names of the datasets that are due by their schedules.

        Args:
            datasets: names of datasets; all by default.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> project.due()
            []
        """
        from vertebra.workspace.collect import due_datasets

        return due_datasets(self.project, self.lake, self.ledgers, dataset_names(self.project, datasets))

    def next_due(self, datasets: Sequence[str] = ()) -> datetime | None:
        """Return when the first of some datasets is due next, UTC; None if none has a schedule.

        Args:
            datasets: names of datasets; all by default.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> project.next_due().strftime("%H:%M")  # orders is collected @daily
            '00:00'
        """
        from vertebra.workspace.collect import next_due

        return next_due(self.project, self.lake, self.ledgers, dataset_names(self.project, datasets))

    def backfill(
        self,
        dataset: str,
        first: str | None = None,
        last: str | None = None,
        again: bool = False,
        wait: float = 0,
        console: Console | None = None,
    ) -> Backfill:
        """Collect past periods; landed periods are skipped.

        Args:
            dataset: a dataset that declares ``periods``.
            first, last: names of periods, e.g. ``2013-01``; the declared ones by default.
            again: collect landed periods too.
            wait: seconds to wait for another run to end.
            console: receives progress.

        Raises:
            DeclarationError: there is no such dataset.
            CollectError: the dataset has no periods, or a name is not that of one.
            BusyError: another run holds the lake.
            RunInterrupted: the run was interrupted; what it committed is kept.

        Example:
            >>> project.backfill("orders", "2025-01", "2025-03")
            Traceback (most recent call last):
            ...
            vertebra.errors.CollectError: dataset orders: orders has no periods to collect
            ...
        """
        from vertebra.workspace.collect import backfill

        name = dataset_name(self.project, dataset)
        filled = backfill(self.project, self.lake, name, first, last, again, wait, console)
        _finished(filled.report)
        return filled

    def periods(
        self, dataset: str, first: str | None = None, last: str | None = None, again: bool = False
    ) -> list[PeriodStatus]:
        """Return the status of each period of a dataset, oldest first; the source is not contacted.

        Args:
            dataset: a dataset that declares ``periods``.
            first, last: names of periods; the declared ones by default.
            again: as in :meth:`backfill`; refused where landed periods cannot be collected again.

        Raises:
            DeclarationError: there is no such dataset.
            CollectError: the dataset has no periods, or a name is not that of one.

        Example:
            >>> project.periods("orders")
            Traceback (most recent call last):
            ...
            vertebra.errors.CollectError: dataset orders: orders has no periods to collect
            ...
        """
        from vertebra.workspace.collect import periods

        return periods(self.project, self.lake, dataset_name(self.project, dataset), first, last, again)

    def schedule(
        self,
        select: str | Sequence[str] = "",
        exclude: str | Sequence[str] = "",
        once: bool = False,
        stop: StopRequest | None = None,
        events: Events | None = None,
        console: Console | None = None,
    ) -> RunReport | None:
        """Keep collecting due datasets and running the steps downstream of them, until asked to stop.

        The state of collections is read from the lake, so the process may be killed, moved to another machine, or run
        twice.

        Args:
            select: which steps; by default all downstream of datasets that have a schedule.
            exclude: which of them to leave out.
            once: collect due datasets, run the steps downstream, and return.
            stop: call its ``request`` from another thread or a signal handler to end the loop.
            events: receives the events of the loop.
            console: receives what a round does.

        Returns:
            The report of the one round with ``once``; None if asked to stop.

        Raises:
            SelectionError: a selection matches nothing.

        Example:
            >>> project.schedule(once=True).ok
            True
        """
        from vertebra.pipeline.progress import SilentConsole
        from vertebra.pipeline.schedule import SilentEvents
        from vertebra.workspace.schedule import StopRequest, run_schedule

        opened = [self.project]
        return run_schedule(
            lambda: opened.pop() if opened else self._load(),
            selections(select),
            selections(exclude),
            once,
            stop or StopRequest(),
            events or SilentEvents(),
            console or SilentConsole(),
        )

    def next_collections(
        self, select: str | Sequence[str] = "", exclude: str | Sequence[str] = "", count: int = 10
    ) -> list[NextCollection]:
        """Return the next collections of the datasets that have a schedule, in order.

        Args:
            select: which steps; all by default.
            exclude: which of them to leave out.
            count: how many at most.

        Raises:
            SelectionError: a selection matches nothing.

        Example:
            >>> [(one.dataset, one.every) for one in project.next_collections(count=2)]
            [('orders', '@daily'), ('orders', '@daily')]
        """
        from vertebra.workspace.schedule import next_collections

        return next_collections(self.project, selections(select), selections(exclude), count)


def _finished(report: RunReport) -> RunReport:
    if report.state == "interrupted":
        raise RunInterrupted(report)
    return report
