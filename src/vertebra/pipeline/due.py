"""Which datasets are due to be collected, and the status of each.

A dataset is due if its schedule has a time after the start of its last complete collection, which the ``collections``
ledger has. No other state is kept, so all processes agree, and a program that was down catches up. One collection makes
up for all missed times: from a source with periods it gets each missing period, oldest first; any other source only has
its current state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from vertebra.lake.batches import batches
from vertebra.pipeline.land import last_collections

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.project import Project
    from vertebra.declare.schedule import Schedule
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.pipeline.land import Collection

Status = Literal["ok", "due", "late", "waiting", "refused", "failed", "never"]

_SHORTEST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(hours=6)
_FAILING: Final = 0.25
_WAITING: Final = 0.1
_SKEW: Final = timedelta(minutes=1)
"""How much a clock may go back; a time further in the future was recorded by a wrong clock."""


@dataclass(frozen=True)
class CollectionStatus:
    """The collection status of a dataset at some time.

    Attributes:
        dataset: the declaration.
        last: its last collection; None if there was none, or if only a release without this ledger collected it.
        state: ``never`` (collected), ``refused`` or ``failed`` (the last collection), ``late`` (more than one time of
            the schedule was missed), ``due``, ``waiting`` (for a period that is not published yet) or ``ok``.
        missed: times of the schedule without a complete collection since, oldest first.
        due: whether it is to be collected now.
        again_at: when a collection that was refused, failed or is waiting is repeated.
        next_at: the next time of the schedule; None without a schedule.
    """

    dataset: Dataset
    last: Collection | None
    state: Status
    missed: tuple[datetime, ...] = ()
    due: bool = False
    again_at: datetime | None = None
    next_at: datetime | None = None

    @property
    def wake_at(self) -> datetime | None:
        """When to check the status again; None without a schedule."""
        found = [at for at in (self.again_at, self.next_at) if at is not None]
        return min(found, default=None)


def collection_statuses(
    project: Project, lake: Lake, ledgers: Ledgers, now: datetime, patient: bool = False
) -> list[CollectionStatus]:
    """The collection status of each dataset of a project.

    Args:
        now: UTC.
        patient: whether a failed collection is due again only after a delay that grows with each failure; otherwise it
            is due at once, for callers that decide themselves how often to repeat it.
    """
    found = []
    ended = last_collections(ledgers)
    for name, dataset in project.datasets.items():
        last = ended.get(name)
        # a dataset that moved to another source has other batches there
        last = last if last is not None and last.source == dataset.source else None
        landed = _landed_at(dataset, lake) if last is None else None
        found.append(collection_status(dataset, last, landed, now, patient))
    return found


def collection_status(
    dataset: Dataset, last: Collection | None, landed_at: datetime | None, now: datetime, patient: bool = False
) -> CollectionStatus:
    """The collection status of one dataset; see :func:`collection_statuses`.

    Args:
        landed_at: when its newest batch was collected, if no collection is recorded: a release without this ledger
            collected it, or only past periods were collected, which makes up for no time of the schedule.
    """
    never = last is None and landed_at is None
    ended: Status | None = last.state if last is not None and last.state in ("refused", "failed") else None
    schedule = dataset.collect.schedule
    if schedule is None:
        return CollectionStatus(dataset, last, "never" if never else ended or "ok")
    next_at = schedule.next(now)
    if never or (last is None and getattr(dataset.collect, "periods", None) is not None):
        return CollectionStatus(dataset, last, "never" if never else "due", due=True, next_at=next_at)
    missed = _missed(schedule, last.complete_at if last is not None else landed_at, now)
    again_at = _again_at(schedule, last, now)
    if ended:
        due = not patient or again_at is None or again_at <= now
        return CollectionStatus(dataset, last, ended, missed, due, None if due else again_at, next_at)
    if missed:
        return CollectionStatus(dataset, last, "late" if len(missed) > 1 else "due", missed, True, None, next_at)
    if again_at is not None:
        due = again_at <= now
        return CollectionStatus(dataset, last, "waiting", (), due, None if due else again_at, next_at)
    return CollectionStatus(dataset, last, "ok", next_at=next_at)


def due_names(found: Iterable[CollectionStatus]) -> list[str]:
    """The datasets to collect now."""
    return [one.dataset.name for one in found if one.due]


def _landed_at(dataset: Dataset, lake: Lake) -> datetime | None:
    landed = batches(lake.landing, dataset.source, dataset.name)
    return landed[-1].receipt.collected_at if landed else None


def _missed(schedule: Schedule, since: datetime | None, now: datetime) -> tuple[datetime, ...]:
    """The times of the schedule since the last complete collection. One in the future makes up for none."""
    if since is None:
        return ()
    if since > now + _SKEW:
        return (now,)
    return tuple(schedule.between(since, now))


def _again_at(schedule: Schedule, last: Collection | None, now: datetime) -> datetime | None:
    """When to repeat a collection that was refused, failed or is waiting: before the schedule, but not at once.

    The delay doubles with each failure, up to a quarter of the interval of the schedule. Periods that are not published
    yet are requested ten times in an interval. No delay is under a minute or over six hours.
    """
    if last is None or not last.attempts:
        return None
    if last.collected_at > now + _SKEW:
        return now
    first = schedule.next(last.collected_at)
    second = schedule.next(first) if first is not None else None
    if first is None or second is None:
        return last.collected_at + _SHORTEST
    between = second - first
    if last.state == "waiting":
        pause = between * _WAITING
    else:
        pause = min(_SHORTEST * 2 ** min(last.attempts - 1, 20), between * _FAILING)
    return min(last.collected_at + min(max(pause, _SHORTEST), _LONGEST), first)
