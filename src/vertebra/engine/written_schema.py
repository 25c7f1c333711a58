"""Compares the schema of files that an engine wrote with the schema of its plan.

An engine may find one type for a column when it plans a query and another one when it runs it: Sail plans
``union all`` of a double and a decimal as double and writes decimals. A table is committed with the planned types, so
such files could not be read as what the table says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from vertebra.errors import QueryError
from vertebra.formatting import shortened

_SQL_NAMES: Final = {
    "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "float": "float", "bool": "boolean",
    "null": "void",
    "date32[day]": "date", "timestamp[us]": "timestamp_ntz", "timestamp[us, tz=UTC]": "timestamp",
}  # fmt: skip
_NAMED: Final = 5
"""Columns that a message names."""


def check_written(files: Sequence[Path], planned: pa.Schema) -> None:
    """Check that files have the columns and types of the plan that wrote them.

    Whether a column may be NULL and how the parts of arrays and maps are called is not compared: tables take NULL
    everywhere, and engines choose those names.

    Raises:
        QueryError: a file has other columns or types.
    """
    wanted = {field.name: stored_type(field.type) for field in planned}
    for file in files:
        found = {field.name: stored_type(field.type) for field in pq.read_schema(file)}
        if found != wanted:
            raise _differs(wanted, found)


def stored_type(kind: pa.DataType) -> pa.DataType:
    """A type as tables store it: plain strings and binaries, timestamps in UTC, NULL allowed in all parts."""
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_timestamp(kind):
        return pa.timestamp(kind.unit, tz="UTC" if kind.tz else None)
    if pa.types.is_map(kind):
        return pa.map_(stored_type(kind.key_type), stored_type(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("element", stored_type(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(part.name, stored_type(part.type)) for part in kind])
    return kind


def sql_type(kind: pa.DataType) -> str:
    """The name of a type in Spark SQL, as a cast would write it."""
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    if pa.types.is_map(kind):
        return f"map<{sql_type(kind.key_type)}, {sql_type(kind.item_type)}>"
    if pa.types.is_list(kind):
        return f"array<{sql_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{part.name}: {sql_type(part.type)}' for part in kind)}>"
    return _SQL_NAMES.get(str(kind), str(kind))


def _differs(wanted: dict[str, pa.DataType], found: dict[str, pa.DataType]) -> QueryError:
    if wanted.keys() != found.keys():
        names = shortened(sorted(wanted.keys() ^ found.keys()), _NAMED)
        return QueryError(
            f"the engine wrote other columns than it planned: {names}",
            remedy="give every column a name of its own with `as`",
        )
    retyped = [name for name, kind in wanted.items() if found[name] != kind]
    named = [f"{name} is {sql_type(wanted[name])} in its plan, {sql_type(found[name])} in its file" for name in retyped]
    first = retyped[0]
    kept = wanted[first] if pa.types.is_floating(wanted[first]) else found[first]
    return QueryError(
        f"the engine wrote other types than it planned: {shortened(named, _NAMED)}",
        cause="values of several types meet in one column, in a UNION, a CASE or an if(), and the engine did not "
        "settle on one type",
        remedy=f"cast the values to one type where they meet, e.g. cast(… as {sql_type(kept)})",
    )
