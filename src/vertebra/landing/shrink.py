"""``shrink:`` of a dataset: refuses a snapshot with far fewer rows than the one in force, before it replaces it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.declare.quantity import parse_percentage
from vertebra.errors import CollectError
from vertebra.formatting import counted, shortened
from vertebra.lake.effective_batches import counting_batches, snapshots_in_force
from vertebra.landing.payload_files import file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.accepted_shrinks import AcceptedShrink
    from vertebra.lake.batches import Batch


@dataclass(frozen=True)
class Shrink:
    """A snapshot that is smaller than what it would replace.

    Attributes:
        replaces: number of the newest batch that it would replace.
        records: number of its records.
        before: number of records of all batches that it would replace.
    """

    replaces: int
    records: int
    before: int


class ShrunkSnapshotError(CollectError):
    """A snapshot has fewer rows than the one in force, by more than ``shrink:`` allows.

    Attributes:
        shrink: the numbers of rows.
    """

    def __init__(self, shrink: Shrink, dataset: Dataset, url: str, replaced: Sequence[Batch]) -> None:
        self.shrink = shrink
        fewer = 100 * (shrink.before - shrink.records) / shrink.before
        numbers = [str(batch.number) for batch in replaced]
        which = f"batch {numbers[0]}" if len(numbers) == 1 else f"batches {shortened(numbers)} together"
        super().__init__(
            f"{file_name(url)} has {counted(shrink.records, 'record')}, {fewer:.3g} % fewer than the "
            f"{shrink.before:,} of {which}",
            cause=f"{dataset.name} declares `shrink: {dataset.shrink}`; {which} "
            f"{'stays' if len(numbers) == 1 else 'stay'} in force",
            remedy="collect again when the source is complete; if the rows are gone at the source: "
            f"vertebra collect {dataset.name} --accept-shrink",
        )


@dataclass(frozen=True)
class ShrinkGuard:
    """Compares a new snapshot with what it would replace.

    Attributes:
        dataset: it declares ``shrink:``.
        retracted: reads the numbers of retracted batches.
        accepted: reads the snapshots that people accepted.
    """

    dataset: Dataset
    retracted: Callable[[], Collection[int]]
    accepted: Callable[[], Sequence[AcceptedShrink]]

    def check(self, candidate: Batch, known: Sequence[Batch]) -> None:
        """Refuse a snapshot that is too small.

        Args:
            candidate: the batch that the snapshot would be.
            known: the batches landed so far, oldest first.

        Raises:
            ShrunkSnapshotError: it is smaller than declared, and nobody accepted it.
        """
        retracted = self.retracted()
        after = {batch.number for batch in in_force(self.dataset, [*known, candidate], retracted)}
        replaced = [batch for batch in in_force(self.dataset, known, retracted) if batch.number not in after]
        before, records = sum(batch.receipt.records for batch in replaced), candidate.receipt.records
        allowed = parse_percentage(str(self.dataset.shrink))
        if (before - records) * 100 <= before * allowed:
            return
        shrink = Shrink(max(batch.number for batch in replaced), records, before)
        if not any(one.covers(shrink.replaces, candidate.receipt) for one in self.accepted()):
            raise ShrunkSnapshotError(shrink, self.dataset, candidate.receipt.url, replaced)


def in_force(dataset: Dataset, landed: Sequence[Batch], retracted: Collection[int]) -> list[Batch]:
    """The snapshots of a dataset that say which rows there are, oldest first.

    Args:
        landed: all batches, oldest first.
        retracted: the numbers of retracted batches.
    """
    counting = counting_batches(dataset, landed, retracted)
    if dataset.load == "snapshot":
        return counting
    newest = set(snapshots_in_force(counting, dataset.version).values())
    return [batch for batch in counting if batch.number in newest]
