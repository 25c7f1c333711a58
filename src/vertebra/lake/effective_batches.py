"""Which batches of a dataset count, and in which order the records of an upserted dataset replace each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from vertebra.lake.batches import Batch, Receipt

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset

MODIFIED: Final = "modified"
"""The header of a receipt with the time at which the file was modified, ISO 8601."""


def counting_batches(dataset: Dataset, landed: Sequence[Batch], retracted: Collection[int] = ()) -> list[Batch]:
    """The batches of a dataset whose records count, as it is declared; see :func:`effective_batches`."""
    whole = dataset.deleted.by == "snapshot"
    named = any(column.origins(name) for name, column in dataset.columns.items())
    return effective_batches(landed, dataset.load, retracted, dataset.version, whole=whole, named=named)


def effective_batches(
    landed: Sequence[Batch],
    load: str,
    retracted: Collection[int] = (),
    version: str | None = None,
    *,
    whole: bool = False,
    named: bool = False,
) -> list[Batch]:
    """The batches whose records count, oldest first.

    Retracted batches never count. Of a snapshot, the newest batch of each period and part counts. For ``append``, a
    file of equal bytes counts once, whatever the load mode was when it landed, and two files are two files. For
    ``upsert``, bytes that are sent again under another address change nothing; an address that returns to earlier bytes
    has changed.

    Args:
        landed: all batches, oldest first.
        load: the load mode of the dataset.
        retracted: the numbers of retracted batches.
        version: what the dataset declares as the version of a record. If it is a property of the file, batches are
            compared in its order, otherwise in that of their collection.
        whole: whether each batch is a whole snapshot: then one that returns to earlier bytes counts, whatever its
            address, because the source has returned to an earlier state.
        named: whether values of columns are not in the bytes, but e.g. in the file's name: equal bytes with other
            values are other records.
    """
    kept = [batch for batch in landed if batch.number not in retracted and batch.receipt.freed_at is None]
    if load == "snapshot":
        return snapshot_batches(kept)
    if version is not None and not whole:  # of files of equal bytes the same one counts, in whatever order they came
        kept.sort(key=lambda one: (one.receipt.url, one.number))
    order = FILE_VERSIONS.get(version or "")
    seen: set[tuple[str | None, ...]] = set()
    latest: dict[Any, str] = {}
    found = []
    for batch in sorted(kept, key=lambda one: order(one.receipt)) if order else kept:
        receipt = batch.receipt
        address = receipt.url if load == "append" else _values_of(receipt) if named else None
        content = (receipt.sha256, *scope_of(receipt), receipt.cursor, address)
        place = scope_of(receipt) if whole else receipt.url
        returned = load == "upsert" and latest.get(place, receipt.sha256) != receipt.sha256
        if content not in seen or returned:
            found.append(batch)
        seen.add(content)
        latest[place] = receipt.sha256
    return sorted(found, key=lambda batch: batch.number)


def snapshots_in_force(counting: Sequence[Batch], version: str | None) -> dict[int, int]:
    """Of batches that are whole snapshots, the number of the one in force, for each batch that counts.

    A batch is a snapshot of its period and its part of the source, if it has them.

    Args:
        counting: the batches that count.
        version: as for :func:`effective_batches`; a column does not order batches.
    """
    order = FILE_VERSIONS.get(version or "")
    newest: dict[tuple[str | None, str | None], int] = {}
    for batch in sorted(counting, key=lambda one: order(one.receipt)) if order else counting:
        newest[scope_of(batch.receipt)] = batch.number
    return {batch.number: newest[scope_of(batch.receipt)] for batch in counting}


def _values_of(receipt: Receipt) -> str:
    """The values of columns that are not in the bytes; the address where they are not known yet."""
    found = receipt.text.get("origins")
    return json.dumps(found) if found else receipt.url


def scope_of(receipt: Receipt) -> tuple[str | None, str | None]:
    """The period and the part of the source that a batch is about."""
    # the part of a file is its address, which says nothing about its content
    return receipt.period, None if receipt.part == receipt.url else receipt.part


def snapshot_batches(landed: Sequence[Batch]) -> list[Batch]:
    """The batches of a snapshot that are not replaced by later ones, oldest first.

    They are the newest batch of each period and each part of the source; without periods and parts, the newest of all.
    After a source gains or loses periods or parts, its earlier batches no longer count, and neither do those of another
    format, except those of other periods.
    """
    if not landed:
        return []
    newest = landed[-1].receipt

    def alike(one: Receipt) -> bool:
        divided = (one.period is None, one.part is None) == (newest.period is None, newest.part is None)
        return divided and (one.period is not None or one.parse.get("format") == newest.parse.get("format"))

    last = {(one.receipt.period, one.receipt.part): one for one in landed if alike(one.receipt)}
    return sorted(last.values(), key=lambda batch: batch.number)


def _period(receipt: Receipt) -> str:
    return receipt.period or ""


def _name(receipt: Receipt) -> str:
    return PurePosixPath(urlsplit(receipt.url).path).name


def _time(receipt: Receipt) -> datetime:
    modified = receipt.headers.get(MODIFIED)
    if modified:
        return datetime.fromisoformat(modified).astimezone(UTC)
    sent = next((value for name, value in receipt.headers.items() if name.lower() == "last-modified"), None)
    try:
        return parsedate_to_datetime(sent).astimezone(UTC) if sent else receipt.collected_at
    except ValueError:
        return receipt.collected_at


FILE_VERSIONS: Final[Mapping[str, Callable[[Receipt], Any]]] = {
    "file.period": _period,
    "file.time": _time,
    "file.name": _name,
}
"""What orders the versions of a record by the file it came in, by the names of ``vertebra.declare.dataset``."""


def batch_ranks(batches: Sequence[Batch], version: str, *, named: bool) -> dict[int, int]:
    """The rank of each batch: of two records with one key, that of the batch with the higher rank is newer.

    Args:
        batches: those that count.
        version: what ``version:`` declares. If it is a column, the ranks decide between records of the same version.
        named: whether batches come from files with names of their own. Files that are equal in the declared order are
            ranked by their names, so that the order in which they were collected does not matter; what has one address
            is ranked by its collection.
    """
    order = FILE_VERSIONS.get(version)

    def key(one: Batch) -> tuple[Any, ...]:
        return order(one.receipt) if order else 0, one.receipt.url if named else "", one.number

    return {batch.number: rank for rank, batch in enumerate(sorted(batches, key=key))}
