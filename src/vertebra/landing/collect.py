"""Collecting a dataset: ask its source for what is new, and land it batch by batch."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from vertebra.declare.collect import COLLECTORS
from vertebra.declare.redaction import Redaction
from vertebra.errors import CollectError
from vertebra.governance.context import Progress, silent
from vertebra.governance.drift import ColumnDrift, record_drift, schema_rows
from vertebra.lake.batches import Batch, batches
from vertebra.lake.table import Commit
from vertebra.landing.batch_writer import STAGING, BatchWriter, UnparsableBatchError, UnreadablePayloadError
from vertebra.landing.port import (
    Collector,
    LeftAlone,
    NotYet,
    Refused,
    Request,
    Transfer,
    Unchanged,
    Window,
    unwatched,
)
from vertebra.landing.records import parse_declaration
from vertebra.landing.refused_payloads import RefusedPayload, RefusedPayloadError
from vertebra.landing.web.errors import RefusedAnswerError
from vertebra.landing.web.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.batches import Receipt
    from vertebra.lake.catalog import Lake
    from vertebra.landing.port import Item

SCHEMES: Final = frozenset({"file"})
"""URL schemes that ``from: files`` may read unless the project allows more."""


@dataclass(frozen=True)
class CollectOutcome:
    """What a collection did.

    Attributes:
        new: the batches it landed, oldest first.
        unchanged: payloads whose bytes were landed before.
        refused: payloads that were refused and kept aside.
        unparsable: earlier batches that cannot be parsed as declared now, and stay as they were parsed before.
        reparsed: earlier batches whose records were made again, as the declaration of how to parse them has changed.
        not_yet: periods that are due and not published yet.
        not_asked: addresses that were not asked, as the source answered wrongly again and again.
        drift: how columns differ since one of the batches that were landed or parsed again.
    """

    new: tuple[Batch, ...]
    unchanged: int
    refused: tuple[RefusedPayload, ...] = ()
    unparsable: tuple[UnparsableBatchError, ...] = ()
    reparsed: int = 0
    not_yet: tuple[str, ...] = ()
    not_asked: int = 0
    drift: tuple[ColumnDrift, ...] = ()

    @property
    def records(self) -> int:
        """Records in the new batches."""
        return sum(batch.receipt.records for batch in self.new)


class PayloadsRefusedError(CollectError):
    """Some payloads were refused, those of a collection or of earlier batches; the others are landed.

    Attributes:
        outcome: what the collection did.
    """

    def __init__(self, dataset: str, outcome: CollectOutcome) -> None:
        self.outcome = outcome
        errors = [*(refusal.error for refusal in outcome.refused), *outcome.unparsable]
        first, others = errors[0], len(errors) - 1
        also = f" (and {others} more)" if others else ""
        if outcome.not_asked:
            also += f"; the source was left alone, {outcome.not_asked:,} more were not asked for"
        remedy = first.remedy
        if outcome.refused:
            remedy += f"; refused payloads are kept, each with its reason, in {outcome.refused[0].folder.parent}"
        if outcome.not_asked:
            remedy += "; the next collection begins with what was not asked for"
        super().__init__(
            f"{first.fact}{also}",
            cause=first.cause,
            remedy=remedy,
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
    collector: Collector | None = None,
    schemes: Collection[str] = SCHEMES,
    secrets: Mapping[str, str] | None = None,
    transferred: Callable[[Transfer], None] = unwatched,
    window: Window | None = None,
    network: Network | None = None,
) -> CollectOutcome:
    """Land what is new at a dataset's source. The caller holds the lake's lease.

    Batches whose records were made under another ``parse`` declaration are parsed again first, so that all records of
    a dataset are read the same way.

    Args:
        project_root: folder that relative paths start from.
        run_id: the run that collects.
        now: the run's start, UTC.
        collector: the collector to use in place of the declared one.
        schemes: URL schemes the project allows.
        secrets: values of environment variables that the declaration refers to, by name; what is recorded or told has
            the references in their place.
        transferred: told of bytes as they come.
        window: the periods to collect; all that are due without one.
        network: how the web is asked.

    Raises:
        PayloadsRefusedError: some payloads were refused, or cannot be parsed as declared now; all others are landed and
            recorded.
        CollectError: the source cannot be read, or the landing zone cannot be written. Batches landed before stay.
    """
    collector = collector or collector_of(dataset)
    home = lake.landing / dataset.source / dataset.name
    home.mkdir(parents=True, exist_ok=True)
    redact = redaction(dataset, secrets or {})
    deposit = BatchWriter(dataset, home, run_id, now, collector.label, redact)
    deposit.sweep()
    known = batches(lake.landing, dataset.source, dataset.name)
    tally = _Tally(len(known))
    with _staging(home) as (staging, died):
        try:
            _parse_as_declared(known, deposit, progress, tally)
            request = Request(
                dataset,
                project_root,
                receipts := [batch.receipt for batch in known],
                staging,
                now,
                schemes,
                lambda message: progress(redact(message)),
                transferred,
                window,
                network or Network(),
                deposit.left_off(),
                redact,
            )
            for item in _items(collector, request, redact):
                _take(item, deposit, known, receipts, tally, request)
        finally:
            # The ledger grows with every collection of every dataset: it is read only where it may lack something.
            if died or len(known) > tally.earlier:
                _record(dataset, known, ledgers, run_id)
            # Which batches a collection that died has parsed again is not known.
            again = {batch.number for batch in known} if died else tally.reparsed
            if again or len(known) > tally.earlier:
                tally.drift = _record_columns(dataset, known, again, ledgers, run_id)
    outcome = tally.outcome(known)
    if outcome.refused or outcome.unparsable:
        raise PayloadsRefusedError(dataset.name, outcome)
    return outcome


@dataclass
class _Tally:
    """What a collection has done so far."""

    earlier: int
    reparsed: set[int] = field(default_factory=set)
    unchanged: int = 0
    refused: list[RefusedPayload] = field(default_factory=list)
    unparsable: list[UnparsableBatchError] = field(default_factory=list)
    not_yet: list[str] = field(default_factory=list)
    not_asked: int = 0
    drift: tuple[ColumnDrift, ...] = ()

    def outcome(self, known: list[Batch]) -> CollectOutcome:
        return CollectOutcome(
            tuple(known[self.earlier :]),
            self.unchanged,
            tuple(self.refused),
            tuple(self.unparsable),
            len(self.reparsed),
            tuple(self.not_yet),
            self.not_asked,
            self.drift,
        )


def _take(
    item: Item, deposit: BatchWriter, known: list[Batch], receipts: list[Receipt], tally: _Tally, request: Request
) -> None:
    """Land what a collector gives, or keep it aside."""
    match item:
        case Unchanged():
            tally.unchanged += 1
        case Refused():
            tally.refused.append(deposit.keep_aside(item))
        case NotYet():
            tally.not_yet.append(item.period)
            request.progress(f"{item.period} is not published yet: {item.url}")
        case LeftAlone():
            tally.not_asked = item.not_asked
            deposit.leave_off(item)
            request.progress(f"the source is left alone; {item.not_asked:,} addresses are not asked")
        case _:
            request.progress(f"landing {item.url}")
            try:
                batch = deposit.land(item, known, request.staging)
            except RefusedPayloadError as error:
                tally.refused.append(error.refusal)
                return
            except UnreadablePayloadError as error:
                tally.refused.append(deposit.keep_aside(Refused(item.url, error, None, item.period, item.part)))
                return
            if batch is None:
                tally.unchanged += 1
            else:
                known.append(batch)
                receipts.append(batch.receipt)


def _items(collector: Collector, request: Request, redact: Callable[[str], str]) -> Iterator[Item]:
    """What a collector gives, its errors in the form that is shown: with a place, without secrets."""
    where = f"dataset {request.dataset.name}"
    given = iter(collector.collect(request))
    while True:
        try:
            item = next(given, None)
        except RefusedAnswerError as error:
            item = Refused(error.url, error, error.file)
        except CollectError as error:
            fact, cause, remedy = (redact(text) for text in (error.fact, error.cause, error.remedy))
            raise CollectError(fact, cause=cause, remedy=remedy, where=error.where or where) from None
        except OSError as error:
            raise CollectError(
                f"what {request.dataset.name} downloads could not be written",
                cause=redact(f"{error.strerror or error} ({error.filename or request.staging})"),
                remedy=f"make room or correct permissions, then: vertebra collect {request.dataset.name}",
                where=where,
            ) from error
        if item is None:
            return
        yield item


def collector_of(dataset: Dataset) -> Collector:
    """The collector that ``from:`` names."""
    return cast("Collector", COLLECTORS[dataset.collect.kind])


def redaction(dataset: Dataset, secrets: Mapping[str, str]) -> Redaction:
    """Takes out the values of secrets: those of the project's references, and those of the declaration."""
    return Redaction(secrets, dataset.collect.secrets())


