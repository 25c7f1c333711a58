"""Collecting a dataset: request new data from its source, and land it batch by batch."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

from vertebra.declare.collect import COLLECTORS
from vertebra.declare.redaction import Redaction
from vertebra.durable import make_folder
from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.governance.cursor_resets import cursor_reset
from vertebra.governance.drift import ColumnDrift, record_drift, schema_rows
from vertebra.governance.forgotten import left_out_row, tombstones
from vertebra.governance.retractions import BY_SOURCE, Retraction, record_retraction, retractions
from vertebra.governance.schemas import EVENTS
from vertebra.lake.batches import Batch, batches
from vertebra.lake.commit import Commit
from vertebra.lake.effective_batches import counting_batches
from vertebra.landing.batch_writer import STAGING, BatchWriter, UnparsableBatchError, UnreadablePayloadError
from vertebra.landing.parsing.declared import parse_declaration
from vertebra.landing.port import (
    CircuitOpen,
    Collector,
    Listed,
    NotPublished,
    Payload,
    Refused,
    Request,
    Unchanged,
    Warned,
)
from vertebra.landing.refused_payloads import RefusedPayload, RefusedPayloadError
from vertebra.landing.web.errors import RefusedAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.context import Progress
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.batches import Receipt
    from vertebra.landing.context import CollectionContext
    from vertebra.landing.port import Item


@dataclass(frozen=True)
class CollectOutcome:
    """The result of a collection.

    Attributes:
        new: the batches it landed, oldest first, after those that an interrupted collection landed and did not record.
        unchanged: number of payloads that were landed before.
        refused: payloads that were refused and kept aside.
        unparsable: earlier batches that cannot be parsed as declared now; their records stay as they were.
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


def collect(dataset: Dataset, context: CollectionContext, collector: Collector | None = None) -> CollectOutcome:
    """Land what is new at a dataset's source. The caller holds the lake's lease.

    Batches that count and were parsed under another ``parse:`` are parsed again first, so that all records of a dataset
    are read the same way. Batches of another format stay as they were parsed.

    Args:
        collector: the collector to use; the declared one if None.

    Raises:
        PayloadsRefusedError: some payloads were refused, or cannot be parsed as declared now; all others are landed and
            recorded.
        CollectError: the source cannot be read, or the landing zone cannot be written. Batches landed before stay.
    """
    collector = collector or collector_of(dataset)
    home = context.lake.landing / dataset.source / dataset.name
    make_folder(home)
    redact = redaction(dataset, context.secrets)
    writer = BatchWriter(
        dataset,
        home,
        context.run_id,
        context.now,
        collector.label,
        redact,
        forgotten=cache(lambda: tombstones(context.lake, context.ledgers, dataset.name)),
    )
    writer.remove_leftovers()
    known = batches(context.lake.landing, dataset.source, dataset.name)
    with _staging(home) as (staging, interrupted):
        collection = _Collection(
            writer,
            lambda message: context.progress(redact(message)),
            known,
            len(known),
            retracted=cache(lambda: retractions(context.ledgers, dataset.name)),
        )
        try:
            try:
                collection.reparse()
                request = _request(context, collection, staging, redact)
                for item in _items(collector, request, redact):
                    collection.add(item, staging)
            finally:
                writer.complete()
        finally:
            collection.drop_incomplete()
            drift = _record(collection, context.ledgers, context.run_id, interrupted)
            for one in collection.decided:
                record_retraction(context.ledgers, one)
    outcome = collection.outcome(drift)
    if outcome.refused or outcome.unparsable:
        raise PayloadsRefusedError(dataset.name, outcome)
    return outcome


def collector_of(dataset: Dataset) -> Collector:
    """The collector that ``from:`` names."""
    return cast("Collector", COLLECTORS[dataset.collect.kind])


def redaction(dataset: Dataset, secrets: Mapping[str, str]) -> Redaction:
    """Removes the secrets from texts: those of environment variables and those of the declaration."""
    return Redaction(secrets, dataset.collect.secrets())


