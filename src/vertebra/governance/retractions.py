"""Batches that people took back: the ledger ``retractions``. A retracted batch stays in the landing zone and counts no
more, until it is restored."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from vertebra.lake.commit import Commit

if TYPE_CHECKING:
    from vertebra.governance.ledgers import Ledgers

BY_SOURCE: Final = "source"
"""Who retracts what is gone at the source, where the dataset says ``deleted: retract``."""

_LEDGER: Final = "retractions"


@dataclass(frozen=True)
class Retraction:
    """One row of the ledger ``retractions``; the latest one about a batch is in force.

    Attributes:
        decided_at: UTC.
        action: ``retract`` the batch, or ``restore`` it.
        batch: its number.
        reason: why.
    """

    decided_at: datetime
    decided_by: str
    action: Literal["retract", "restore"]
    source: str
    dataset: str
    batch: int
    reason: str


def retractions(ledgers: Ledgers, dataset: str) -> dict[int, Retraction]:
    """The retractions of a dataset that are in force, by batch number."""
    rows = ledgers.read(_LEDGER).to_pylist()
    latest = {row["batch"]: Retraction(**row) for row in rows if row["dataset"] == dataset}
    return {number: one for number, one in latest.items() if one.action == "retract"}


def record_retraction(ledgers: Ledgers, retraction: Retraction) -> None:
    """Add a row to the ledger; the steps of the run that follow respect it."""
    run = f"{retraction.action}-{retraction.decided_at:%Y%m%dT%H%M%S}"
    ledgers.append_now(_LEDGER, [asdict(retraction)], Commit(run, retraction.action, ""))
