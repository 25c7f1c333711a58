"""Putting one payload into the landing zone: a whole batch appears, or nothing does.

A batch is made in a hidden folder next to its place: payload, records, then the receipt, each flushed to disk. Renaming
the folder makes it a batch. What a killed process leaves is a hidden folder, which nobody reads and the next collection
removes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.errors import CollectError
from vertebra.lake.batches import Batch, Receipt
from vertebra.landing.records import Written, parse_declaration, write_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from vertebra.declare.dataset import Dataset
    from vertebra.landing.port import Payload

INCOMING: Final = ".incoming-"
REFUSED: Final = ".refused"
_CHUNK: Final = 4 << 20


@dataclass(frozen=True)
class Refusal:
    """A payload that was refused.

    Attributes:
        folder: where it is kept, with ``reason.json``.
        error: what is wrong with it.
    """

    url: str
    folder: Path
    error: CollectError


class RefusedPayloadError(CollectError):
    """A payload was refused and kept aside."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        error = refusal.error
        kept = f"; the payload is kept in {refusal.folder}"
        super().__init__(error.fact, cause=error.cause, remedy=error.remedy + kept, where=error.where)


@dataclass(frozen=True)
class Deposit:
    """Where and as what the payloads of a dataset are deposited.

    Attributes:
        dataset: the declaration.
        home: the dataset's folder in the landing zone.
        run_id: the run that collects.
        now: the collection's start, UTC.
        collector: kind and version of the collector.
    """

    dataset: Dataset
    home: Path
    run_id: str
    now: datetime
    collector: str

    def land(self, payload: Payload, known: list[Batch], staging: Path) -> Batch | None:
        """Make a payload the next batch.

        Args:
            known: the batches landed so far, oldest first.
            staging: files below it are moved, others are copied.

        Returns:
            The batch; None when its bytes were landed before.

        Raises:
            RefusedPayloadError: it cannot be parsed; it is kept aside.
            CollectError: the file cannot be read or changed meanwhile, or the landing zone cannot be written.
        """
        size = _readable_size(payload)
        same_size = any(batch.receipt.bytes == size for batch in known)
        if same_size and self._is_known(hash_of(payload.file), payload.url, known):
            return None
        number = known[-1].number + 1 if known else 1
        with self._incoming(number) as folder:
            raw = folder / f"payload{_suffix(payload.url)}"
            digest, size = _take(payload, raw, moved=payload.file.is_relative_to(staging))
            if self._is_known(digest, payload.url, known):
                return None
            try:
                written = self._parse(raw, payload.url, digest, folder)
            except CollectError as error:
                refusal = self._keep_aside(raw, payload.url, digest, error)
                raise RefusedPayloadError(refusal) from error
            receipt = Receipt(
                number=number,
                collected_at=self.now,
                url=payload.url,
                sha256=digest,
                bytes=size,
                payload=raw.name,
                records=written.records,
                columns=written.columns,
                parse=parse_declaration(self.dataset),
                collector=self.collector,
                period=payload.period,
                headers=dict(payload.headers),
                cursor=payload.cursor,
            )
            _seal(folder / "records.parquet")
            _seal(raw)
            _write_sealed(folder / "receipt.json", receipt.to_json())
            _flush_folder(folder)
            target = self.home / f"{number:08d}"
            folder.rename(target)
            _flush_folder(self.home)
        return Batch(target, receipt)

    def reparse(self, batch: Batch) -> Batch:
        """Make the records of a batch again from its payload, as the dataset is declared now.

        The records are replaced before the receipt that describes them: a crash in between leaves a receipt with the
        earlier declaration, and the batch is parsed again.

        Raises:
            CollectError: the payload cannot be parsed as declared now; the batch stays as it was.
        """
        with self._incoming(batch.number) as folder:
            receipt = batch.receipt
            try:
                written = self._parse(batch.payload, receipt.url, receipt.sha256, folder)
            except CollectError as error:
                raise CollectError(
                    f"batch {batch.number} cannot be parsed as {self.dataset.name} is declared now: {error.fact}",
                    cause=error.cause,
                    remedy=f"{error.remedy}; the batch stays as it was parsed before",
                    where=error.where or f"dataset {self.dataset.name}",
                ) from error
            renewed = replace(
                receipt,
                records=written.records,
                columns=written.columns,
                parse=parse_declaration(self.dataset),
            )
            _seal(folder / "records.parquet")
            _write_sealed(folder / "receipt.json", renewed.to_json())
            for name in ("records.parquet", "receipt.json"):
                (folder / name).replace(batch.folder / name)
                _flush_folder(batch.folder)
        return Batch(batch.folder, renewed)

    def sweep(self) -> None:
        """Remove what collections that died have left."""
        for leftover in self.home.glob(f"{INCOMING}*"):
            shutil.rmtree(leftover, ignore_errors=True)

    @contextmanager
    def _incoming(self, number: int) -> Iterator[Path]:
        """A hidden folder for a batch in the making; errors of the disk get a message of their own."""
        folder = self.home / f"{INCOMING}{number:08d}"
        try:
            folder.mkdir(parents=True)
            yield folder
        except OSError as error:
            raise CollectError(
                f"batch {number} of {self.dataset.name} could not be written",
                cause=f"{error.strerror or error} ({error.filename or self.home})",
                remedy=f"make room or correct permissions, then: vertebra collect {self.dataset.name}",
                where=f"dataset {self.dataset.name}",
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _is_known(self, digest: str, url: str, known: list[Batch]) -> bool:
        """Whether these bytes are landed and still count.

        Appended bytes count for ever. Where a later batch takes the place of an earlier one, a source that goes back to
        an earlier state has changed.
        """
        if self.dataset.load == "append":
            return any(batch.receipt.sha256 == digest for batch in known)
        last = next((batch.receipt for batch in reversed(known) if batch.receipt.url == url), None)
        return last is not None and last.sha256 == digest

    def _parse(self, raw: Path, url: str, digest: str, folder: Path) -> Written:
        name = _file_name(url)
        if raw.stat().st_size == 0:
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

    def _keep_aside(self, raw: Path, url: str, digest: str, error: CollectError) -> Refusal:
        """Keep a refused payload with the reason; the same bytes once, however often they are refused."""
        folder = self._refused_before(digest) or self._new_refused()
        folder.mkdir(parents=True, exist_ok=True)
        raw.replace(folder / raw.name)
        reason = {
            "url": url,
            "sha256": digest,
            "run_id": self.run_id,
            "collected_at": self.now.isoformat(),
            "fact": error.fact,
            "cause": error.cause,
            "remedy": error.remedy,
        }
        _replace_text(folder / "reason.json", json.dumps(reason, indent=2, ensure_ascii=False))
        where = error.where or f"dataset {self.dataset.name}"
        about = CollectError(error.fact, cause=error.cause, remedy=error.remedy, where=where)
        return Refusal(url, folder, about)

    def _refused_before(self, digest: str) -> Path | None:
        for reason in sorted(self.home.glob(f"{REFUSED}/*/reason.json")):
            if _read_json(reason).get("sha256") == digest:
                return reason.parent
        return None

    def _new_refused(self) -> Path:
        stamp = f"{self.now:%Y%m%dT%H%M%S}"
        taken = {folder.name for folder in self.home.glob(f"{REFUSED}/{stamp}*")}
        number = 1
        while (name := stamp if number == 1 else f"{stamp}-{number}") in taken:
            number += 1
        return self.home / REFUSED / name


def hash_of(file: Path) -> str:
    """sha256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _readable_size(payload: Payload) -> int:
    try:
        with payload.file.open("rb") as stream:
            return os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise CollectError(
            f"{payload.url} cannot be read",
            cause=f"{error.strerror or error} ({payload.file})",
            remedy="correct its permissions, or collect again if it was moved",
        ) from error


def _take(payload: Payload, target: Path, *, moved: bool) -> tuple[str, int]:
    """Move or copy a payload's bytes to their place. Returns their sha256 and number."""
    if moved:
        digest = hash_of(payload.file)
        payload.file.replace(target)
        return digest, target.stat().st_size
    before = payload.file.stat()
    hasher = hashlib.sha256()
    size = 0
    with payload.file.open("rb", 0) as source, target.open("wb", 0) as sink:
        while block := source.read(_CHUNK):
            hasher.update(block)
            sink.write(block)
            size += len(block)
    after = payload.file.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
        raise CollectError(
            f"{payload.url} changed while it was read",
            cause="something is still writing the file",
            remedy="collect again when it is written; have the writer rename it into place when it is whole",
        )
    return hasher.hexdigest(), size


def _file_name(url: str) -> str:
    """The last part of a URL such as ``package:x/data/y.csv.zip`` or ``file:y.csv``."""
    return re.split(r"[/:\\]", url)[-1] or url


def _suffix(url: str) -> str:
    """The end of a payload's file name: ``.csv.zip``."""
    found = re.search(r"(?:\.[A-Za-z][A-Za-z0-9]{0,7}){1,2}$", _file_name(url)[1:])
    return found.group(0).lower() if found else ".bin"


def _seal(file: Path) -> None:
    """Flush a file to disk and make it read-only."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
    file.chmod(0o444)


def _write_sealed(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    _seal(file)


def _replace_text(file: Path, text: str) -> None:
    temporary = file.with_suffix(".new")
    temporary.write_text(text, "utf-8")
    temporary.replace(file)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError):
        return {}