def reparse(batch: Batch, dataset: Dataset, run_id: str, now: datetime) -> Batch:
    """Parse the payload of a batch again, as the dataset is declared now.

    Raises:
        CollectError: the payload cannot be parsed as declared now; the batch stays as it was.
    """
    return BatchWriter(dataset, batch.folder.parent, run_id, now, batch.receipt.collector).reparse(batch)


def _request(context: CollectionContext, collection: _Collection, staging: Path, redact: Redaction) -> Request:
    dataset, landed = collection.writer.dataset, tuple(collection.receipts)
    return Request(
        dataset=dataset,
        project_root=context.project_root,
        landed=collection.receipts,
        staging=staging,
        now=context.now,
        schemes=context.schemes,
        progress=collection.progress,
        transferred=context.transferred,
        window=context.window,
        network=context.network,
        resume_after=collection.writer.take_resume_point(),
        read_reset=cache(lambda: cursor_reset(context.ledgers, dataset.name, landed)),
        redact=redact,
    )


@dataclass
class _Collection:
    """A collection under way.

    Attributes:
        writer: lands payloads, and keeps refused ones aside.
        progress: called with messages for people.
        known: the dataset's batches, oldest first; grows.
        retracted: reads the retractions in force, by batch.
        earlier: number of batches before the collection.
        receipts: those of the batches, which the collector sees; grows too.
        unrecorded: batches that an interrupted collection landed and did not record; they count as new.
    """

    writer: BatchWriter
    progress: Progress
    known: list[Batch]
    earlier: int
    receipts: list[Receipt] = field(default_factory=list)
    reparsed: set[int] = field(default_factory=set)
    unchanged: int = 0
    refused: list[RefusedPayload] = field(default_factory=list)
    unparsable: list[UnparsableBatchError] = field(default_factory=list)
    not_published: list[str] = field(default_factory=list)
    not_asked: int = 0
    warnings: list[Warned] = field(default_factory=list)
    retracted: Callable[[], Mapping[int, Retraction]] = dict
    decided: list[Retraction] = field(default_factory=list)
    unrecorded: tuple[Batch, ...] = ()

    def reparse(self) -> None:
        """Parse batches again that were parsed under another declaration; one that does not fit it stays as it was.

        A source may change its format. What came in another one is read as it was declared then.
        """
        declared = parse_declaration(self.writer.dataset)
        dataset = self.writer.dataset
        if any(batch.receipt.parse != declared for batch in self.known):
            effective = counting_batches(dataset, self.known, self.retracted())
            counting = {one.number for one in effective}
        for place, batch in enumerate(self.known):
            parse = batch.receipt.parse
            if parse == declared or parse.get("format") != declared["format"] or batch.number not in counting:
                continue
            self.progress(f"parsing batch {batch.number} again, as declared now")
            try:
                self.known[place] = self.writer.reparse(batch)
                self.reparsed.add(batch.number)
            except UnparsableBatchError as error:
                self.unparsable.append(error)
        self.receipts = [batch.receipt for batch in self.known]

    def drop_incomplete(self) -> None:
        """Forget new batches that could not be made durable: they are not landed."""
        self.known[self.earlier :] = [batch for batch in self.known[self.earlier :] if batch.folder.exists()]

    def add(self, item: Item, staging: Path) -> None:
        """Land what a collector gives, or keep it aside.

        Args:
            staging: payloads in this folder are moved; others are copied.
        """
        match item:
            case Unchanged():
                self.unchanged += 1
            case Refused():
                self.refused.append(self.writer.keep_refused(item))
            case NotPublished():
                self.not_published.append(item.period)
                self.progress(f"{item.period} is not published yet: {item.url}")
            case CircuitOpen():
                self.not_asked = item.not_asked
                self.writer.save_resume_point(item)
                self.progress(
                    f"the source fails again and again: {item.not_asked:,} addresses are left for the next collection"
                )
            case Listed():
                self._compare(item)
            case Warned():
                self.warnings.append(item)
            case _:
                self._land(item, staging)

    def _compare(self, listed: Listed) -> None:
        """Retract the batches of what is gone at the source, and restore those of what came back."""
        kind = self.writer.collector.partition("/")[0]
        for batch in self.known:
            url, retraction = batch.receipt.url, self.retracted().get(batch.number)
            same_source = batch.receipt.collector.partition("/")[0] == kind
            if url not in listed.urls and retraction is None and same_source:
                self._decide("retract", batch, f"the source no longer lists {url}")
            elif url in listed.urls and retraction is not None and retraction.decided_by == BY_SOURCE:
                self._decide("restore", batch, f"the source lists {url} again")

    def _decide(self, action: Literal["retract", "restore"], batch: Batch, reason: str) -> None:
        dataset, now = self.writer.dataset, self.writer.now
        self.decided.append(Retraction(now, BY_SOURCE, action, dataset.source, dataset.name, batch.number, reason))
        self.progress(f"batch {batch.number}: {action}, {reason}")

    def outcome(self, drift: tuple[ColumnDrift, ...]) -> CollectOutcome:
        return CollectOutcome(
            (*self.unrecorded, *self.known[self.earlier :]),
            self.unchanged,
            tuple(self.refused),
            tuple(self.unparsable),
            len(self.reparsed),
            tuple(self.not_published),
            self.not_asked,
            drift,
            tuple(self.warnings),
        )

    def _land(self, payload: Payload, staging: Path) -> None:
        self.progress(f"landing {payload.url}")
        try:
            batch = self.writer.land(payload, self.known, staging)
        except RefusedPayloadError as error:
            self.refused.append(error.refusal)
            return
        except UnreadablePayloadError as error:
            refused = Refused(payload.url, error, None, payload.period, payload.part)
            self.refused.append(self.writer.keep_refused(refused))
            return
        if batch is None:
            self.unchanged += 1
        else:
            self.known.append(batch)
            self.receipts.append(batch.receipt)
            if batch.receipt.forgotten:
                self.warnings.append(_left_out(batch))


