"""Warnings about batches: files whose rows may come twice, and batches of the dataset under another source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.formatting import counted
from vertebra.lake.batches import batches
from vertebra.lake.effective_batches import scope_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.lake.batches import Batch

_SHOWN: Final = 3


def copy_warnings(dataset: Dataset, counting: Sequence[Batch], new: Collection[int]) -> tuple[str, ...]:
    """Warnings about files that count twice: with the bytes of another one, or as they were and as they are.

    Args:
        counting: the batches that count, oldest first.
        new: the numbers of those to warn about.
    """
    if dataset.load == "upsert":  # rows of equal keys come once
        return ()
    found = [*_copies(dataset.name, counting, set(new))]
    if dataset.load == "append" and dataset.collect.identified_by_url:
        found += _changed(dataset.name, counting, set(new))
    more = len(found) - _SHOWN
    return (*found[:_SHOWN], *([f"{more:,} more batches count besides an earlier one like them"] if more > 0 else []))


def source_warnings(landing: Path, dataset: Dataset) -> tuple[str, ...]:
    """Warnings about batches of the dataset that landed under another source, and do not count.

    Args:
        landing: the landing zone's folder.
    """
    found = []
    for folder in sorted(landing.glob(f"*/{dataset.name}")):
        if folder.parent.name == dataset.source:
            continue
        kept = [one for one in batches(landing, folder.parent.name, dataset.name) if one.receipt.freed_at is None]
        if kept:
            found.append(
                f"{counted(len(kept), 'batch', 'batches')} of {dataset.name} landed under the source "
                f"{folder.parent.name}, which do not count; next: if it is the same source, write source: "
                f"{folder.parent.name} in {dataset.declared_in}"
            )
    return tuple(found)


def _copies(name: str, counting: Sequence[Batch], new: Collection[int]) -> Iterator[str]:
    first: dict[tuple[str | None, ...], Batch] = {}
    for batch in counting:
        receipt = batch.receipt
        other = first.setdefault((receipt.sha256, *scope_of(receipt), receipt.cursor), batch)
        if receipt.url != other.receipt.url and receipt.records and {batch.number, other.number} & {*new}:
            yield (
                f"batch {batch.number} ({receipt.url}) has the bytes of batch {other.number} ({other.receipt.url}), "
                f"and the rows of both count; next: if it is a copy, vertebra retract {name} {batch.number} --reason …"
            )


def _changed(name: str, counting: Sequence[Batch], new: Collection[int]) -> Iterator[str]:
    last: dict[str, Batch] = {}
    for batch in counting:
        before = last.get(batch.receipt.url)
        last[batch.receipt.url] = batch
        if before is not None and before.receipt.records and batch.number in new:
            yield (
                f"batch {batch.number} has {batch.receipt.url} again, which has changed since batch {before.number}, "
                "and the rows of both count; next: for files that grow or are corrected, declare load: snapshot or "
                f"upsert; or vertebra retract {name} {before.number} --reason …"
            )
