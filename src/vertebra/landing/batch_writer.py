"""Writes one payload to the landing zone: a complete batch appears, or nothing does.

A batch is made in a hidden folder next to its place: payload, records, then the receipt, each flushed to disk. Renaming
the folder makes it a batch. A process that is killed leaves a hidden folder, which is never read; the next collection
removes it.
"""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vertebra.declare.redaction import NO_SECRETS, Redaction
from vertebra.durable import check_content, complete_file, flush, replace_file, sha256_of
from vertebra.errors import CollectError
from vertebra.lake.batches import Batch, Receipt
from vertebra.lake.removal import last_number
from vertebra.landing.parse_again import parsed_again
from vertebra.landing.parsing.column_origins import Provenance
from vertebra.landing.parsing.declared import parse_declaration
from vertebra.landing.parsing.format import format_named
from vertebra.landing.payload_checks import LandedPayloads, check_records
from vertebra.landing.payload_files import (
    copy_small,
    file_name,
    finalize_records,
    flush_payload,
    move_or_copy,
    size_of,
    suffix,
)
from vertebra.landing.port import Refused
from vertebra.landing.refused_payloads import RefusedPayload, RefusedPayloadError, RefusedPayloadStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.forgotten import Tombstones
    from vertebra.landing.port import CircuitOpen, Payload
    from vertebra.landing.records import RecordsSummary
    from vertebra.landing.shrink import ShrinkGuard

INCOMING: Final = ".incoming-"
STAGING: Final = f"{INCOMING}staging"
"""Folder for downloads. It exists until the collection's batches are in the ledger."""

RESUME_POINT: Final = ".left-off"
"""File with the address after which a collection stopped, because its source failed again and again."""

SMALL: Final = 1 << 20
"""Bytes of a local file that is made durable together with others."""

_GROUP: Final = 64
"""Small batches that are made durable together."""


@dataclass(frozen=True)
class _Pending:
    """A batch that has its payload and records, but no receipt yet.

    Attributes:
        folder: the hidden folder in which it is made.
        batch: as it will be.
    """

    folder: Path
    batch: Batch

    @property
    def payload(self) -> Path:
        return self.folder / self.batch.receipt.payload

    @property
    def records(self) -> Path:
        return self.folder / "records.parquet"

    @property
    def receipt(self) -> Path:
        return self.folder / "receipt.json"


def _nothing_forgotten() -> None:
    """There are no forgotten keys."""


