"""Rows of a ledger as an Arrow table, and back.

``pa.Table.from_pylist`` imports pandas, and ``to_pylist`` does if there are times with a zone; that takes longer than
all other work of a run with nothing to do. For the types that ledgers have, these functions give the same without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa


def empty_table(schema: pa.Schema) -> pa.Table:
    """A table without rows.

    Example:
        >>> empty_table(pa.schema([("rows", pa.int64())])).num_rows
        0
    """
    return pa.Table.from_batches([], schema)


def row_table(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """A table of a few rows. Missing keys are NULL.

    Args:
        schema: has columns of integers, floats, booleans, texts, instants and lists of these.

    Raises:
        pa.ArrowInvalid: a value has no place in its column, or a key is not a column.

    Example:
        >>> row_table([{"rows": 3}, {}], pa.schema([("rows", pa.int64())])).to_pylist()
        [{'rows': 3}, {'rows': None}]
    """
    import pyarrow.json as pj

    lines = "\n".join(json.dumps(dict(row), default=_instant) for row in rows).encode()
    if not lines:
        return empty_table(schema)
    return pj.read_json(
        pa.BufferReader(lines),
        pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),  # one block, however long a row is
        pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
    )


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table; instants are in UTC.

    Example:
        >>> schema = pa.schema([("at", pa.timestamp("us", "UTC"))])
        >>> rows_of(row_table([{"at": datetime(2013, 1, 1, tzinfo=UTC)}], schema))
        [{'at': datetime.datetime(2013, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)}]
    """
    columns = [_values(column) for column in table.columns]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        values: list[Any] = column.to_pylist()
        return values
    local = pa.timestamp(column.type.unit)
    plain = (value for chunk in column.chunks for value in chunk.view(local).to_pylist())
    return [None if value is None else value.replace(tzinfo=UTC) for value in plain]


def _instant(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a ledger")
