"""Types of columns: for text, the type is detected from every cell; other types are converted to the engine's.

A text is a number only if it is written like one: ``007`` and ``1_000`` stay text, because they are names or codes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from vertebra.errors import CollectError
from vertebra.external_data.duckdb_values import first_row, trimmed
from vertebra.external_data.source import POSITION, SourcePart
from vertebra.quoting import duckdb_identifier

if TYPE_CHECKING:
    import duckdb

_SAMPLE: Final = 2_000
_NEARLY: Final = 0.9
_TIME: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
_NUMBER: Final = "[+-]?(0|[1-9][0-9]*)?([.][0-9]*)?([eE][+-]?[0-9]+)?|[+-]?[iI]nf(inity)?|[nN]a[nN]"
_WHOLE_DOUBLE: Final = 2**53
"""Whole numbers below this are doubles without loss."""


@dataclass(frozen=True)
class TypeOf:
    """A type that a column may have.

    Attributes:
        name: Spark's name.
        what: plural noun for cells of this type, for messages.
        fits: SQL: whether a text ``{c}`` is written like this type.
        value: SQL: the value of the text ``{c}``.
    """

    name: str
    what: str
    fits: str
    value: str


CANDIDATES: Final = (
    TypeOf("bigint", "whole numbers", "CAST(TRY_CAST({c} AS BIGINT) AS VARCHAR) = {c}", "CAST({c} AS BIGINT)"),
    TypeOf(
        "decimal(38,0)", "whole numbers", "CAST(TRY_CAST({c} AS DECIMAL(38,0)) AS VARCHAR) = {c}",
        "CAST({c} AS DECIMAL(38,0))",
    ),
    TypeOf(
        "double", "numbers",
        f"regexp_full_match({{c}}, '{_NUMBER}') AND TRY_CAST({{c}} AS DOUBLE) IS NOT NULL"
        f" AND (regexp_matches({{c}}, '[.eEnN]') OR abs(TRY_CAST({{c}} AS DOUBLE)) < {_WHOLE_DOUBLE})",
        "CAST({c} AS DOUBLE)",
    ),
    TypeOf("boolean", "true or false", "lower({c}) IN ('true', 'false')", "CAST({c} AS BOOLEAN)"),
    TypeOf(
        "date", "dates",
        "regexp_full_match({c}, '[0-9]{4}-[0-9]{2}-[0-9]{2}') AND TRY_CAST({c} AS DATE) IS NOT NULL",
        "CAST({c} AS DATE)",
    ),
    TypeOf(
        "timestamp", "times",
        f"regexp_full_match({{c}}, '{_TIME}')"
        " AND TRY_CAST({c} AS TIMESTAMP) IS NOT NULL",
        "CAST({c} AS TIMESTAMP)::TIMESTAMPTZ",
    ),
    TypeOf(
        "timestamp", "times with an offset",
        f"regexp_full_match({{c}}, '{_TIME}(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)')"
        " AND TRY_CAST({c} AS TIMESTAMPTZ) IS NOT NULL",
        "CAST({c} AS TIMESTAMPTZ)",
    ),
)  # fmt: skip
"""Best first."""

TEXT: Final = TypeOf("string", "texts", "true", "{c}")
UNKNOWN: Final = TypeOf("", "nothing", "true", "{c}")
"""The type of a column without values: it compares with any type, and comparisons are never true."""

_WITHOUT_BLANKS: Final = f"nullif({trimmed('{c}')}, '')"

_NATIVE: Final = {
    "BOOLEAN": "boolean", "TINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "int", "BIGINT": "bigint",
    "FLOAT": "float", "DOUBLE": "double", "VARCHAR": "string", "DATE": "date",
}  # fmt: skip
_CONVERTED: Final = {
    "UTINYINT": ("smallint", "SMALLINT"), "USMALLINT": ("int", "INTEGER"), "UINTEGER": ("bigint", "BIGINT"),
    "UBIGINT": ("decimal(20,0)", "DECIMAL(20,0)"), "HUGEINT": ("decimal(38,0)", "DECIMAL(38,0)"),
    "UHUGEINT": ("decimal(38,0)", "DECIMAL(38,0)"), "TIMESTAMP": ("timestamp", "TIMESTAMPTZ"),
    "TIMESTAMP_S": ("timestamp", "TIMESTAMPTZ"), "TIMESTAMP_MS": ("timestamp", "TIMESTAMPTZ"),
    "TIMESTAMP WITH TIME ZONE": ("timestamp", "TIMESTAMPTZ"),
}  # fmt: skip
_SPARK: Final = {
    "tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER", "bigint": "BIGINT", "float": "FLOAT",
    "double": "DOUBLE", "string": "VARCHAR", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMPTZ",
}  # fmt: skip


@dataclass(frozen=True)
class FoundType:
    """The detected type of a column.

    Attributes:
        note: why the column is text although most of its cells are not; empty otherwise.
    """

    type: TypeOf
    note: str = ""


def filled(sql: str, column: str) -> str:
    """Fill a column, given as an identifier or an expression, into the SQL of a :class:`TypeOf`."""
    return sql.replace("{c}", column)


def found_type(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[SourcePart], column: str, *, blanks: bool = False
) -> FoundType:
    """Detect the narrowest type that fits every cell of a text column.

    Args:
        blanks: whether other types than text are read without surrounding blanks, and as NULL where nothing is left.
    """
    name = duckdb_identifier(column)
    cell = _WITHOUT_BLANKS if blanks else "{c}"
    read = filled(cell, name)
    values = " UNION ALL ".join(f"SELECT {POSITION}, {read} AS c FROM ({part.sql})" for part in parts)
    sample = f"SELECT DISTINCT c FROM (SELECT c FROM ({values}) WHERE c IS NOT NULL LIMIT {_SAMPLE})"
    fits = ", ".join(f"avg(CASE WHEN {filled(one.fits, 'c')} THEN 1 ELSE 0 END)" for one in CANDIDATES)
    shares = first_row(connection, f"SELECT {fits} FROM ({sample})") or ()
    if not shares or shares[0] is None:
        if first_row(connection, f"SELECT 1 FROM ({values}) WHERE c IS NOT NULL LIMIT 1") is None:
            return FoundType(UNKNOWN)
        return FoundType(TEXT)
    note = ""
    for candidate, share in zip(CANDIDATES, shares, strict=True):
        if share < _NEARLY:
            continue
        fits = f"{read} IS NULL OR {filled(candidate.fits, read)}"
        misfit = _misfit(parts, connection, name, fits)
        if misfit is None:
            return FoundType(replace(candidate, value=filled(candidate.value, cell)))
        note = note or f"{column} is read as text: most of its cells are {candidate.what}, but {misfit}"
    return FoundType(TEXT, note)


def json_type(connection: duckdb.DuckDBPyConnection, parts: Sequence[SourcePart], column: str) -> FoundType:
    """Detect the type of a column of JSON records; ``column?`` has the JSON types of its values."""
    name, kinds = duckdb_identifier(column), duckdb_identifier(f"{column}?")
    listed = " UNION ".join(
        f"SELECT DISTINCT {kinds} AS k FROM ({part.sql}) WHERE {name} IS NOT NULL" for part in parts
    )
    seen = {row[0] for row in connection.sql(listed).fetchall()}
    if not seen:
        return FoundType(UNKNOWN)
    if seen == {"BOOLEAN"}:
        return FoundType(CANDIDATES[3])
    if seen <= {"BIGINT", "UBIGINT", "DOUBLE"}:
        found = found_type(connection, parts, column)
        return found if found.type.name != "string" else FoundType(CANDIDATES[2])
    misfit = f"{column} is read as text: its values are {', '.join(sorted(seen)).lower()}"
    return FoundType(TEXT, misfit if len(seen) > 1 or seen & {"OBJECT", "ARRAY"} else "")


def native_type(connection: duckdb.DuckDBPyConnection, parts: Sequence[SourcePart], column: str) -> FoundType:
    """The engine's type for a typed column.

    Raises:
        CollectError: the parts have different types, or no type of the engine keeps every value.
    """
    name = duckdb_identifier(column)
    seen: dict[str, str] = {}
    for part in parts:
        described = connection.sql(f"SELECT {name} FROM ({part.sql})").types[0]
        seen.setdefault(str(described), part.name)
    if len(seen) > 1:
        raise CollectError(
            f"{column} is of several types: " + ", ".join(f"{kind} in {file}" for kind, file in seen.items()),
            remedy=f"--type {column}=string, or another type that holds all",
        )
    kind = next(iter(seen))
    if kind in _NATIVE or kind.startswith("DECIMAL"):
        return FoundType(TypeOf(_NATIVE.get(kind, kind.lower()), "", "true", "{c}"))
    if kind in _CONVERTED:
        spark, target = _CONVERTED[kind]
        return FoundType(TypeOf(spark, "", "true", f"CAST({{c}} AS {target})"))
    if kind == "TIMESTAMP_NS":
        _check_nanoseconds(connection, parts, column)
        return FoundType(TypeOf("timestamp", "", "true", "CAST(CAST({c} AS TIMESTAMP) AS TIMESTAMPTZ)"))
    nested = re.match(r"STRUCT|MAP|UNION|.*\[\d*\]$", kind)
    note = f"{column} is read as text, because its type is {kind}" if nested else ""
    return FoundType(TypeOf("string", "", "true", "CAST({c} AS VARCHAR)"), note)


def declared_type(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[SourcePart], column: str, kind: str, *, blanks: bool = False
) -> FoundType:
    """Use a declared type.

    Args:
        blanks: as in :func:`found_type`.

    Raises:
        CollectError: a cell does not have the type; the message shows the first one.
    """
    name = duckdb_identifier(column)
    target = _SPARK.get(kind) or kind.upper()
    cell = _WITHOUT_BLANKS if blanks and kind != "string" else "{c}"
    read = filled(cell, name)
    cast = f"TRY_CAST({read} AS {target})"
    fits = f"{cast} IS NOT NULL OR {read} IS NULL"
    if kind in ("tinyint", "smallint", "int", "bigint") or kind.startswith("decimal"):
        # a cast would round what has too many digits
        exact = f"CAST({cast} AS DOUBLE) = TRY_CAST(CAST({read} AS VARCHAR) AS DOUBLE)"
        fits = f"({fits}) AND coalesce({exact}, {read} IS NULL)"
    misfit = _misfit(parts, connection, name, fits)
    if misfit:
        raise CollectError(
            f"{column} is not {kind}: {misfit}",
            remedy=f"--null for a text that means NULL; or keep {column} as text and use try_cast(…) in the rule",
        )
    return FoundType(TypeOf(kind, "", "true", f"CAST({cell} AS {target})"))


def _misfit(parts: Sequence[SourcePart], connection: duckdb.DuckDBPyConnection, name: str, fits: str) -> str | None:
    """The first cell that does not fit, in words."""
    for part in parts:
        found = first_row(
            connection,
            f"SELECT {POSITION}, CAST({name} AS VARCHAR) FROM ({part.sql})"
            f" WHERE {name} IS NOT NULL AND NOT coalesce({fits}, false) ORDER BY {POSITION} LIMIT 1",
        )
        if found:
            return f"row {found[0]}{f' of {part.name}' if part.name else ''} has {found[1]!r}"
    return None


def _check_nanoseconds(connection: duckdb.DuckDBPyConnection, parts: Sequence[SourcePart], column: str) -> None:
    misfit = _misfit(parts, connection, duckdb_identifier(column), f"epoch_ns({duckdb_identifier(column)}) % 1000 = 0")
    if misfit:
        raise CollectError(
            f"{column} has nanoseconds: {misfit}",
            cause="the engine's times have microseconds, so that different values would become equal",
            remedy=f"--type {column}=string",
        )
