"""The mark of a published file: in the footer of a Parquet file, and in a hidden file next to a CSV file."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from vertebra.durable import replace_file, sha256_of
from vertebra.publish.mark import KEY, Mark, check_owner

if TYPE_CHECKING:
    from pathlib import Path

    from vertebra.publish.file_store import PublishedFile
    from vertebra.publish.port import Publishing

_MARK_BYTES: Final = 1 << 20
"""A longer file beside a CSV file is no mark."""


def check_parquet_owner(file: PublishedFile, publishing: Publishing, replace: bool) -> None:
    """Check that a publication may replace a Parquet file, by the mark in its footer.

    Raises:
        PublishError: something else made it.
    """
    if not replace and file.exists():
        check_owner(publishing.mark, _mark_in_footer(file), file.location, replace)


def claim_csv(file: PublishedFile, name: str, staged: Path, publishing: Publishing, replace: bool) -> None:
    """Check that a publication may replace a CSV file, and record that it will.

    The mark lists the hashes of the present file and of its replacement, so it is valid before and after the
    replacement. A file with any other hash was changed by someone else.

    Args:
        name: the file's name, without its folder.
        staged: the replacement.

    Raises:
        PublishError: something else made it.
    """
    beside = file.beside(f".{name}.vertebra.json")
    hashes = [sha256_of(staged)]
    if file.exists():
        with file.open() as stream:
            present = hashlib.file_digest(stream, "sha256").hexdigest()
        known = _read(beside)
        ours = present in known.get("sha256", ())
        check_owner(publishing.mark, Mark.from_json(json.dumps(known)) if ours else None, file.location, replace)
        hashes.append(present)
    text = json.loads(publishing.mark.to_json()) | {"sha256": list(dict.fromkeys(hashes))}
    mark = publishing.scratch / "mark.json"
    replace_file(mark, json.dumps(text))
    beside.replace(mark)


def _mark_in_footer(file: PublishedFile) -> Mark | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with file.open() as stream:
        try:
            metadata = pq.read_metadata(stream).metadata or {}
        except (pa.ArrowException, OSError):
            return None
    return Mark.from_json(metadata.get(KEY.encode()))


def _read(beside: PublishedFile) -> dict[str, Any]:
    if not beside.exists():
        return {}
    with beside.open() as stream:
        try:
            found = json.loads(stream.read(_MARK_BYTES))
        except ValueError:
            return {}
    return found if isinstance(found, dict) else {}
