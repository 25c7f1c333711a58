"""Avro: values as canonical text, block by block."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from uuid import UUID

from vertebra.errors import CollectError
from vertebra.landing.parsing.column_names import renamed, unique_names
from vertebra.landing.parsing.format import Format
from vertebra.landing.parsing.records import Records, refuse_other_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from vertebra.landing.parsing.records import ReadContext
    from vertebra.landing.payload import PayloadPart


class AvroFormat(Format):
    """``format: avro``: container files whose schema is a record; values as canonical text, like those of Parquet."""

    name = "avro"
    version = 2
    endings = (".avro",)
    content = "binary"
    signature = b"Obj\x01"
    example = """\
source: events
collect: {from: files, path: "exports/*.avro"}
parse: {format: avro}
columns: {id: bigint, at: timestamp}
"""

    def read(self, parts: Sequence[PayloadPart], context: ReadContext) -> Records:  # noqa: ARG002 - it has no options
        """Read Avro container files.

        Raises:
            CollectError: a part is not Avro, is damaged or cut off, holds no records, or has other columns than the
                first.
        """
        headers = [_columns(part) for part in parts]
        for part, names in zip(parts, headers, strict=True):
            refuse_other_columns(parts[0], headers[0], part, names)
        columns = headers[0]
        unique = unique_names(columns)
        rows = (batch for part in parts for batch in _batches(part, columns))
        return Records(unique, rows, {"renamed": renamed(columns, unique)})

    def cut(self, part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
        """Copy a part without some records; see :func:`vertebra.landing.erasure.cut_binary.cut_avro`."""
        from vertebra.landing.erasure.cut_binary import cut_avro

        cut_avro(part, dropped, sink, context)


def _columns(part: PayloadPart) -> list[str]:
    import fastavro

    try:
        with part.open() as stream:
            schema = fastavro.block_reader(stream).writer_schema
    except Exception as error:
        raise _damaged(part, error) from error
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise CollectError(
            f"{part.name} does not hold records",
            cause=f"its Avro schema is {json.dumps(schema)[:80]}",
            remedy="collect a file whose schema is a record: its fields are the columns",
        )
    return [str(field["name"]) for field in schema["fields"]]


def _batches(part: PayloadPart, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with part.open() as stream:
        for records in _blocks(part, stream):
            cells = [pa.array([_text(record[name]) for record in records], pa.string()) for name in columns]
            yield pa.RecordBatch.from_arrays(cells, names=[f"c{index}" for index in range(len(columns))])


def _blocks(part: PayloadPart, stream: BinaryIO) -> Iterator[list[dict[str, Any]]]:
    import fastavro

    try:
        for block in fastavro.block_reader(stream):
            yield [cast("dict[str, Any]", record) for record in block]
    except GeneratorExit:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(part, error) from error
    except Exception as error:
        # fastavro raises different errors for damaged bytes: ValueError, EOFError, KeyError, zlib.error…
        raise _damaged(part, error) from error


def _text(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case bytes():
            return value.hex()
        case datetime() if value.tzinfo:
            return value.replace(tzinfo=None).isoformat(" ") + "+00"
        case datetime():
            return value.isoformat(" ")
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_text)
        case int() | float() | Decimal() | date() | time() | UUID():
            return str(value)
        case _:
            raise TypeError(f"no text for {type(value).__name__}")


def _damaged(part: PayloadPart, error: Exception) -> CollectError:
    if isinstance(error, CollectError):
        return error
    return CollectError(
        f"{part.name} cannot be read as Avro",
        cause=f"{type(error).__name__}: {error}",
        remedy="collect it again; if it happens again, correct parse.format or ask the source",
    )


FORMAT: Final = AvroFormat()
