"""Files of equal bytes under several names, of which each counts: they may be copies, whose rows come twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.lake.effective_batches import scope_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vertebra.declare.dataset import Dataset
    from vertebra.lake.batches import Batch

_SHOWN: Final = 3


def copy_warnings(dataset: Dataset, counting: Sequence[Batch], new: Collection[int]) -> tuple[str, ...]:
    """Warnings about batches with records and with the bytes of another one that counts, under another name.

    Args:
        counting: the batches that count, oldest first.
        new: the numbers of those to warn about.
    """
    if dataset.load == "upsert":  # rows of equal keys come once
        return ()
    first: dict[tuple[str | None, ...], Batch] = {}
    pairs = []
    for batch in counting:
        receipt = batch.receipt
        other = first.setdefault((receipt.sha256, *scope_of(receipt), receipt.cursor), batch)
        if other is not batch and receipt.records and receipt.url != other.receipt.url:
            pairs += [(batch, other)] if {batch.number, other.number} & set(new) else []
    found = [_warning(dataset.name, batch, other) for batch, other in pairs[:_SHOWN]]
    more = len(pairs) - len(found)
    return (*found, *([f"{more:,} more batches have the bytes of an earlier one, and count"] if more else []))


def _warning(name: str, batch: Batch, other: Batch) -> str:
    return (
        f"batch {batch.number} ({batch.receipt.url}) has the bytes of batch {other.number} ({other.receipt.url}), and "
        f"the rows of both count; next: if it is a copy, vertebra retract {name} {batch.number} --reason …"
    )
