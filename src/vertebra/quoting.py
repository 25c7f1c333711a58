"""Names and texts as SQL: each engine has its own quotes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def spark_identifier(name: str) -> str:
    """A name as an identifier in Spark SQL.

    Examples:
        >>> spark_identifier("dep time")
        '`dep time`'
    """
    return "`" + name.replace("`", "``") + "`"


def rule_column(variable: str, column: str) -> str:
    """A column of a tuple variable in a rule, quoted unless it is a plain name; a reserved word is one after a dot.

    Examples:
        >>> rule_column("t", "select"), rule_column("t", " amount ")
        ('t.select', 't.` amount `')
    """
    return f"{variable}.{column if _PLAIN.fullmatch(column) else spark_identifier(column)}"


def shown_names(names: Iterable[str]) -> str:
    """Names as a list for people, quoted where blanks or other characters would hide what they are.

    Examples:
        >>> shown_names(["origin", " amount "])
        'origin, ` amount `'
    """
    return ", ".join(name if name == name.strip() and name.isprintable() else spark_identifier(name) for name in names)


def spark_text(value: str) -> str:
    """A text as a string in Spark SQL.

    Examples:
        >>> print(spark_text("O'Hare"))
        'O\\'Hare'
    """
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


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
