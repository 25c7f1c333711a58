"""Snapshots that people accepted although they are smaller than ``shrink:`` allows: the ledger ``accepted_shrinks``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from vertebra.lake.commit import Commit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.batches import Receipt

_LEDGER: Final = "accepted_shrinks"


@dataclass(frozen=True)
class AcceptedShrink:
    """One row of the ledger ``accepted_shrinks``: a refused snapshot that may land.

    It is about this snapshot alone: it covers a snapshot from the same address that replaces the same batch, and has no
    fewer records.

    Attributes:
        decided_at: UTC.
        decided_by: who accepted it.
        url: the address of the snapshot, without credentials.
        period, part: what it is a snapshot of; None for the whole source.
        replaces: number of the newest batch that it replaces.
        records: number of its records.
        before: number of records of the batches that it replaces.
    """

    decided_at: datetime
    decided_by: str
    source: str
    dataset: str
    url: str
    period: str | None
    part: str | None
    replaces: int
    records: int
    before: int

    def covers(self, replaces: int, receipt: Receipt) -> bool:
        """Whether a snapshot is the accepted one.

        Args:
            replaces: number of the newest batch that it would replace.
            receipt: of the snapshot.
        """
        same = (receipt.url, receipt.period, receipt.part) == (self.url, self.period, self.part)
        return same and replaces == self.replaces and receipt.records >= self.records


def accepted_shrinks(ledgers: Ledgers, dataset: str) -> list[AcceptedShrink]:
    """The snapshots of a dataset that people accepted, oldest first."""
    return [AcceptedShrink(**row) for row in ledgers.read(_LEDGER).to_pylist() if row["dataset"] == dataset]


def record_accepted(ledgers: Ledgers, accepted: Sequence[AcceptedShrink]) -> None:
    """Add rows to the ledger. They were decided at one time."""
    run = f"accept-shrink-{accepted[0].decided_at:%Y%m%dT%H%M%S}"
    ledgers.append_now(_LEDGER, [asdict(one) for one in accepted], Commit(run, "accept-shrink", ""))
