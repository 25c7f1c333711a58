"""Names and texts as SQL: each engine has its own quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def spark_identifier(name: str) -> str:
    """A name as an identifier in Spark SQL.

    Examples:
        >>> spark_identifier("dep time")
        '`dep time`'
    """
    return "`" + name.replace("`", "``") + "`"


def duckdb_identifier(name: str) -> str:
    """A name as an identifier in DuckDB's SQL.

    Examples:
        >>> duckdb_identifier("dep time")
        '"dep time"'
    """
    return '"' + name.replace('"', '""') + '"'


def duckdb_text(value: object) -> str:
    """A value as a string in DuckDB's SQL; NULL for None.

    Examples:
        >>> duckdb_text("O'Hare")
        "'O''Hare'"
        >>> duckdb_text(None)
        'NULL'
    """
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def duckdb_texts(values: Iterable[object]) -> str:
    """Values as strings in DuckDB's SQL, separated by commas.

    Examples:
        >>> duckdb_texts(["JFK", "LGA"])
        "'JFK', 'LGA'"
    """
    return ", ".join(map(duckdb_text, values))
