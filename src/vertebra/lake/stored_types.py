"""The columns and types that a Delta table stores for a schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import Schema as DeltaSchema

from vertebra.engine.written_schema import sql_type, stored_type
from vertebra.errors import LakeError
from vertebra.formatting import shortened

if TYPE_CHECKING:
    from deltalake import DeltaTable

NAMED = 10
"""Columns that a message names."""


def stored_schema(schema: pa.Schema, table: str) -> pa.Schema:
    """The columns and types that a table stores for a schema.

    NULL is allowed everywhere: with Delta's NOT NULL, every later writer would have to guarantee it. Rules state what
    may be NULL.

    Raises:
        LakeError: Delta has no type for a column.
    """
    fields = [pa.field(field.name, stored_type(_micros(field.type)), nullable=True) for field in schema]
    unfit = [f"{field.name} ({sql_type(field.type)})" for field in fields if not _in_delta(field)]
    if unfit:
        raise LakeError(
            f"{table} cannot store the columns {shortened(unfit, NAMED)}",
            cause="Delta tables have no such type",
            remedy="cast them to a type of a table, such as double, decimal, string, date or timestamp",
        )
    return pa.schema(fields)


def _micros(kind: pa.DataType) -> pa.DataType:
    """A timestamp in the unit that Delta has; any other type as it is."""
    return pa.timestamp("us", tz=kind.tz) if pa.types.is_timestamp(kind) else kind


def _in_delta(field: pa.Field) -> bool:
    """Whether a column is read from a table with the type that it was stored with."""
    if _any_part(field.type, pa.types.is_null) or _any_part(field.type, _is_map_of_local_times):
        return False
    try:
        back = pa.schema(DeltaSchema.from_arrow(pa.schema([field])).to_arrow()).field(0)
    except Exception:  # the library raises a bare Exception for a type that Delta does not have
        return False
    return bool(stored_type(back.type) == field.type)


def _any_part(kind: pa.DataType, wanted: Callable[[pa.DataType], bool]) -> bool:
    """Whether a type, or a type nested in it, is of a kind."""
    parts = [kind.field(index).type for index in range(kind.num_fields)] if pa.types.is_nested(kind) else []
    return wanted(kind) or any(_any_part(part, wanted) for part in parts)


def _is_local_time(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is None


def _is_map_of_local_times(kind: pa.DataType) -> bool:
    # Delta's library ignores maps when it looks for types that a table has to declare, and then cannot open the table
    return pa.types.is_map(kind) and _any_part(kind, _is_local_time)


def needs_local_times(table: DeltaTable, schema: pa.Schema) -> bool:
    """Whether a table must declare timestamps without time zone before it gets a schema with them."""
    known = table.protocol().reader_features or []
    return "timestampNtz" not in known and any(_any_part(field.type, _is_local_time) for field in schema)
