"""Whether the payload of a batch fits the current declaration, under which it is parsed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.errors import CollectError, LakeError
from vertebra.formatting import shortened
from vertebra.governance.drift import sources_in
from vertebra.lake.batches import Batch, check_payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from vertebra.declare.dataset import Dataset
    from vertebra.landing.records import RecordsSummary

_IF_WRONG: Final = "nothing if the source has changed; if parse: is wrong, correct it"


class UnparsableBatchError(CollectError):
    """The payload of a batch is damaged, so that it cannot be parsed again. Its earlier records are kept."""


class OtherParseError(CollectError):
    """The payload of a batch does not fit the current declaration of ``parse:``. Its earlier records are kept."""


def parsed_again(dataset: Dataset, batch: Batch, parse: Callable[[], RecordsSummary]) -> RecordsSummary:
    """Parse a batch again, and check that it still has the declared columns that it had.

    Args:
        parse: parses its payload as declared now.

    Raises:
        UnparsableBatchError: the payload is damaged.
        OtherParseError: the payload does not fit the declaration.
    """
    where, now = f"dataset {dataset.name}", f"as {dataset.name} is declared now"
    try:
        check_payload(batch)
    except LakeError as error:
        raise UnparsableBatchError(
            f"batch {batch.number} cannot be parsed {now}: {error.fact}",
            cause=error.cause,
            remedy=f"{error.remedy}; until then, the records of the earlier parse are kept",
            where=error.where or where,
        ) from error
    kept = f"batch {batch.number} stays as it was parsed when it landed: "
    try:
        summary = parse()
    except CollectError as error:
        raise OtherParseError(
            f"{kept}{error.fact}", cause=error.cause, remedy=_IF_WRONG, where=error.where or where
        ) from error
    before, after = (sources_in(dataset, one.columns, one.text.get("renamed")) for one in (batch.receipt, summary))
    lost = [name for name, source in before.items() if source is not None and after[name] is None]
    if lost and summary.columns:
        raise OtherParseError(
            f"{kept}parsed {now}, it has no column {shortened(list(map(repr, lost)))}",
            cause=f"its columns would be {shortened(list(map(repr, summary.columns)))}",
            remedy=_IF_WRONG,
            where=where,
        )
    return summary
