"""Searches every byte of a folder for a text: also in what is compressed, encoded or nested."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq


def files_with(folder: Path, text: str) -> list[str]:
    """The files of a folder that contain a text, with the place in them."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            data = file.read_bytes()
            found += [f"{file.relative_to(folder)}{place}" for place, part in _parts(data) if text.encode() in part]
            found += [f"{file.relative_to(folder)} (name)"] if text in file.name else []
    return found


def _parts(data: bytes, place: str = "") -> Iterator[tuple[str, bytes]]:
    yield place, data
    yield f"{place} as UTF-16", data.decode("utf-16-le", "ignore").encode("utf-8", "ignore")
    if data[:2] == b"\x1f\x8b":
        yield from _parts(gzip.decompress(data), f"{place} unpacked")
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from _parts(archive.read(name), f"{place}:{name}")
    elif data[:4] == b"PAR1":
        opened = pq.ParquetFile(io.BytesIO(data))
        yield f"{place} footer", repr((opened.metadata.metadata, opened.schema_arrow.metadata)).encode()
        for number in range(opened.num_row_groups):
            group = opened.metadata.row_group(number)
            about = [repr(group.column(column).statistics) for column in range(group.num_columns)]
            yield f"{place} statistics", "".join(about).encode()
        yield f"{place} rows", repr(opened.read().to_pylist()).encode()
    elif data[:15] == b"SQLite format 3":
        memory = sqlite3.connect(":memory:")
        memory.deserialize(data)
        yield f"{place} dump", "\n".join(memory.iterdump()).encode()
