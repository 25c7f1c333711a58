"""Writes one payload to the landing zone: a complete batch appears, or nothing does.

A batch is made in a hidden folder next to its place: payload, records, then the receipt, each flushed to disk. Renaming
the folder makes it a batch. A process that is killed leaves a hidden folder, which is never read; the next collection
removes it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from vertebra.declare.redaction import NO_SECRETS, Redaction
from vertebra.durable import check_content, complete_file, flush, replace_file, sha256_of
from vertebra.errors import CollectError, LakeError
from vertebra.formatting import counted
from vertebra.governance.drift import sources_in
from vertebra.lake.batches import Batch, Receipt, check_payload, newest_cursor
from vertebra.landing.parsing.declared import parse_declaration
from vertebra.landing.parsing.format import format_named
from vertebra.landing.port import Refused
from vertebra.landing.refused_payloads import RefusedPayload, RefusedPayloadError, RefusedPayloadStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from vertebra.declare.dataset import Dataset
    from vertebra.landing.port import CircuitOpen, Payload
    from vertebra.landing.records import RecordsSummary

INCOMING: Final = ".incoming-"
STAGING: Final = f"{INCOMING}staging"
"""Folder for downloads. It exists until the collection's batches are in the ledger."""

RESUME_POINT: Final = ".left-off"
"""File with the address after which a collection stopped, because its source failed again and again."""

_CHUNK: Final = 4 << 20


class UnreadablePayloadError(CollectError):
    """A payload cannot be read, or is still being written. It stays where it is."""


