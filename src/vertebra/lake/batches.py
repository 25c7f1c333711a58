"""The landing zone on disk: ``landing/<source>/<dataset>/<batch>/``.

A batch folder holds ``payload.<ext>`` (raw bytes), ``records.parquet`` (every cell as text) and ``receipt.json``.
The landing zone writes it; the formatted zone reads it; the receipt, written last, makes the batch complete.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from vertebra.durable import sha256_of
from vertebra.errors import LakeError

_OWN_HASH: Final = "receipt_sha256"

RECORDS_PER_BATCH: Final = 10**10
"""``_rid = batch · 10^10 + record``: the batch number and the 0-based record can be read off a row id."""

RECORD_COLUMN: Final = "_record"
"""Column of ``records.parquet`` with the 0-based ordinal of the record in its payload (BIGINT)."""

RAGGED_COLUMN: Final = "_ragged"
"""Column of ``records.parquet`` with the text of a record whose cells cannot be assigned to columns, such as one with
too few or too many cells; NULL for other records. Payloads without such records do not have the column."""

RAGGED_REASON_COLUMN: Final = "_ragged_reason"
REASONED_NOTES: Final = ("misquoted", "out_of_place")
"""Facts of a receipt that count records whose cells cannot be assigned to columns, with a reason for each."""

RAGGED_NOTES: Final = ("ragged", *REASONED_NOTES)
"""Facts of a receipt that count records whose cells cannot be assigned to columns."""

"""Column of ``records.parquet`` with the reason why the cells of a record cannot be assigned to columns; NULL if it has
too few or too many cells, and for other records. Payloads without other reasons may lack the column."""

CURSOR_FIELD: Final = "cursor-field"
"""Header in the receipt of a batch with records that have no value to continue from: the field of that value."""


@dataclass(frozen=True)
class Receipt:
    """The receipt of a batch.

    Attributes:
        number: rises by one per dataset, from 1.
        collected_at: UTC.
        url: where the payload came from, without credentials.
        sha256: of the payload's bytes as received.
        bytes: size of the payload as received.
        payload: file name of the payload in the batch folder.
        records: number of records.
        columns: columns of ``records.parquet`` after ``_record``: the payload's names in its order, made unique.
        parse: the declaration that the records were parsed with.
        collector: kind and version of the collector.
        period: the period the batch covers, for periodic sources.
        headers: response headers that are recorded.
        cursor: the position in an incremental source from which the next collection continues.
        part: the part of the source that it covers, if several are requested, e.g. ``station=JFK``.
        content: hash of the data in the payload, for sources that send the same data in other bytes each time.
        text: properties of the payload's text: ``encoding``, ``delimiter``, which of them were ``detected``, columns
            ``renamed`` to be unique, the ``confidence`` in a guessed encoding, ``other_lines`` in another
            encoding than most, numbers of ``ragged``, ``filled``, ``misquoted`` and ``out_of_place`` records.
        seen: a profile of the cells by column, see :class:`vertebra.lake.column_profile.ColumnProfile`.
        records_sha256: of ``records.parquet``; None in receipts of earlier releases.
        freed_at: when payload and records were freed, because the batch was retracted; None while they are there.
        forgotten: the erasures that removed records: ``erasure`` (its id), ``at``, ``reason`` and ``records``, the
            ordinals of the removed records. Other records keep their ordinals.
        kept_sha256: of the payload as it is kept, without the forgotten records; None for the bytes as received.
        kept_bytes: size of the payload as it is kept.
        kept_under: a later parse declaration that the payload does not fit, so that the records stay as they were
            parsed; None if there is none.
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
    records_sha256: str | None = None
    freed_at: str | None = None
    forgotten: list[dict[str, Any]] = field(default_factory=list)
    kept_sha256: str | None = None
    kept_bytes: int | None = None
    kept_under: dict[str, Any] | None = None

    @property
    def stored_sha256(self) -> str:
        """The SHA-256 of the payload's file: as received, or without the forgotten records."""
        return self.kept_sha256 or self.sha256

    @property
    def stored_bytes(self) -> int:
        """The size of the payload's file."""
        return self.bytes if self.kept_bytes is None else self.kept_bytes

    @property
    def forgotten_records(self) -> tuple[int, ...]:
        """The ordinals of the records that were forgotten, in their order."""
        return tuple(sorted({record for one in self.forgotten for record in one["records"]}))

    @property
    def guessed_encodings(self) -> tuple[str, ...]:
        """The encodings of the payload's parts, if they were not declared."""
        return tuple(self.text["encoding"].split(", ")) if "encoding" in self.text.get("detected", ()) else ()

    def to_json(self) -> str:
        """As the text of ``receipt.json``, with a hash of itself."""
        raw = vars(self) | {"collected_at": self.collected_at.isoformat()}
        lines = (
            f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in (raw | {_OWN_HASH: _hash_of(raw)}).items()
        )
        return "{\n" + ",\n".join(lines) + "\n}"

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """From the text of ``receipt.json``.

        Raises:
            ValueError: it is not a receipt, or was changed since it was written.
        """
        raw = json.loads(text)
        if not isinstance(raw, dict):
            raise ValueError("it is not a JSON object")
        own = raw.pop(_OWN_HASH, None)
        # receipts of earlier releases have no hash of themselves
        if (own is None and raw.get("records_sha256")) or (own is not None and own != _hash_of(raw)):
            raise ValueError("it is not what was written")
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
    return [_batch(path) for path in sorted(folder.glob("[0-9]*/receipt.json"))]


