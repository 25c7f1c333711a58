"""Collecting a dataset: ask its source for what is new, and land it batch by batch."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.errors import CollectError
from vertebra.governance.context import Progress, silent
from vertebra.lake.batches import Batch, batches
from vertebra.lake.table import Commit
from vertebra.landing.collectors import COLLECTORS
from vertebra.landing.deposit import INCOMING, Deposit, Refusal, RefusedPayloadError
from vertebra.landing.port import Collector, Request, Unchanged
from vertebra.landing.records import parse_declaration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake

SCHEMES: Final = frozenset({"file"})
"""URL schemes that ``from: files`` may read unless the project allows more."""


@dataclass(frozen=True)
class CollectOutcome:
    """What a collection did.

    Attributes:
        new: the batches it landed, oldest first.
        unchanged: payloads whose bytes were landed before.
        refused: payloads that were refused and kept aside.
        reparsed: earlier batches whose records were made again, as the declaration of how to parse them has changed.
    """

    new: tuple[Batch, ...]
    unchanged: int
    refused: tuple[Refusal, ...] = ()
    reparsed: int = 0

    @property
    def records(self) -> int:
        """Records in the new batches."""
        return sum(batch.receipt.records for batch in self.new)


class PayloadsRefusedError(CollectError):
    """Some payloads of a collection were refused; the others are landed.

    Attributes:
        outcome: what the collection did.
    """

    def __init__(self, dataset: str, outcome: CollectOutcome) -> None:
        self.outcome = outcome
        first = outcome.refused[0]
        others = len(outcome.refused) - 1
        also = f" (and {others} more)" if others else ""
        kept = f"; refused payloads are kept, each with its reason, in {first.folder.parent}"
        super().__init__(
            f"{first.error.fact}{also}",
            cause=first.error.cause,
            remedy=first.error.remedy + kept,
            where=f"dataset {dataset}",
        )


def collect(
    dataset: Dataset,
    project_root: Path,
    lake: Lake,
    ledgers: Ledgers,
    run_id: str,
    now: datetime,
    progress: Progress = silent,
    *,
    collectors: Mapping[str, Collector] = COLLECTORS,
    schemes: Collection[str] = SCHEMES,
) -> CollectOutcome:
    """Land what is new at a dataset's source. The caller holds the lake's lease.

    Batches whose records were made under another ``parse`` declaration are parsed again first, so that all records of
    a dataset are read the same way.

    Args:
        project_root: folder that relative paths start from.
        run_id: the run that collects.
        now: the run's start, UTC.
        collectors: the collector of each kind of source.
        schemes: URL schemes the project allows.

    Raises:
        PayloadsRefusedError: some payloads were refused; all others are landed and recorded.
        CollectError: the source cannot be read, an earlier batch cannot be parsed as declared now, or the landing zone
            cannot be written. Batches landed before stay.
    """
    collector = collectors[dataset.collect.kind]
    home = lake.landing / dataset.source / dataset.name
    home.mkdir(parents=True, exist_ok=True)
    deposit = Deposit(dataset, home, run_id, now, collector.version)
    deposit.sweep()
    known, reparsed = _parsed_as_declared(batches(lake.landing, dataset.source, dataset.name), deposit, progress)
    earlier = len(known)
    unchanged, refused = 0, []
    try:
        with _staging(home) as staging:
            receipts = [batch.receipt for batch in known]
            request = Request(dataset, project_root, receipts, staging, now, schemes, progress)
            for item in collector.collect(request):
                if isinstance(item, Unchanged):
                    unchanged += 1
                    continue
                progress(f"landing {item.url}")
                try:
                    batch = deposit.land(item, known, staging)
                except RefusedPayloadError as error:
                    refused.append(error.refusal)
                    continue
                if batch is None:
                    unchanged += 1
                else:
                    known.append(batch)
                    receipts.append(batch.receipt)
    finally:
        _record(dataset, known, ledgers, run_id)
    outcome = CollectOutcome(tuple(known[earlier:]), unchanged, tuple(refused), reparsed)
    if refused:
        raise PayloadsRefusedError(dataset.name, outcome)
    return outcome


def reparse(batch: Batch, dataset: Dataset, run_id: str, now: datetime) -> Batch:
    """Make a batch's records again from its payload, as the dataset is declared now.

    Raises:
        CollectError: the payload cannot be parsed as declared now; the batch stays as it was.
    """
    return Deposit(dataset, batch.folder.parent, run_id, now, batch.receipt.collector).reparse(batch)


def _parsed_as_declared(known: list[Batch], deposit: Deposit, progress: Progress) -> tuple[list[Batch], int]:
    declared = parse_declaration(deposit.dataset)
    result, reparsed = [], 0
    for batch in known:
        if batch.receipt.parse == declared:
            result.append(batch)
            continue
        progress(f"parsing batch {batch.number} again, as declared now")
        result.append(deposit.reparse(batch))
        reparsed += 1
    return result, reparsed


@contextmanager
def _staging(home: Path) -> Iterator[Path]:
    folder = home / f"{INCOMING}staging"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _record(dataset: Dataset, known: list[Batch], ledgers: Ledgers, run_id: str) -> None:
    """Add to the ledger what it lacks: new batches, and those of a collection that died before it got here."""
    recorded = _recorded(dataset, ledgers)
    missing = [batch for batch in known if batch.number not in recorded]
    if not missing:
        return
    rows = [
        {
            "run_id": run_id,
            "source": dataset.source,
            "dataset": dataset.name,
            "batch": batch.number,
            "collected_at": batch.receipt.collected_at,
            "period": batch.receipt.period,
            "url": batch.receipt.url,
            "sha256": batch.receipt.sha256,
            "bytes": batch.receipt.bytes,
            "records": batch.receipt.records,
            "columns": list(batch.receipt.columns),
            "collector": batch.receipt.collector,
        }
        for batch in missing
    ]
    ledgers.append("batches", rows, Commit(run_id=run_id, step=f"landing.{dataset.name}", fingerprint=""))


def _recorded(dataset: Dataset, ledgers: Ledgers) -> set[int]:
    import pyarrow.compute as pc

    table = ledgers.table("batches")
    if not table.exists():
        return set()
    mine = (pc.field("source") == dataset.source) & (pc.field("dataset") == dataset.name)
    return set(table.arrow().to_table(columns=["batch"], filter=mine).column("batch").to_pylist())
