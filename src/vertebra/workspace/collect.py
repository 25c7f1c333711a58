"""Collecting: all or some datasets, only those that are due, or past periods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vertebra.lake.batches import batches
from vertebra.landing.backfill import period_statuses, window
from vertebra.pipeline.context import RunOptions
from vertebra.pipeline.due import collection_statuses, due_names
from vertebra.pipeline.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.landing.backfill import PeriodStatus
    from vertebra.pipeline.graph import Graph
    from vertebra.pipeline.progress import Console, RunReport


@dataclass(frozen=True)
class Backfill:
    """The result of a backfill.

    Attributes:
        report: of the run.
        periods: the status of each selected period, oldest first.
    """

    report: RunReport
    periods: tuple[PeriodStatus, ...]


def due_datasets(project: Project, lake: Lake, ledgers: Ledgers, names: Sequence[str]) -> list[str]:
    """Those of some datasets that are due by their schedules."""
    return [name for name in due_names(collection_statuses(project, lake, ledgers, datetime.now(UTC))) if name in names]


def next_due(project: Project, lake: Lake, ledgers: Ledgers, names: Sequence[str]) -> datetime | None:
    """When the first of some datasets is due next, UTC; None if none has a schedule."""
    found = collection_statuses(project, lake, ledgers, datetime.now(UTC))
    return min((one.wake_at for one in found if one.wake_at and one.dataset.name in names), default=None)


def collect(
    project: Project,
    lake: Lake,
    ledgers: Ledgers,
    names: Sequence[str],
    due: bool = False,
    wait: float = 0,
    console: Console | None = None,
) -> RunReport:
    """Ask the sources of datasets for new data and land it.

    Args:
        names: of datasets.
        due: only those that are due by their schedules.
        wait: seconds to wait for another run.
        console: receives progress.

    Raises:
        BusyError: another run holds the lake.
    """
    steps = [f"landing.{name}" for name in names]

    def pick(graph: Graph, chosen: list[str]) -> list[str]:
        now_due = due_datasets(project, lake, ledgers, names)
        return [step for step in chosen if step.partition(".")[2] in now_due or graph.steps[step].broken]

    # due datasets are found while the run holds the lake, so no other run can change the result
    options = RunOptions(steps, wait=wait, due=pick if due else None)
    return run(project, options, console=console)


def backfill(
    project: Project,
    lake: Lake,
    name: str,
    first: str | None,
    last: str | None,
    again: bool = False,
    wait: float = 0,
    console: Console | None = None,
) -> Backfill:
    """Collect past periods; landed periods are skipped unless ``again`` is true.

    Args:
        name: of a dataset.
        first, last: names of periods; the declared ones by default.
        again: collect landed periods too.
        wait: seconds to wait for another run.
        console: receives progress.

    Raises:
        CollectError: the dataset has no periods, or a name is not that of one.
        BusyError: another run holds the lake.
    """
    wanted = window(project.datasets[name], first, last, datetime.now(UTC), again)
    report = run(project, RunOptions([f"landing.{name}"], wait=wait, window=wanted), console=console)
    return Backfill(report, tuple(periods(project, lake, name, first, last, again, answered=report.ok)))


def periods(
    project: Project,
    lake: Lake,
    name: str,
    first: str | None,
    last: str | None,
    again: bool = False,
    answered: bool = False,
) -> list[PeriodStatus]:
    """The status of each period of a dataset, oldest first.

    Args:
        name: of a dataset.
        first, last: names of periods; the declared ones by default.
        again: as in :func:`backfill`.
        answered: whether the source has just answered for all of them, so that missing periods are not published.

    Raises:
        CollectError: the dataset has no periods, or a name is not that of one.
    """
    dataset, now = project.datasets[name], datetime.now(UTC)
    wanted = window(dataset, first, last, now, again)
    landed = batches(lake.landing, dataset.source, name)
    home = lake.landing / dataset.source / name
    return period_statuses(dataset, landed, wanted, answered, home, now, project.secrets)
