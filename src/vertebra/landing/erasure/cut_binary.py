"""Cuts records out of Parquet and Avro: the file is written again, with the schema and compression that it had."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from vertebra.errors import CollectError
from vertebra.landing.payload import BUFFER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vertebra.landing.parsing.records import ReadContext
    from vertebra.landing.payload import PayloadPart


def cut_parquet(part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
    """Copy Parquet without some records, row group by row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(_on_disk(part, context), pre_buffer=False) as source:
            metadata = source.metadata
            packed = metadata.row_group(0).column(0).compression.lower() if metadata.num_row_groups else "snappy"
            writer = pq.ParquetWriter(
                sink,
                source.schema_arrow,
                compression="none" if packed == "uncompressed" else packed,
                version=metadata.format_version,
            )
            unwanted, first = np.array(dropped, dtype=np.int64), 0
            with writer:
                for group in range(metadata.num_row_groups):
                    rows = metadata.row_group(group).num_rows
                    kept = ~np.isin(np.arange(first, first + rows), unwanted)
                    first += rows
                    if kept.any():
                        writer.write_table(source.read_row_group(group).filter(pa.array(kept)))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _not_written(part, error) from error


def cut_avro(part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:  # noqa: ARG001
    """Copy Avro without some records, with its schema, codec and metadata."""
    import fastavro

    unwanted = set(dropped)
    try:
        with part.open() as stream:
            source = fastavro.reader(stream)
            about = {name: value for name, value in source.metadata.items() if not name.startswith("avro.")}
            kept: Iterator[Any] = (record for number, record in enumerate(source) if number not in unwanted)
            schema = cast("dict[str, Any]", source.writer_schema)
            fastavro.writer(sink, schema, kept, codec=source.codec or "null", metadata=about)
    except Exception as error:  # fastavro raises errors of many kinds
        raise _not_written(part, error) from error


def _on_disk(part: PayloadPart, context: ReadContext) -> Path:
    if part.plain is not None:
        return part.plain
    target = context.scratch / "cut.parquet"
    with part.open() as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, BUFFER)
    return target


def _not_written(part: PayloadPart, error: Exception) -> CollectError:
    return CollectError(
        f"{part.name} cannot be written without the records",
        cause=str(error).splitlines()[0] if str(error) else type(error).__name__,
        remedy="take the whole batch back",
    )
