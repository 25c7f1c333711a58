"""What is checked of a payload before it becomes a batch: whether it is new, and whether it can be what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vertebra.errors import CollectError
from vertebra.formatting import counted, shortened
from vertebra.governance.drift import sources_in
from vertebra.governance.renames import renamed_advice
from vertebra.lake.batches import newest_cursor
from vertebra.landing.parsing.column_origins import declared_origins
from vertebra.landing.payload_files import file_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.dataset import Dataset
    from vertebra.lake.batches import Batch
    from vertebra.landing.port import Payload
    from vertebra.landing.records import RecordsSummary


@dataclass(frozen=True)
class LandedPayloads:
    """The payloads of a dataset that are landed.

    Attributes:
        batches: oldest first.
    """

    dataset: Dataset
    batches: Sequence[Batch]

    def have(self, kind: Literal["sha256", "content"], hashed: str, payload: Payload, url: str) -> bool:
        """Whether this content is landed already, so that it is not landed again.

        A payload with a new cursor is always new, even if its bytes are not. With ``load: append`` a payload is
        compared with all earlier batches; otherwise only with the newest one, because a source that returns to an
        earlier state has changed. Equal content in two periods, two parts of a source, or two files makes two batches.

        Args:
            kind: the hash of receipts to compare with.
            hashed: that of the payload.
            url: its address, without credentials.
        """
        if payload.cursor is not None and payload.cursor != newest_cursor([one.receipt for one in self.batches]):
            return False
        if not any(getattr(batch.receipt, kind) == hashed for batch in self.batches):
            return False
        place = (payload.period, payload.part)
        receipts = [batch.receipt for batch in self.batches if (batch.receipt.period, batch.receipt.part) == place]
        if self.dataset.load == "append":
            if self.dataset.collect.identified_by_url or declared_origins(self.dataset):
                receipts = [batch.receipt for batch in self.batches if batch.receipt.url == url]
            return any(getattr(receipt, kind) == hashed for receipt in receipts)
        of_it = (receipt for receipt in reversed(receipts) if receipt.url == url or place != (None, None))
        last = next(of_it, None)
        return last is not None and getattr(last, kind) == hashed


def _other_columns(dataset: Dataset, declared: Sequence[str], names: Sequence[str]) -> str:
    """What to do about a payload without any declared column."""
    if names[0].lower().startswith("sep="):
        return "the first line names the delimiter for spreadsheet programs: declare parse: {skip: 1}"
    otherwise = "look at the payload, which is kept aside; if it is data, correct columns: or parse:"
    return renamed_advice(dataset, declared, names) or otherwise


def check_records(
    dataset: Dataset, payload: Payload, summary: RecordsSummary, url: str, known: Sequence[Batch]
) -> None:
    """Refuse a payload that contradicts its source or its declaration, or is suddenly empty.

    Args:
        summary: of its records.
        url: its address, without credentials.
        known: the batches landed so far, oldest first.

    Raises:
        CollectError: the payload cannot be what it says.
    """
    if payload.expected_records is not None and summary.records != payload.expected_records:
        raise CollectError(
            f"{file_name(url)} has {counted(summary.records, 'record')}, "
            f"its source reports {payload.expected_records:,}",
            cause="the answer was cut off, or its pages do not fit together",
            remedy="collect again; if it happens again, ask the source",
        )
    total = summary.text.get("total")
    if total is not None and summary.records < total:
        raise CollectError(
            f"{file_name(url)} has {counted(summary.records, 'record')}, and says itself that there are {total:,}",
            cause="it is one page of an answer of a CKAN portal, not all of them",
            remedy="collect the resource itself: collect: {from: ckan, portal: URL, resource: ID}",
        )
    declared = sources_in(dataset, summary.columns, summary.text.get("renamed"))
    names = [*summary.columns, *summary.text.get("nested", ())]
    origins = {one.name for one in declared_origins(dataset)}
    declared = {name: source for name, source in declared.items() if dataset.columns[name].origin is None}
    names = [name for name in names if name not in origins]
    if declared and summary.columns and names and not any(declared.values()):
        raise CollectError(
            f"{file_name(url)} has none of the declared columns",
            cause=f"its columns are {shortened([repr(name[:60]) for name in names], 12)}",
            remedy=_other_columns(dataset, list(declared), names),
        )
    if summary.records or dataset.collect.empty != "refuse":
        return
    before = next((b.receipt for b in reversed(known) if b.receipt.url == url or payload.period), None)
    if before is not None and before.records:
        raise CollectError(
            f"{file_name(url)} has no records; the batch before had {before.records:,}",
            cause="sources answer without records when they are being reloaded",
            remedy="collect again later; if it is right, write collect: {empty: accept}",
        )