def _left_out(batch: Batch) -> Warned:
    number = len(batch.receipt.forgotten_records)
    return Warned(
        f"{counted(number, 'record')} of a forgotten key did not land in batch {batch.number}, {batch.receipt.url}",
        "the source still sends what vertebra forget removed",
        "ask the source to delete it, too",
    )


def _items(collector: Collector, request: Request, redact: Redaction) -> Iterator[Item]:
    """The items of a collector. Its errors get the place of the declaration, and secrets are removed from them."""
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
                f"a download of {request.dataset.name} could not be written",
                cause=redact(f"{error.strerror or error} ({error.filename or request.staging})"),
                remedy=f"free disk space or correct permissions, then: vertebra collect {request.dataset.name}",
                where=where,
            ) from error
        if item is None:
            return
        yield item


@contextmanager
def _staging(home: Path) -> Iterator[tuple[Path, bool]]:
    """An empty folder for downloads, and whether the last collection ended before its batches were in the ledger.

    The folder is the evidence: a collection removes it after it has recorded its batches.
    """
    folder = home / STAGING
    interrupted = folder.exists()
    make_folder(folder)  # durable, as the batches will be
    _empty(folder)
    try:
        yield folder, interrupted
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


def _record(collection: _Collection, ledgers: Ledgers, run_id: str, interrupted: bool) -> tuple[ColumnDrift, ...]:
    """Record the new batches, and the columns of those that are new or were parsed again. Returns their drift.

    The ledger grows with every collection of every dataset, so it is read only if it may lack something.

    Args:
        interrupted: whether the last collection ended before it recorded its batches.
    """
    dataset, known = collection.writer.dataset, collection.known
    new = len(known) > collection.earlier
    if interrupted or new:
        missing = _record_batches(dataset, known, ledgers, run_id)
        earlier = {batch.number for batch in known[: collection.earlier]}
        collection.unrecorded = tuple(batch for batch in missing if batch.number in earlier)
    # nobody knows which batches an interrupted collection has parsed again
    again = {batch.number for batch in known} if interrupted else collection.reparsed
    return _record_columns(dataset, known, again, ledgers, run_id) if again or new else ()