def check_records(batch: Batch) -> None:
    """Check that the records of a batch are those that were parsed.

    Raises:
        LakeError: they are gone, or have changed.
    """
    expected = batch.receipt.records_sha256
    fact = damage_of(batch.records, expected, None) if expected else ""
    if fact:
        raise _damaged(batch.records, fact)


def check_payload(batch: Batch) -> None:
    """Check that the payload of a batch has the bytes that were received, or those that an erasure kept of it.

    Raises:
        LakeError: it is gone, or has changed.
    """
    fact = damage_of(batch.payload, batch.receipt.stored_sha256, batch.receipt.stored_bytes)
    if fact:
        raise _damaged(batch.payload, fact)


def damage_of(file: Path, sha256: str, size: int | None) -> str:
    """The damage of a file, as a clause; empty if the file has the bytes that were written to it."""
    if not file.is_file():
        return "is gone"
    found = file.stat().st_size
    if size is not None and found != size:
        return f"has {found:,} bytes where {size:,} were written"
    return "" if sha256_of(file) == sha256 else "does not have the bytes that were written"


def _batch(path: Path) -> Batch:
    try:
        return Batch(path.parent, Receipt.from_json(path.read_text("utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "is damaged") from error


def _damaged(file: Path, fact: str) -> LakeError:
    return LakeError(
        f"{file} {fact}",
        cause="it was changed from outside, or the disk is damaged",
        remedy="vertebra debug --verify lists all damage, vertebra debug --repair repairs what it can",
    )


def _hash_of(raw: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()


def batches_digest(landed: Sequence[Batch]) -> str:
    """A hash of batches: of their payloads, of how their records were parsed, and of which were forgotten."""
    received = [
        (one.number, one.receipt.sha256, one.receipt.period, one.receipt.part, one.receipt.parse, *_forgotten(one))
        for one in landed
    ]
    return hashlib.sha256(json.dumps(received, sort_keys=True).encode()).hexdigest()[:16]


def _forgotten(batch: Batch) -> tuple[tuple[int, ...], ...]:
    """The forgotten records of a batch; nothing where there are none, as in the digests of earlier releases."""
    records = batch.receipt.forgotten_records
    return (records,) if records else ()
