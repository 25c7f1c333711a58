"""Collecting a dataset: request new data from its source, and land it batch by batch."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal, cast

from vertebra.declare.collect import COLLECTORS
from vertebra.declare.redaction import Redaction
from vertebra.durable import make_folder
from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.governance.accepted_shrinks import accepted_shrinks
from vertebra.governance.cursor_resets import cursor_reset
from vertebra.governance.forgotten import tombstones
from vertebra.governance.retractions import BY_SOURCE, Retraction, record_retraction, retractions
from vertebra.lake.batches import Batch, batches
from vertebra.lake.effective_batches import counting_batches
from vertebra.landing.batch_ledgers import record_batches, record_columns
from vertebra.landing.batch_writer import STAGING, BatchWriter
from vertebra.landing.encoding_warnings import encoding_warnings
from vertebra.landing.erasure.rewrite import options_of
from vertebra.landing.outcome import CollectOutcome, PayloadsRefusedError
from vertebra.landing.parse_again import OtherParseError, UnparsableBatchError
from vertebra.landing.parsing.declared import parse_declaration
from vertebra.landing.payload_files import UnreadablePayloadError
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
from vertebra.landing.shrink import ShrinkGuard
from vertebra.landing.web.errors import RefusedAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.context import Progress
    from vertebra.governance.drift import ColumnDrift
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.batches import Receipt
    from vertebra.landing.context import CollectionContext
    from vertebra.landing.port import Item


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
    retracted = cache(lambda: retractions(context.ledgers, dataset.name))
    guard = ShrinkGuard(dataset, retracted, lambda: accepted_shrinks(context.ledgers, dataset.name))
    writer = BatchWriter(
        dataset,
        home,
        context.run_id,
        context.now,
        collector.label,
        redact,
        shrink=guard if dataset.shrink else None,
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
            retracted=retracted,
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
    """Parse the payload of a batch again, as it was parsed before.

    Args:
        dataset: as it is declared now.

    Raises:
        CollectError: the payload cannot be parsed; the batch stays as it was.
    """
    dataset = dataset.model_copy(update={"parse": options_of(batch.receipt.parse, dataset)})
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

        A source may change its format. What came in another one, or does not fit the other options of ``parse:``, is
        read as it was declared then.
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
            if batch.receipt.kept_under == declared:  # it was tried before
                continue
            self.progress(f"parsing batch {batch.number} again, as declared now")
            try:
                self.known[place] = self.writer.reparse(batch)
                self.reparsed.add(batch.number)
            except UnparsableBatchError as error:
                self.unparsable.append(error)
            except OtherParseError as error:
                self.known[place] = self.writer.keep_parse(batch)
                self.warnings.append(Warned(error.fact, error.cause, error.remedy))
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
            (*self.warnings, *encoding_warnings(self.known[self.earlier :])),
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
        missing = record_batches(dataset, known, ledgers, run_id)
        earlier = {batch.number for batch in known[: collection.earlier]}
        collection.unrecorded = tuple(batch for batch in missing if batch.number in earlier)
    # nobody knows which batches an interrupted collection has parsed again
    again = {batch.number for batch in known} if interrupted else collection.reparsed
    return record_columns(dataset, known, again, ledgers, run_id) if again or new else ()