def reparse(batch: Batch, dataset: Dataset, run_id: str, now: datetime) -> Batch:
    """Make a batch's records again from its payload, as the dataset is declared now.

    Raises:
        CollectError: the payload cannot be parsed as declared now; the batch stays as it was.
    """
    return BatchWriter(dataset, batch.folder.parent, run_id, now, batch.receipt.collector).reparse(batch)


def _parse_as_declared(known: list[Batch], deposit: BatchWriter, progress: Progress, tally: _Tally) -> None:
    """Parse batches again, in place, that were parsed under another declaration; one that does not fit it stays."""
    declared = parse_declaration(deposit.dataset)
    for place, batch in enumerate(known):
        if batch.receipt.parse == declared:
            continue
        progress(f"parsing batch {batch.number} again, as declared now")
        try:
            known[place] = deposit.reparse(batch)
            tally.reparsed.add(batch.number)
        except UnparsableBatchError as error:
            tally.unparsable.append(error)


@contextmanager
def _staging(home: Path) -> Iterator[tuple[Path, bool]]:
    """An empty folder for downloads, and whether the last collection died before its batches were in the ledger.

    The folder is what tells: it is removed once they are.
    """
    folder = home / STAGING
    died = folder.exists()
    folder.mkdir(exist_ok=True)
    _empty(folder)
    try:
        yield folder, died
    except CollectError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException:
        _empty(folder)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    for leftover in folder.iterdir():
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _record(dataset: Dataset, known: list[Batch], ledgers: Ledgers, run_id: str) -> None:
    """Add to the ledger what it lacks: new batches, and those of a collection that died before it got here."""
    recorded = _recorded(dataset, ledgers, "batches")
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


def _record_columns(
    dataset: Dataset, known: list[Batch], again: Collection[int], ledgers: Ledgers, run_id: str
) -> tuple[ColumnDrift, ...]:
    """Write down the columns of batches that are new or were parsed again. Returns the drift that begins with one."""
    recorded = _recorded(dataset, ledgers, "schemas")
    parsed = [batch for batch in known if batch.number not in recorded or batch.number in again]
    commit = Commit(run_id=run_id, step=f"landing.{dataset.name}", fingerprint="")
    ledgers.append("schemas", schema_rows(dataset, parsed, run_id), commit)
    numbers = {batch.number for batch in parsed}
    return tuple(one for one in record_drift(dataset, known, ledgers, commit) if one.first_batch in numbers)


def _recorded(dataset: Dataset, ledgers: Ledgers, ledger: str) -> set[int]:
    import pyarrow.compute as pc

    table = ledgers.table(ledger)
    if not table.exists():
        return set()
    mine = (pc.field("source") == dataset.source) & (pc.field("dataset") == dataset.name)
    return set(table.arrow().to_table(columns=["batch"], filter=mine).column("batch").to_pylist())
