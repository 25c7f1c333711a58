"""Parquet: columns of any type as canonical text, by DuckDB over Arrow."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.duckdb_connection import connect_duckdb
from vertebra.errors import CollectError
from vertebra.landing.parsing.column_names import positions, renamed, unique_names
from vertebra.landing.parsing.format import Format
from vertebra.landing.parsing.records import Records, refuse_other_columns
from vertebra.landing.payload import BUFFER, PayloadPart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from vertebra.landing.parsing.records import ReadContext

_ROWS = 16_384


class ParquetFormat(Format):
    """``format: parquet``: columns of any type, as canonical text.

    Integers and decimals are written in full, floating-point numbers by their shortest exact digits, dates and times in
    ISO 8601 order (``2013-01-01 05:00:00``), with ``+00`` where the type is an instant, booleans as ``true`` and
    ``false``, bytes as hexadecimal digits, nested values as JSON.
    """

    name = "parquet"
    version = 2
    endings = (".parquet",)
    content = "binary"
    signature = b"PAR1"
    example = """\
source: warehouse
collect: {from: files, path: "exports/*.parquet"}
parse: {format: parquet}
columns: {id: bigint, sold_at: timestamp, price: "decimal(10,2)"}
"""

    def read(self, parts: Sequence[PayloadPart], context: ReadContext) -> Records:
        """Read Parquet parts.

        Raises:
            CollectError: a part is not Parquet or is damaged, or has other columns than the first.
        """
        files = [_seekable(part, number, context.scratch) for number, part in enumerate(parts)]
        headers = [_schema(file, part).names for file, part in zip(files, parts, strict=True)]
        for part, names in zip(parts, headers, strict=True):
            refuse_other_columns(parts[0], headers[0], part, names)
        pairs = list(zip(files, parts, strict=True))
        columns = unique_names(headers[0])
        rows = (batch for file, part in pairs for batch in _batches(file, part))
        return Records(columns, rows, {"renamed": renamed(headers[0], columns)})

    def cut(self, part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
        """Copy a part without some records; see :func:`vertebra.landing.erasure.cut_binary.cut_parquet`."""
        from vertebra.landing.erasure.cut_binary import cut_parquet

        cut_parquet(part, dropped, sink, context)


def _seekable(part: PayloadPart, number: int, scratch: Path) -> Path:
    if part.plain is not None:
        return part.plain
    target = scratch / f"part-{number}.parquet"
    with part.open() as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, BUFFER)
    return target


def _schema(file: Path, part: PayloadPart) -> pa.Schema:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(part, error) from error


def _batches(file: Path, part: PayloadPart) -> Iterator[pa.RecordBatch]:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    connection = connect_duckdb(config={"memory_limit": "1GB", "autoload_known_extensions": False})
    # instants are shown in UTC; a DuckDB with time zones would use the zone of the machine
    if connection.sql("SELECT 1 FROM duckdb_settings() WHERE name = 'TimeZone'").fetchall():
        connection.execute("SET TimeZone = 'UTC'")
    try:
        with pq.ParquetFile(file, pre_buffer=False) as source:
            names = positions(len(source.schema_arrow))
            fields = [pa.field(name, field.type) for name, field in zip(names, source.schema_arrow, strict=True)]
            schema = pa.schema(fields)
            numbered = (
                pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in source.iter_batches(_ROWS)
            )
            stream = pa.RecordBatchReader.from_batches(schema, numbered)
            columns = ", ".join(_as_text(field) for field in fields)
            if columns:
                relation = connection.from_arrow(stream)
                yield from relation.select(columns).to_arrow_reader(_ROWS)
    except (pa.ArrowException, duckdb.Error) as error:
        raise _damaged(part, error) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(part, error) from error
    finally:
        connection.close()


def _as_text(field: pa.Field) -> str:
    import pyarrow as pa

    if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
        return f"lower(hex({field.name})) AS {field.name}"
    if pa.types.is_nested(field.type):
        return f"CAST(to_json({field.name}) AS VARCHAR) AS {field.name}"
    return f"CAST({field.name} AS VARCHAR) AS {field.name}"


def _damaged(part: PayloadPart, error: Exception) -> CollectError:
    return CollectError(
        f"{part.name} cannot be read as Parquet",
        cause=str(error).splitlines()[0],
        remedy="collect it again; if it happens again, correct parse.format or ask the source",
    )


FORMAT: Final = ParquetFormat()
