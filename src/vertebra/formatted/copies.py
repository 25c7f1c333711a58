"""Files whose rows may come twice: of equal bytes under several names, or changed since an earlier batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.lake.effective_batches import scope_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

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
