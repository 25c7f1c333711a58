"""Timeliness: how up to date the newest batch is.

After Ballou, Wang, Pazer and Tayi (1998) and Batini and Scannapieco (2006), in the form
``1 / (1 + age · update rate)``: 1 for new data, 1/2 for data as old as the time between two updates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, get_args

from vertebra.declare.period import Unit, parse_period
from vertebra.declare.update_rate import update_interval
from vertebra.lake.batches import batches

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.lake.batches import Receipt
    from vertebra.lake.catalog import Lake

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Timeliness:
    """How timely a dataset is.

    Attributes:
        value: above 0, at most 1; None means not applicable.
        age: age of the newest data in days; None if unknown.
        note: why it is not applicable, or the figures it was computed from.
    """

    value: float | None
    age: float | None
    note: str


def timeliness(dataset: Dataset, lake: Lake, now: datetime) -> Timeliness:
    """How timely the data of a dataset are.

    The age is counted from the end of the latest period that a batch covers, or from its collection if the batch has no
    period or its period has not ended.

    Args:
        now: UTC.
    """
    found = [_as_of(batch.receipt) for batch in batches(lake.landing, dataset.source, dataset.name)]
    age = max(now - max(found), timedelta()) if found else None
    days = None if age is None else age / _DAY
    if dataset.updates is None:
        return Timeliness(None, days, "no update rate is declared (updates: @monthly)")
    if age is None:
        return Timeliness(None, None, "no batch was received")
    value = 1 / (1 + age / update_interval(dataset.updates))
    return Timeliness(value, days, f"data of {max(found):%Y-%m-%d %H:%M} UTC, updates {dataset.updates}")


def _as_of(receipt: Receipt) -> datetime:
    """The time up to which a batch is up to date."""
    for unit in get_args(Unit):
        try:
            end = parse_period(receipt.period or "", unit).end.replace(tzinfo=UTC)
        except ValueError:
            continue
        return min(end, receipt.collected_at)
    return receipt.collected_at
