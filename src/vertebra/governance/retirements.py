"""Datasets that are no longer declared and that people retired: the ledger ``retirements``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from vertebra.lake.commit import Commit

if TYPE_CHECKING:
    from vertebra.governance.ledgers import Ledgers

_LEDGER: Final = "retirements"


@dataclass(frozen=True)
class Retirement:
    """One row of the ledger ``retirements``; the latest one about a dataset is in force.

    Attributes:
        decided_at: UTC.
        action: ``retire`` the dataset, ``restore`` it, or ``free`` its files, which garbage collection does.
        reason: why.
    """

    decided_at: datetime
    decided_by: str
    action: Literal["retire", "restore", "free"]
    dataset: str
    reason: str


def retirements(ledgers: Ledgers) -> dict[str, Retirement]:
    """The retirements in force, by dataset: those that were not undone, also of datasets whose files are freed."""
    latest = {row["dataset"]: Retirement(**row) for row in ledgers.read(_LEDGER).to_pylist()}
    return {name: one for name, one in latest.items() if one.action != "restore"}


def record_retirement(ledgers: Ledgers, retirement: Retirement) -> None:
    """Add a row to the ledger."""
    run = f"{retirement.action}-{retirement.decided_at:%Y%m%dT%H%M%S}"
    ledgers.append_now(_LEDGER, [asdict(retirement)], Commit(run, retirement.action, ""))