@dataclass(frozen=True)
class BatchWriter:
    """Writes payloads of a dataset as batches.

    Attributes:
        dataset: the declaration.
        home: the dataset's folder in the landing zone.
        run_id: the run that collects.
        now: the collection's start, UTC.
        collector: kind and version of the collector.
        redact: removes secrets from texts and files.
        shrink: refuses snapshots with far fewer rows than those in force; None if they are not limited.
        pending: small batches that :meth:`complete` makes durable and visible.
        forgotten: reads the forgotten keys of the dataset, whose records do not land.
    """

    dataset: Dataset
    home: Path
    run_id: str
    now: datetime
    collector: str
    redact: Redaction = NO_SECRETS
    shrink: ShrinkGuard | None = None
    pending: list[_Pending] = field(default_factory=list)
    forgotten: Callable[[], Tombstones | None] = _nothing_forgotten

    def land(self, payload: Payload, known: list[Batch], staging: Path) -> Batch | None:
        """Make a payload the next batch.

        Args:
            known: the batches landed so far, oldest first.
            staging: files below it are moved, others are copied.

        Returns:
            The batch; None if the payload was landed before. Batches of small files are complete after
            :meth:`complete`.

        Raises:
            RefusedPayloadError: the payload cannot be parsed; it is kept aside.
            UnreadablePayloadError: the file cannot be read, or changed while it was read.
            CollectError: the landing zone cannot be written.
        """
        size = size_of(payload)
        url = self.redact(payload.url)
        landed = LandedPayloads(self.dataset, known)
        if payload.content_hash is not None and landed.have("content", payload.content_hash, payload, url):
            return None
        same_size = any(batch.receipt.bytes == size for batch in known)
        if same_size and landed.have("sha256", sha256_of(payload.file), payload, url):
            return None
        number = known[-1].number + 1 if known else last_number(self.home) + 1
        move = payload.file.is_relative_to(staging)
        if not move and size < SMALL:
            return self._land_small(number, payload, url, known)
        self.complete()
        with self._incoming(number) as folder:
            name = payload.file_name or file_name(url)
            raw = folder / f"payload{suffix(name)}"
            digest = move_or_copy(payload, raw, move=move)
            if landed.have("sha256", digest, payload, url):
                return None
            with ThreadPoolExecutor(1, "flush") as disk:
                # flushed to disk, and compared with what was received, while it is parsed
                flushed = disk.submit(flush_payload, raw, digest)
                receipt = self._checked(number, raw, name, digest, folder, payload, known, flushed.result)
                flushed.result()
            receipt = replace(receipt, records_sha256=finalize_records(folder, receipt.records))
            raw.chmod(0o444)
            receipt = self._without_forgotten(receipt, folder)
            replace_file(folder / "receipt.json", receipt.to_json(), 0o444)
            target = self.home / f"{number:08d}"
            folder.rename(target)
            flush(self.home)
        return Batch(target, receipt)

    def _land_small(self, number: int, payload: Payload, url: str, known: list[Batch]) -> Batch | None:
        """Make a small payload the next batch, which :meth:`complete` makes durable together with others."""
        with self._incoming(number, keep=True) as folder:
            name = payload.file_name or file_name(url)
            raw = folder / f"payload{suffix(name)}"
            digest = copy_small(payload, raw)
            if LandedPayloads(self.dataset, known).have("sha256", digest, payload, url):
                shutil.rmtree(folder)
                return None
            receipt = self._checked(number, raw, name, digest, folder, payload, known)
            receipt = replace(receipt, records_sha256=sha256_of(folder / "records.parquet"))
            receipt = self._without_forgotten(receipt, folder)
        batch = Batch(self.home / f"{number:08d}", receipt)
        self.pending.append(_Pending(folder, batch))
        if len(self.pending) >= _GROUP:
            self.complete()
        return batch

    def complete(self) -> None:
        """Make the small batches that were landed last durable and visible, all of them in a few flushes.

        Each has its payload and records on the disk before its receipt, and all of it before it is a batch.

        Raises:
            CollectError: the landing zone cannot be written; batches that are not visible yet are not landed.
        """
        pending = [*self.pending]
        if not pending:
            return
        self.pending.clear()
        try:
            written = [file for one in pending for file in (one.payload, one.records)]
            flush(*written)
            for one in pending:
                check_content(one.payload, one.batch.receipt.stored_sha256)
                check_content(one.records, str(one.batch.receipt.records_sha256))
                one.records.chmod(0o444)
                with complete_file(one.receipt, 0o444) as sink:
                    sink.write(one.batch.receipt.to_json().encode())
            flush(*(one.receipt for one in pending))
            flush(*(one.folder for one in pending))
            for one in pending:
                one.folder.rename(one.batch.folder)
            flush(self.home)
        except OSError as error:
            first = next((one for one in pending if not one.batch.folder.exists()), pending[-1])
            raise self._not_written(f"batch {first.batch.number}", error) from error
        finally:
            for one in pending:
                if one.folder.exists():
                    shutil.rmtree(one.folder, ignore_errors=True)

    def _checked(
        self,
        number: int,
        raw: Path,
        name: str,
        digest: str,
        folder: Path,
        payload: Payload,
        known: list[Batch],
        flushed: Callable[[], object] | None = None,
    ) -> Receipt:
        """Parse a payload and check it; if it is refused, it is kept aside.

        Args:
            flushed: waits until the payload is flushed, which is under way; only then can it be moved.

        Returns:
            Its receipt, without the hash of the records.
        """
        url = self.redact(payload.url)
        try:
            provenance = Provenance(url, payload.period, payload.part)
            summary = self._parse(raw, name, digest, folder, provenance, empty=payload.may_be_empty)
            check_records(self.dataset, payload, summary, url, known)
            receipt = self._receipt(number, payload, url, raw, digest, summary)
            if self.shrink is not None:
                self.shrink.check(Batch(self.home / f"{number:08d}", receipt), known)
        except CollectError as error:
            if flushed is not None:
                flushed()
            asked = Refused(url, error, raw, payload.period, payload.part)
            raise RefusedPayloadError(self.refusals.keep(asked, raw.name, digest)) from error
        return receipt

    def _without_forgotten(self, receipt: Receipt, folder: Path) -> Receipt:
        """Leave records of forgotten keys out of a batch that is being made. Returns its receipt.

        Raises:
            CollectError: there are such records, and the payload cannot be rewritten.
        """
        known = self.forgotten()
        if known is None:
            return receipt
        from vertebra.landing.erasure.left_out import leave_out

        return leave_out(receipt, folder, self.dataset, known)

    def _receipt(
        self, number: int, payload: Payload, url: str, raw: Path, digest: str, summary: RecordsSummary
    ) -> Receipt:
        return Receipt(
            number=number,
            collected_at=self.now,
            url=url,
            sha256=digest,
            bytes=raw.stat().st_size,
            payload=raw.name,
            records=summary.records,
            columns=summary.columns,
            parse=parse_declaration(self.dataset),
            collector=self.collector,
            period=payload.period,
            headers={name: self.redact(value) for name, value in payload.headers.items()},
            cursor=payload.cursor,
            part=payload.part,
            content=payload.content_hash,
            text=dict(summary.text),
            seen={name: dict(seen) for name, seen in summary.profiles.items()},
        )

    def reparse(self, batch: Batch) -> Batch:
        """Parse the payload of a batch again with the current declaration.

        The records are replaced before the receipt that describes them. A crash in between leaves a receipt with the
        earlier declaration, so the batch is parsed again. In the other order, a crash would leave a receipt for records
        that do not exist.

        Raises:
            UnparsableBatchError: the payload is damaged; its earlier records are kept.
            OtherParseError: the payload does not fit the current declaration; its earlier records are kept.
            CollectError: the landing zone cannot be written.
        """
        with self._incoming(batch.number) as folder:
            receipt = batch.receipt
            summary = parsed_again(self.dataset, batch, lambda: self._parse_again(batch, folder))
            renewed = replace(
                receipt,
                records=summary.records,
                columns=summary.columns,
                parse=parse_declaration(self.dataset),
                text=dict(summary.text),
                seen={name: dict(seen) for name, seen in summary.profiles.items()},
                records_sha256=finalize_records(folder, summary.records),
                kept_under=None,
            )
            replace_file(folder / "receipt.json", renewed.to_json(), 0o444)
            for name in ("records.parquet", "receipt.json"):
                (folder / name).replace(batch.folder / name)
                flush(batch.folder)
        return Batch(batch.folder, renewed)

    def keep_parse(self, batch: Batch) -> Batch:
        """Note that the records of a batch stay as they were parsed: it does not fit the current declaration."""
        renewed = replace(batch.receipt, kept_under=parse_declaration(self.dataset))
        try:
            replace_file(batch.folder / "receipt.json", renewed.to_json(), 0o444)
        except OSError as error:
            raise self._not_written(f"the receipt of batch {batch.number}", error) from error
        return Batch(batch.folder, renewed)

    def _parse_again(self, batch: Batch, folder: Path) -> RecordsSummary:
        receipt = batch.receipt
        name, gaps = file_name(receipt.url), receipt.forgotten_records
        if not gaps or receipt.records:
            came = Provenance(receipt.url, receipt.period, receipt.part)
            digest, guessed = receipt.stored_sha256, receipt.guessed_encodings
            return self._parse(batch.payload, name, digest, folder, came, gaps, guessed, empty=not receipt.records)
        # all its records were forgotten
        shutil.copyfile(batch.records, folder / "records.parquet")
        from vertebra.landing.records import RecordsSummary

        return RecordsSummary(0, receipt.columns, receipt.text, receipt.seen)

    @property
    def refusals(self) -> RefusedPayloadStore:
        """The store of refused payloads."""
        return RefusedPayloadStore(self.home, self.run_id, self.now, self.redact, f"dataset {self.dataset.name}")

    def keep_refused(self, answer: Refused) -> RefusedPayload:
        """Keep an answer that a collector refused."""
        message = f"{answer.url}\n{answer.error}".encode()
        digest = sha256_of(answer.file) if answer.file is not None else hashlib.sha256(message).hexdigest()
        try:
            return self.refusals.keep(answer, "answer.bin", digest)
        except OSError as error:
            raise self._not_written("a refused answer", error) from error

    def save_resume_point(self, stop: CircuitOpen) -> None:
        """Record the address after which the next collection resumes."""
        try:
            replace_file(self.home / RESUME_POINT, self.redact(stop.url))
        except OSError as error:
            raise self._not_written("the address to resume after", error) from error

    def take_resume_point(self) -> str | None:
        """Return and remove the address after which the last collection stopped."""
        file = self.home / RESUME_POINT
        if not file.exists():
            return None
        url = file.read_text("utf-8")
        file.unlink()
        return url

    def remove_leftovers(self) -> None:
        """Remove unfinished batches of collections that were killed."""
        for leftover in self.home.glob(f"{INCOMING}*"):
            if leftover.name != STAGING:
                shutil.rmtree(leftover, ignore_errors=True)

    @contextmanager
    def _incoming(self, number: int, *, keep: bool = False) -> Iterator[Path]:
        """A hidden folder for a batch that is being made. Disk errors become a CollectError.

        Args:
            keep: leave the folder if there is no error.
        """
        folder = self.home / f"{INCOMING}{number:08d}"
        try:
            folder.mkdir(parents=True)
            yield folder
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise self._not_written(f"batch {number}", error) from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)

    def _not_written(self, what: str, error: OSError) -> CollectError:
        return CollectError(
            f"{what} of {self.dataset.name} could not be written",
            cause=f"{error.strerror or error} ({error.filename or self.home})",
            remedy=f"free disk space or correct permissions, then: vertebra collect {self.dataset.name}",
            where=f"dataset {self.dataset.name}",
        )

    def _parse(
        self,
        raw: Path,
        name: str,
        digest: str,
        folder: Path,
        provenance: Provenance,
        gaps: Sequence[int] = (),
        guessed: tuple[str, ...] = (),
        *,
        empty: bool = False,
    ) -> RecordsSummary:
        from vertebra.landing.records import write_records  # imports much that a collection without news can spare

        may_be_empty = format_named(self.dataset.parse.format).empty_file_is_valid
        blank = self.dataset.collect.empty == "accept" and may_be_empty
        if raw.stat().st_size == 0 and not blank:
            raise CollectError(
                f"{name} is empty",
                cause="it has no bytes",
                remedy="collect again when the source has data; earlier batches stay",
            )
        scratch = folder / "scratch"
        try:
            target = folder / "records.parquet"
            into = (self.dataset, target, scratch)
            how = (gaps, guessed, provenance)
            return write_records(raw, name, digest, *into, None, *how, empty=empty)
        finally:
            if scratch.exists():
                shutil.rmtree(scratch, ignore_errors=True)
