"""The landing zone on disk: ``landing/<source>/<dataset>/<batch>/``.

A batch folder holds ``payload.<ext>`` (raw bytes), ``records.parquet`` (every cell as text) and ``receipt.json``.
The landing zone writes it; the formatted zone reads it; the receipt, written last, makes the batch complete.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

RECORDS_PER_BATCH: Final = 10**10
"""``_rid = batch · 10^10 + record``: the batch number and the 0-based record can be read off a row id."""

RECORD_COLUMN: Final = "_record"
"""Column of ``records.parquet`` with the 0-based ordinal of the record in its payload (BIGINT)."""

RAGGED_COLUMN: Final = "_ragged"
"""Column of ``records.parquet`` with the text of a record that has too few or too many cells; NULL for other records.
Payloads without such records do not have the column."""


@dataclass(frozen=True)
class Receipt:
    """What was received.

    Attributes:
        number: rises by one per dataset, from 1.
        collected_at: UTC.
        url: where the payload came from, without credentials.
        sha256: of the payload's bytes.
        bytes: size of the payload.
        payload: file name of the payload in the batch folder.
        records: number of records.
        columns: columns of ``records.parquet`` after ``_record``: the payload's names in its order, made unique.
        parse: the declaration that the records were parsed with.
        collector: kind and version of the collector.
        period: the period the batch covers, for periodic sources.
        headers: response headers worth keeping.
        cursor: the position in an incremental source from which the next collection continues.
        part: which part of the source it is, where the source is asked for several, e.g. ``station=JFK``.
        content: hash of what matters in the payload, for sources that send the same data in other bytes each time.
        text: properties of the payload's text: ``encoding``, ``delimiter``, which of them were ``detected``, columns
            ``renamed`` to be unique, numbers of ``ragged`` and ``filled`` records.
        seen: a profile of the cells by column, see :class:`vertebra.lake.column_profile.ColumnProfile`.
    """

    number: int
    collected_at: datetime
    url: str
    sha256: str
    bytes: int
    payload: str
    records: int
    columns: tuple[str, ...]
    parse: dict[str, Any]
    collector: str
    period: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cursor: str | None = None
    part: str | None = None
    content: str | None = None
    text: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> str:
        """As the text of ``receipt.json``."""
        return json.dumps(asdict(self) | {"collected_at": self.collected_at.isoformat()}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """From the text of ``receipt.json``."""
        raw = json.loads(text)
        raw["collected_at"] = datetime.fromisoformat(raw["collected_at"])
        raw["columns"] = tuple(raw["columns"])
        return cls(**raw)


@dataclass(frozen=True)
class Batch:
    """A complete batch of the landing zone."""

    folder: Path
    receipt: Receipt

    @property
    def number(self) -> int:
        """Its number in the dataset, from 1."""
        return self.receipt.number

    @property
    def records(self) -> Path:
        """The lossless all-text copy."""
        return self.folder / "records.parquet"

    @property
    def payload(self) -> Path:
        """The raw bytes."""
        return self.folder / self.receipt.payload


def newest_cursor(receipts: Sequence[Receipt]) -> str | None:
    """The position from which the next collection of an incremental source continues; None when there is none.

    Args:
        receipts: oldest first.
    """
    return next((one.cursor for one in reversed(receipts) if one.cursor is not None), None)


def batch_folder(landing: Path, source: str, dataset: str, number: int) -> Path:
    """The folder of a batch."""
    return landing / source / dataset / f"{number:08d}"


def batches(landing: Path, source: str, dataset: str) -> list[Batch]:
    """The complete batches of a dataset, oldest first."""
    folder = landing / source / dataset
    if not folder.is_dir():
        return []
    receipts = sorted(folder.glob("[0-9]*/receipt.json"))
    return [Batch(path.parent, Receipt.from_json(path.read_text("utf-8"))) for path in receipts]


def batches_digest(landed: Sequence[Batch]) -> str:
    """What batches hold, as a hash: which payloads, and how their records were parsed."""
    received = [
        (one.number, one.receipt.sha256, one.receipt.period, one.receipt.part, one.receipt.parse) for one in landed
    ]
    return hashlib.sha256(json.dumps(received, sort_keys=True).encode()).hexdigest()[:16]


def snapshot_batches(landed: Sequence[Batch]) -> list[Batch]:
    """The batches of a snapshot that are not replaced by later ones, oldest first.

    They are the newest batch of each period and each part of the source; without periods and parts, the newest of all.
    Batches from before the source had periods or parts, or from when it had them, do not count any more.
    """
    if not landed:
        return []
    newest = landed[-1].receipt
    undivided = (newest.period is None, newest.part is None)
    alike = [one for one in landed if (one.receipt.period is None, one.receipt.part is None) == undivided]
    last = {(one.receipt.period, one.receipt.part): one for one in alike}
    return sorted(last.values(), key=lambda batch: batch.number)
