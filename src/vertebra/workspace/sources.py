"""The status of each data source: last collection, next due time, and problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.declare.period import summarize_periods
from vertebra.declare.web_source import UrlTemplateSource
from vertebra.formatting import counted
from vertebra.governance.cursor_resets import cursor_reset
from vertebra.lake.batches import batches, newest_cursor
from vertebra.landing.backfill import period_statuses, window
from vertebra.landing.collect import collector_of
from vertebra.pipeline.due import collection_statuses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.batches import Batch
    from vertebra.lake.catalog import Lake
    from vertebra.pipeline.due import CollectionStatus, Status


@dataclass(frozen=True)
class SourceStatus:
    """The status of the source of one dataset.

    Attributes:
        state: ``ok``, ``due``, ``late`` (more than one collection was missed), ``waiting`` (for a period that is not
            published yet), ``refused`` or ``failed`` (the last collection), ``never`` (collected).
        collector: the kind of source, e.g. ``files``.
        every: its schedule as declared; None without one.
        next: when it is due next, UTC; now if it is due.
        due: whether it is due now.
        checked: when it was last collected.
        batch, received, period, records: number, time of receipt, period and records of the newest batch.
        watermark: the last period up to which no period is missing, or the value of an incremental source's cursor.
        cursor: the cursor as the collector keeps it.
        batches: how many were received.
        missed: how many collections were missed.
        again: when a failed or waiting collection is retried.
        reason: why it is not ``ok``.
        remedy: the next command, where there is one.
        warnings: what a person should know about the source, although it was collected.
    """

    dataset: str
    state: Status
    collector: str
    every: str | None
    next: datetime | None
    due: bool
    checked: datetime | None
    batch: int | None
    received: datetime | None
    period: str | None
    records: int | None
    watermark: str | None
    cursor: str | None
    batches: int
    missed: int
    again: datetime | None
    reason: str | None
    remedy: str | None
    warnings: tuple[str, ...] = ()


def source_statuses(
    project: Project, lake: Lake, ledgers: Ledgers, names: Sequence[str], now: datetime
) -> list[SourceStatus]:
    """The status of the sources of datasets.

    Args:
        names: of datasets.
        now: UTC.
    """
    return [
        _status(found, batches(lake.landing, found.dataset.source, found.dataset.name), project, lake, ledgers, now)
        for found in collection_statuses(project, lake, ledgers, now, patient=True)
        if found.dataset.name in names
    ]


def _status(
    found: CollectionStatus,
    landed: Sequence[Batch],
    project: Project,
    lake: Lake,
    ledgers: Ledgers,
    now: datetime,
) -> SourceStatus:
    dataset, last = found.dataset, found.last
    newest = landed[-1].receipt if landed else None
    receipts = [batch.receipt for batch in landed]
    cursor = newest_cursor(receipts)
    shown_cursor = cursor_reset(ledgers, dataset.name, receipts)
    if shown_cursor is None and cursor is not None:
        shown_cursor = collector_of(dataset).shown_cursor(cursor)
    return SourceStatus(
        dataset=dataset.name,
        state=found.state,
        collector=dataset.collect.kind,
        every=str(dataset.collect.schedule) if dataset.collect.schedule else None,
        next=now if found.due else found.wake_at,
        due=found.due,
        checked=last.collected_at if last else None,
        batch=newest.number if newest else None,
        received=newest.collected_at if newest else None,
        period=newest.period if newest else None,
        records=newest.records if newest else None,
        watermark=_watermark(found, landed, project, lake, now) or shown_cursor,
        cursor=cursor,
        batches=len(landed),
        missed=len(found.missed),
        again=found.again_at,
        reason=_reason(found),
        remedy=last.remedy if last else None,
        warnings=tuple(last.warnings) if last else (),
    )


def _watermark(
    found: CollectionStatus, landed: Sequence[Batch], project: Project, lake: Lake, now: datetime
) -> str | None:
    """The last period up to which no period is missing."""
    dataset = found.dataset
    if not isinstance(dataset.collect, UrlTemplateSource) or dataset.collect.periods is None:
        return None
    reached = None
    wanted = window(dataset, None, None, now)
    home = lake.landing / dataset.source / dataset.name
    for one in period_statuses(dataset, landed, wanted, False, home, now, project.secrets):
        if one.state not in ("landed", "skipped"):
            break
        reached = one.period
    return reached


def _reason(found: CollectionStatus) -> str | None:
    last = found.last
    if found.state in ("refused", "failed"):
        return last.reason if last else None
    if last is not None and last.not_yet:
        return f"not published yet: {summarize_periods(last.not_yet)}"
    if found.state == "late":
        return f"{counted(len(found.missed), 'moment')} missed since {found.missed[0]:%Y-%m-%d %H:%M} UTC"
    return None
