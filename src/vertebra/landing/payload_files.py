"""The files of a batch that is being made: payloads are moved or copied, hashed, and flushed to disk."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from vertebra.durable import check_content, complete_file, flush, sha256_of
from vertebra.errors import CollectError

if TYPE_CHECKING:
    from pathlib import Path

    from vertebra.landing.port import Payload

_CHUNK: Final = 4 << 20


class UnreadablePayloadError(CollectError):
    """A payload cannot be read, or is still being written. It stays where it is."""


def size_of(payload: Payload) -> int:
    """The number of bytes of a payload.

    Raises:
        UnreadablePayloadError: the file cannot be read.
    """
    try:
        with payload.file.open("rb") as stream:
            return os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise UnreadablePayloadError(
            f"{payload.url} cannot be read",
            cause=f"{error.strerror or error} ({payload.file})",
            remedy="correct its permissions, or collect again if it was moved",
        ) from error


def move_or_copy(payload: Payload, target: Path, *, move: bool) -> str:
    """Move or copy a payload's bytes to the batch. Returns their sha256."""
    if move:
        digest = sha256_of(payload.file)
        payload.file.replace(target)
        return digest
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
    _refuse_changed(payload, before, sink.size)
    return hasher.hexdigest()


def copy_small(payload: Payload, target: Path) -> str:
    """Copy the bytes of a small file to the batch. Returns their sha256."""
    before = payload.file.stat()
    content = payload.file.read_bytes()
    with complete_file(target, 0o444) as sink:
        sink.write(content)
    hasher = hashlib.sha256()
    hasher.update(content)
    _refuse_changed(payload, before, len(content))
    return hasher.hexdigest()


def _refuse_changed(payload: Payload, before: os.stat_result, size: int) -> None:
    """Refuse a file that changed while it was read.

    Args:
        before: of the file, before it was read.
        size: number of bytes that were read.
    """
    after = payload.file.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
        raise UnreadablePayloadError(
            f"{payload.url} changed while it was read",
            cause="something is still writing the file",
            remedy="collect again when it is complete; let the writer rename it into place when it is complete",
        )


def file_name(url: str) -> str:
    """The last part of a URL such as ``package:x/data/y.csv.zip`` or ``file:y.csv``."""
    return re.split(r"[/:\\]", url)[-1] or url


def suffix(name: str) -> str:
    """The ending of a payload's file name: ``.csv.zip``."""
    found = re.search(r"(?:\.[A-Za-z][A-Za-z0-9]{0,7}){1,2}$", name[1:])
    return found.group(0).lower() if found else ".bin"


def flush_payload(raw: Path, digest: str) -> None:
    """Flush a payload to disk, and check that the file has the bytes that were received."""
    flush(raw)
    check_content(raw, digest)


def finalize_records(folder: Path, records: int) -> str:
    """Flush the records to disk, check that none is missing, and make the file read-only. Returns its sha256."""
    file = folder / "records.parquet"
    flush(file)
    found = pq.read_metadata(file).num_rows
    if found != records:
        raise OSError(errno.EIO, f"The disk has {found:,} of {records:,} records", str(file))
    file.chmod(0o444)
    return sha256_of(file)
