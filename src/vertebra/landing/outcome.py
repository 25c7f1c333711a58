"""The result of a collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.errors import CollectError
from vertebra.formatting import counted

if TYPE_CHECKING:
    from vertebra.governance.drift import ColumnDrift
    from vertebra.lake.batches import Batch
    from vertebra.landing.parse_again import UnparsableBatchError
    from vertebra.landing.port import Warned
    from vertebra.landing.refused_payloads import RefusedPayload


@dataclass(frozen=True)
class CollectOutcome:
    """The result of a collection.

    Attributes:
        new: the batches it landed, oldest first, after those that an interrupted collection landed and did not record.
        unchanged: number of payloads that were landed before.
        refused: payloads that were refused and kept aside.
        unparsable: earlier batches that are damaged, so that they cannot be parsed again; their records stay.
        reparsed: number of earlier batches that were parsed again, because the declaration of ``parse:`` has changed.
        not_published: periods that are due and that the source has not published yet.
        not_asked: number of addresses that were not asked, because the source failed again and again.
        drift: how the columns of batches that were landed or parsed again differ from those before.
        warnings: what a person should know about the source.
    """

    new: tuple[Batch, ...]
    unchanged: int
    refused: tuple[RefusedPayload, ...] = ()
    unparsable: tuple[UnparsableBatchError, ...] = ()
    reparsed: int = 0
    not_published: tuple[str, ...] = ()
    not_asked: int = 0
    drift: tuple[ColumnDrift, ...] = ()
    warnings: tuple[Warned, ...] = ()

    @property
    def records(self) -> int:
        """Number of records in the new batches."""
        return sum(batch.receipt.records for batch in self.new)


class PayloadsRefusedError(CollectError):
    """Some payloads, new ones or those of earlier batches, were refused; the others are landed.

    Attributes:
        outcome: the result of the collection.
    """

    def __init__(self, dataset: str, outcome: CollectOutcome) -> None:
        self.outcome = outcome
        errors = [*(refusal.error for refusal in outcome.refused), *outcome.unparsable]
        first, others = errors[0], len(errors) - 1
        also = f" (and {others} more)" if others else ""
        if outcome.not_asked:
            also += f"; then the collection stopped, with {counted(outcome.not_asked, 'address', 'addresses')} left"
        remedy = first.remedy
        if outcome.refused:
            remedy += f"; refused payloads are kept with the reason in {outcome.refused[0].folder.parent}"
        if outcome.not_asked:
            remedy += "; the next collection begins with them"
        super().__init__(
            f"{first.fact}{also}",
            cause=first.cause,
            remedy=remedy,
            where=f"dataset {dataset}",
        )
