"""Erasing a person from the lake: erasures that are under way, the history of tables, and keyed hashes of keys.

An erasure is a file from the moment it is decided until nothing is left to do, so that the next run completes one that
was interrupted. The file has the key in the clear; it is removed when the erasure has ended.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.durable import flush, make_folder, replace_file
from vertebra.lake.log_retention import keep_log, trim_log
from vertebra.lake.repair import DAMAGED
from vertebra.lake.vacuum import vacuum

if TYPE_CHECKING:
    from vertebra.lake.catalog import Lake
    from vertebra.lake.table import LakeTable

_FOLDER: Final = ".erasures"
_HASHED_WITH: Final = "key"
_JOINT: Final = "\x1f"
_NULL: Final = "\x00"


@dataclass(frozen=True)
class Erasure:
    """An erasure that was decided and has not ended.

    Attributes:
        id: unique; receipts of rewritten batches have it.
        at: when it was decided, UTC.
        by: who decided it.
        reason: why.
        key: the text of each column that records are found by.
        hashes: keyed hashes of the key, in every way in which it was written in the records; see :func:`key_hash`.
        records: the ordinals of the records to remove, by batch number.
        texts: texts of the records' cells, which messages in ledgers may repeat.
        dropped: tables that are removed, because no step computes them again.
        tables: tables whose earlier versions are removed.
    """

    id: str
    at: datetime
    by: str
    reason: str
    source: str
    dataset: str
    key: Mapping[str, str]
    hashes: Sequence[str]
    records: Mapping[int, Sequence[int]]
    texts: Sequence[str] = ()
    dropped: Sequence[str] = ()
    tables: Sequence[str] = ()

    @property
    def number(self) -> int:
        """How many records it removes."""
        return sum(map(len, self.records.values()))

    def about(self) -> dict[str, Any]:
        """What the receipt of a batch says about it."""
        return {"erasure": self.id, "at": self.at.isoformat(), "reason": self.reason}

    def to_json(self) -> str:
        """As the text of its file."""
        return json.dumps(asdict(self) | {"at": self.at.isoformat()}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Erasure:
        """From the text of its file."""
        raw = json.loads(text)
        raw["at"] = datetime.fromisoformat(raw["at"])
        raw["records"] = {int(batch): tuple(records) for batch, records in raw["records"].items()}
        return cls(**raw)


def pending_erasures(lake: Lake) -> list[Erasure]:
    """The erasures that have not ended, oldest first."""
    folder = lake.root / _FOLDER
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [Erasure.from_json(file.read_text("utf-8")) for file in files]


def remove_unwritten(lake: Lake) -> None:
    """Remove files that a killed process had not finished to write: they have a key in the clear.

    The caller holds the lake's lease.
    """
    for file in (lake.root / _FOLDER).glob(".*.new"):
        file.unlink(missing_ok=True)


def begin_erasure(lake: Lake, erasure: Erasure) -> None:
    """Write down that an erasure is decided; from now on, each run continues it."""
    make_folder(lake.root / _FOLDER)
    remove_unwritten(lake)
    replace_file(_file(lake, erasure), erasure.to_json(), 0o600)


def end_erasure(lake: Lake, erasure: Erasure) -> None:
    """Remove the file of an erasure when nothing is left to do."""
    _file(lake, erasure).unlink(missing_ok=True)
    flush(lake.root / _FOLDER)


def secret_key(lake: Lake) -> bytes | None:
    """The secret of the lake that keys are hashed with; None if nothing was ever forgotten, or somebody removed it."""
    file = lake.root / _FOLDER / _HASHED_WITH
    return bytes.fromhex(file.read_text("ascii")) if file.is_file() else None


def make_secret_key(lake: Lake) -> bytes:
    """The secret of the lake; it is made when it is first needed."""
    known = secret_key(lake)
    if known is not None:
        return known
    make_folder(lake.root / _FOLDER)
    made = secrets.token_bytes(32)
    replace_file(lake.root / _FOLDER / _HASHED_WITH, made.hex(), 0o600)
    return made


def key_hash(secret: bytes, joined: str) -> str:
    """A keyed hash (BLAKE2b, 128 bits): without the secret of the lake, nobody can try keys out.

    Args:
        joined: the texts of a key, see :func:`joined_key`.
    """
    return hashlib.blake2b(joined.encode(), key=secret, digest_size=16).hexdigest()


def joined_key(texts: Sequence[str | None]) -> str:
    """The texts of a key as one, without spaces around them."""
    return _JOINT.join(_NULL if text is None else text.strip() for text in texts)


def erase_history(table: LakeTable) -> int:
    """Remove all versions of a table before its newest data: their files, log entries and checkpoints.

    The caller holds the lake's lease. A repeated call completes one that was interrupted.

    Returns:
        The oldest version that is left.
    """
    kept = table.data_version()
    if _unnamed(table, kept):
        keep_log(table)
        vacuum(table, range(kept, table.version() + 1), dry_run=False)
    trim_log(table, kept, least=1)
    return kept


def set_aside(lake: Lake) -> Path | None:
    """The folder with damaged files that a repair moved aside, which nobody can search; None if there is none."""
    folder = lake.root / DAMAGED
    return folder if folder.is_dir() and any(folder.iterdir()) else None


def _unnamed(table: LakeTable, kept: int) -> list[Path]:
    """The files of a table that no version from ``kept`` on has."""
    return [file for file in vacuum(table, range(kept, table.version() + 1), dry_run=True) if file.is_file()]


def _file(lake: Lake, erasure: Erasure) -> Path:
    return lake.root / _FOLDER / f"{erasure.id}.json"
