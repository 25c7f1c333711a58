"""Verifying a lake: whether payloads, records, current data files and log entries have the bytes that were written."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import pyarrow.parquet as pq

from vertebra.errors import LakeError
from vertebra.lake.batches import Batch, Receipt, damage_of
from vertebra.lake.data_file import recorded_hash, short_or_gone
from vertebra.lake.log import LOG, damaged_entries
from vertebra.lake.log_hashes import changed_files
from vertebra.lake.table import LakeTable
from vertebra.zones import TABLE_ZONES

if TYPE_CHECKING:
    from vertebra.lake.catalog import Lake

_READING: Final = 2
"""Files that are hashed at a time."""

DamageKind = Literal["payload", "records", "receipt", "log", "data"]


@dataclass(frozen=True)
class Damage:
    """A damaged file of a lake: its bytes are not those that were written.

    Attributes:
        subject: the table, or the dataset as ``landing.<name>``.
        kind: ``payload``, ``records``, ``receipt``, ``log`` (an entry or a checkpoint) or ``data``.
        file: its path; it may be gone.
        fact: the damage, as a clause: ``is empty``.
    """

    subject: str
    kind: DamageKind
    file: Path
    fact: str


@dataclass(frozen=True)
class Verification:
    """The result of a verification.

    Attributes:
        damage: one entry per damaged file, in the order data flows.
        files: number of files checked.
        bytes: their total size.
        unhashed: number of files without a recorded hash, as in lakes of earlier releases; for these, only readability
            was checked.
    """

    damage: tuple[Damage, ...]
    files: int
    bytes: int
    unhashed: int

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damage


@dataclass(frozen=True)
class _Check:
    """A file to check: its hash, or None where it has none."""

    subject: str
    kind: DamageKind
    file: Path
    sha256: str | None
    size: int | None = None
    fact: str = ""

    def damage(self) -> Damage | None:
        fact = self.fact or self._fact()
        return Damage(self.subject, self.kind, self.file, fact) if fact else None

    def _fact(self) -> str:
        if self.sha256 is not None:
            return damage_of(self.file, self.sha256, self.size)
        if not self.file.is_file():
            return "is gone"
        return "" if self.kind in ("receipt", "log") or _is_readable(self.file) else "cannot be read"


def verify(lake: Lake) -> Verification:
    """Check every payload, record file, receipt, log entry and current data file of a lake. Reads all their bytes."""
    with ThreadPoolExecutor(_READING, "verify") as threads:
        checks = [*_landing_checks(lake), *_table_checks(lake)]
        found = list(threads.map(_Check.damage, checks))
    present = [check.file for check in checks if check.file.is_file()]
    return Verification(
        tuple(damage for damage in found if damage is not None),
        len(checks),
        sum(file.stat().st_size for file in present),
        sum(check.sha256 is None and check.kind in ("records", "data") and not check.fact for check in checks),
    )


def landed_folders(lake: Lake) -> list[Path]:
    """The folders of all batches, by source and dataset, oldest first."""
    return sorted(folder for folder in lake.landing.glob("*/*/[0-9]*") if folder.is_dir())


def _landing_checks(lake: Lake) -> Iterator[_Check]:
    for folder in landed_folders(lake):
        subject = f"landing.{folder.parent.name}"
        file = folder / "receipt.json"
        try:
            batch = Batch(folder, Receipt.from_json(file.read_text("utf-8")))
        except FileNotFoundError:
            yield _Check(subject, "receipt", file, None, fact="is gone")
            continue
        except (OSError, ValueError, KeyError, TypeError):
            yield _Check(subject, "receipt", file, None, fact="is damaged")
            continue
        yield _Check(subject, "receipt", file, None)
        if batch.receipt.freed_at is not None:
            continue
        yield _Check(subject, "payload", batch.payload, batch.receipt.stored_sha256, batch.receipt.stored_bytes)
        yield _Check(subject, "records", batch.records, batch.receipt.records_sha256)


def _table_checks(lake: Lake) -> Iterator[_Check]:
    for zone in map(str, TABLE_ZONES):
        folder = lake.root / zone
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if (path / LOG).is_dir():
                yield from _checks_of(LakeTable(f"{zone}.{path.name}", path))


def _checks_of(table: LakeTable) -> Iterator[_Check]:
    log = table.path / LOG
    damaged = changed_files(log) | {entry.file: entry.fact for entry in damaged_entries(log, every=True)}
    for file, fact in damaged.items():
        yield _Check(table.name, "log", file, None, fact=fact)
    if damaged or not table.exists():
        return
    try:
        sizes = table.sizes()
    except LakeError as error:
        yield _Check(table.name, "log", log, None, fact=f"cannot be read: {error.cause}")
        return
    yield from (_Check(table.name, "log", file, None) for file in sorted(log.glob("*.json")))
    odd = short_or_gone(sizes)
    for file in sizes:
        yield _Check(table.name, "data", file, recorded_hash(file), fact=odd.get(file, ""))


def _is_readable(file: Path) -> bool:
    """Whether a Parquet file that has no hash can be read to its end."""
    try:
        with pq.ParquetFile(file) as opened:
            for _ in opened.iter_batches():
                pass
    except Exception:  # pyarrow raises errors of many kinds for damaged bytes
        return False
    return True