def complete_ledgers(
    dataset: Dataset, landed: list[Batch], ledgers: Ledgers, run_id: str, again: Collection[int] = ()
) -> None:
    """Add batches of a dataset that are missing in the ledgers; the caller holds the lake's lease.

    Args:
        again: numbers of batches whose columns are recorded again, because their records changed.
    """
    _record_batches(dataset, landed, ledgers, run_id)
    _record_columns(dataset, landed, again, ledgers, run_id)


def _record_batches(dataset: Dataset, known: list[Batch], ledgers: Ledgers, run_id: str) -> list[Batch]:
    """Add to the ledger the batches it lacks, also those of a collection that was interrupted. Returns them."""
    recorded = {row["batch"] for row in _recorded(dataset, ledgers, "batches", ["batch"])}
    missing = [batch for batch in known if batch.number not in recorded]
    if not missing:
        return []
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
    commit = Commit(run_id=run_id, step=f"landing.{dataset.name}", fingerprint="")
    ledgers.append("batches", rows, commit)
    left_out = [
        left_out_row(dataset.source, dataset.name, batch.number, entry, batch.receipt.collected_at)
        for batch in missing
        for entry in batch.receipt.forgotten
        if entry["at"] == batch.receipt.collected_at.isoformat()
    ]
    ledgers.append("forgotten", left_out, commit)
    return missing


def _record_columns(
    dataset: Dataset, known: list[Batch], again: Collection[int], ledgers: Ledgers, run_id: str
) -> tuple[ColumnDrift, ...]:
    """Record the columns of batches that are new or were parsed again. Returns the drift that begins with them."""
    recorded = _recorded_columns(dataset, ledgers)
    parsed = [batch for batch in known if batch.number not in recorded or batch.number in again]
    commit = Commit(run_id=run_id, step=f"landing.{dataset.name}", fingerprint="")
    rows = {batch.number: schema_rows(dataset, [batch], run_id) for batch in parsed}
    new = {number: found for number, found in rows.items() if _unlabelled(found) != recorded.get(number)}
    ledgers.append("schemas", [row for found in new.values() for row in found], commit)
    numbers = {batch.number for batch in parsed}
    return tuple(one for one in record_drift(dataset, known, ledgers, commit) if one.first_batch in numbers)


def _recorded_columns(dataset: Dataset, ledgers: Ledgers) -> dict[int, list[dict[str, object]]]:
    """The recorded columns of each batch."""
    latest: dict[int, dict[str, list[dict[str, object]]]] = {}
    for row in _recorded(dataset, ledgers, "schemas", EVENTS["schemas"].names):
        latest.setdefault(row["batch"], {}).setdefault(row["run_id"], []).append(row)
    return {batch: _unlabelled(runs[max(runs)]) for batch, runs in latest.items()}


def _unlabelled(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Rows about columns in their order, without the run."""
    found = ({name: value for name, value in row.items() if name != "run_id"} for row in rows)
    return sorted(found, key=lambda row: str(row["position"]).zfill(8))


def _recorded(dataset: Dataset, ledgers: Ledgers, ledger: str, columns: list[str]) -> list[dict[str, Any]]:
    """Rows about the dataset in a ledger."""
    import pyarrow.compute as pc

    table = ledgers.table(ledger)
    if not table.exists():
        return []
    mine = (pc.field("source") == dataset.source) & (pc.field("dataset") == dataset.name)
    rows: list[dict[str, Any]] = table.arrow().to_table(columns=columns, filter=mine).to_pylist()
    return rows
