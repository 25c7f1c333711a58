"""Cursors that people set back: the ledger ``cursor_resets``. The next collection continues from the value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from vertebra.lake.commit import Commit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.batches import Receipt

_LEDGER: Final = "cursor_resets"


@dataclass(frozen=True)
class CursorReset:
    """One row of the ledger ``cursor_resets``.

    It is in force until a batch with a cursor is landed after it.

    Attributes:
        decided_at: UTC.
        decided_by: who reset the cursor.
        batch: the newest batch at that time; 0 if there was none.
        before: the value of the cursor until then.
        value: the value from which the next collection continues.
    """

    decided_at: datetime
    decided_by: str
    source: str
    dataset: str
    batch: int
    before: str | None
    value: str


def cursor_reset(ledgers: Ledgers, dataset: str, receipts: Sequence[Receipt]) -> str | None:
    """The value that the cursor of a dataset was set to; None if no reset is in force.

    Args:
        receipts: of the dataset's batches, oldest first.
    """
    rows = [row for row in ledgers.read(_LEDGER).to_pylist() if row["dataset"] == dataset]
    if not rows:
        return None
    latest = max(rows, key=lambda row: row["decided_at"])
    landed_since = any(one.cursor is not None and one.number > latest["batch"] for one in receipts)
    return None if landed_since else str(latest["value"])


def record_reset(ledgers: Ledgers, reset: CursorReset) -> None:
    """Add a row to the ledger."""
    run = f"reset-cursor-{reset.decided_at:%Y%m%dT%H%M%S}"
    ledgers.append_now(_LEDGER, [asdict(reset)], Commit(run, "reset-cursor", ""))