class UnparsableBatchError(CollectError):
    """The payload of a batch does not fit the current declaration. Its earlier records are kept."""


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
    """

    dataset: Dataset
    home: Path
    run_id: str
    now: datetime
    collector: str
    redact: Redaction = NO_SECRETS

    def land(self, payload: Payload, known: list[Batch], staging: Path) -> Batch | None:
        """Make a payload the next batch.

        Args:
            known: the batches landed so far, oldest first.
            staging: files below it are moved, others are copied.

        Returns:
            The batch; None if the payload was landed before.

        Raises:
            RefusedPayloadError: the payload cannot be parsed; it is kept aside.
            UnreadablePayloadError: the file cannot be read, or changed while it was read.
            CollectError: the landing zone cannot be written.
        """
        size = _size_of(payload)
        url = self.redact(payload.url)
        if payload.content_hash is not None and self._is_known("content", payload.content_hash, payload, url, known):
            return None
        same_size = any(batch.receipt.bytes == size for batch in known)
        if same_size and self._is_known("sha256", sha256_of(payload.file), payload, url, known):
            return None
        number = known[-1].number + 1 if known else 1
        with self._incoming(number) as folder:
            name = payload.file_name or _file_name(url)
            raw = folder / f"payload{_suffix(name)}"
            digest, size = _move_or_copy(payload, raw, move=payload.file.is_relative_to(staging))
            if self._is_known("sha256", digest, payload, url, known):
                return None
            with ThreadPoolExecutor(1, "flush") as disk:
                # flushed to disk, and compared with what was received, while it is parsed
                flushed = disk.submit(_flush_payload, raw, digest)
                try:
                    summary = self._parse(raw, name, digest, folder)
                    self._refuse_missing(payload, summary, url, known)
                except CollectError as error:
                    flushed.result()
                    asked = Refused(url, error, raw, payload.period, payload.part)
                    refusal = self.refusals.keep(asked, raw.name, digest)
                    raise RefusedPayloadError(refusal) from error
                flushed.result()
            receipt = Receipt(
                number=number,
                collected_at=self.now,
                url=url,
                sha256=digest,
                bytes=size,
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
                records_sha256=_finalize_records(folder, summary),
            )
            raw.chmod(0o444)
            replace_file(folder / "receipt.json", receipt.to_json(), 0o444)
            target = self.home / f"{number:08d}"
            folder.rename(target)
            flush(self.home)
        return Batch(target, receipt)

    def reparse(self, batch: Batch) -> Batch:
        """Parse the payload of a batch again with the current declaration.

        The records are replaced before the receipt that describes them. A crash in between leaves a receipt with the
        earlier declaration, so the batch is parsed again. In the other order, a crash would leave a receipt for records
        that do not exist.

        Raises:
            UnparsableBatchError: the payload does not fit the current declaration; its earlier records are kept.
            CollectError: the landing zone cannot be written.
        """
        with self._incoming(batch.number) as folder:
            receipt = batch.receipt
            try:
                check_payload(batch)
                summary = self._parse(batch.payload, _file_name(receipt.url), receipt.sha256, folder)
            except (CollectError, LakeError) as error:
                raise UnparsableBatchError(
                    f"batch {batch.number} cannot be parsed as {self.dataset.name} is declared now: {error.fact}",
                    cause=error.cause,
                    remedy=f"{error.remedy}; until then, the records of the earlier parse are kept",
                    where=error.where or f"dataset {self.dataset.name}",
                ) from error
            renewed = replace(
                receipt,
                records=summary.records,
                columns=summary.columns,
                parse=parse_declaration(self.dataset),
                text=dict(summary.text),
                seen={name: dict(seen) for name, seen in summary.profiles.items()},
                records_sha256=_finalize_records(folder, summary),
            )
            replace_file(folder / "receipt.json", renewed.to_json(), 0o444)
            for name in ("records.parquet", "receipt.json"):
                (folder / name).replace(batch.folder / name)
                flush(batch.folder)
        return Batch(batch.folder, renewed)

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
    def _incoming(self, number: int) -> Iterator[Path]:
        """A hidden folder for a batch that is being made. Disk errors become a CollectError."""
        folder = self.home / f"{INCOMING}{number:08d}"
        try:
            folder.mkdir(parents=True)
            yield folder
        except OSError as error:
            raise self._not_written(f"batch {number}", error) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _not_written(self, what: str, error: OSError) -> CollectError:
        return CollectError(
            f"{what} of {self.dataset.name} could not be written",
            cause=f"{error.strerror or error} ({error.filename or self.home})",
            remedy=f"free disk space or correct permissions, then: vertebra collect {self.dataset.name}",
            where=f"dataset {self.dataset.name}",
        )

    def _is_known(self, kind: str, hashed: str, payload: Payload, url: str, known: list[Batch]) -> bool:
        """Whether this content is landed already, so that it is not landed again.

        A payload with a new cursor is always new, even if its bytes are not. With ``load: append`` a payload is
        compared with all earlier batches; otherwise only with the newest one, because a source that returns to an
        earlier state has changed. Equal content in two periods, two parts of a source, or two files makes two batches.

        Args:
            kind: the hash of receipts to compare with, ``sha256`` or ``content``.
        """
        if payload.cursor is not None and payload.cursor != newest_cursor([batch.receipt for batch in known]):
            return False
        place = (payload.period, payload.part)
        receipts = [batch.receipt for batch in known if (batch.receipt.period, batch.receipt.part) == place]
        if self.dataset.load == "append":
            if self.dataset.collect.identified_by_url:
                receipts = [batch.receipt for batch in known if batch.receipt.url == url]
            return any(getattr(receipt, kind) == hashed for receipt in receipts)
        of_it = (receipt for receipt in reversed(receipts) if receipt.url == url or place != (None, None))
        last = next(of_it, None)
        return last is not None and getattr(last, kind) == hashed

    def _refuse_missing(self, payload: Payload, summary: RecordsSummary, url: str, known: list[Batch]) -> None:
        """Refuse a payload that contradicts its source or its declaration, or is suddenly empty."""
        if payload.expected_records is not None and summary.records != payload.expected_records:
            raise CollectError(
                f"{_file_name(url)} has {counted(summary.records, 'record')}, "
                f"its source reports {payload.expected_records:,}",
                cause="the answer was cut off, or its pages do not fit together",
                remedy="collect again; if it happens again, ask the source",
            )
        declared = sources_in(self.dataset, summary.columns, summary.text.get("renamed"))
        if declared and summary.columns and not any(declared.values()):
            raise CollectError(
                f"{_file_name(url)} has none of the declared columns",
                cause=f"its columns are {', '.join(name[:60] for name in summary.columns[:12])}",
                remedy="look at the payload, which is kept aside; if it is data, correct columns: or parse:",
            )
        before = next((b.receipt for b in reversed(known) if b.receipt.url == url or payload.period), None)
        if summary.records == 0 and before is not None and before.records and self.dataset.collect.empty == "refuse":
            raise CollectError(
                f"{_file_name(url)} has no records; the batch before had {before.records:,}",
                cause="sources answer without records when they are being reloaded",
                remedy="collect again later; if it is right, write collect: {empty: accept}",
            )

    def _parse(self, raw: Path, name: str, digest: str, folder: Path) -> RecordsSummary:
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
        scratch.mkdir()
        try:
            return write_records(raw, name, digest, self.dataset, folder / "records.parquet", scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _size_of(payload: Payload) -> int:
    try:
        with payload.file.open("rb") as stream:
            return os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise UnreadablePayloadError(
            f"{payload.url} cannot be read",
            cause=f"{error.strerror or error} ({payload.file})",
            remedy="correct its permissions, or collect again if it was moved",
        ) from error


def _move_or_copy(payload: Payload, target: Path, *, move: bool) -> tuple[str, int]:
    """Move or copy a payload's bytes to the batch. Returns their sha256 and number."""
    if move:
        digest = sha256_of(payload.file)
        payload.file.replace(target)
        return digest, target.stat().st_size
    before = payload.file.stat()
    hasher = hashlib.sha256()
    with (
        payload.file.open("rb", 0) as source,
        complete_file(target) as sink,
        ThreadPoolExecutor(1, "hash") as hashing,
    ):
        hashed = hashing.submit(hasher.update, b"")
        while block := source.read(_CHUNK):
            hashed.result()
            # the block is hashed while it is being written
            hashed = hashing.submit(hasher.update, block)
            sink.write(block)
    size = sink.size
    after = payload.file.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
        raise UnreadablePayloadError(
            f"{payload.url} changed while it was read",
            cause="something is still writing the file",
            remedy="collect again when it is complete; let the writer rename it into place when it is complete",
        )
    return hasher.hexdigest(), size


def _file_name(url: str) -> str:
    """The last part of a URL such as ``package:x/data/y.csv.zip`` or ``file:y.csv``."""
    return re.split(r"[/:\\]", url)[-1] or url


def _suffix(name: str) -> str:
    """The ending of a payload's file name: ``.csv.zip``."""
    found = re.search(r"(?:\.[A-Za-z][A-Za-z0-9]{0,7}){1,2}$", name[1:])
    return found.group(0).lower() if found else ".bin"


def _flush_payload(raw: Path, digest: str) -> None:
    """Flush a payload to disk, and check that the file has the bytes that were received."""
    flush(raw)
    check_content(raw, digest)


def _finalize_records(folder: Path, summary: RecordsSummary) -> str:
    """Flush the records to disk, check that none is missing, and make the file read-only. Returns its sha256."""
    file = folder / "records.parquet"
    flush(file)
    found = pq.read_metadata(file).num_rows
    if found != summary.records:
        raise OSError(errno.EIO, f"The disk has {found:,} of {summary.records:,} records", str(file))
    file.chmod(0o444)
    return sha256_of(file)
