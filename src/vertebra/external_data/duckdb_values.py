"""DuckDB for reading: bounded memory, quoted names, and what it says of a file in our words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.document import display_path
from vertebra.errors import CollectError
from vertebra.quoting import duckdb_text

if TYPE_CHECKING:
    import duckdb

_MEMORY: Final = "2GB"


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB with bounded memory, spilling into a folder, times in UTC."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{_MEMORY}'")
    connection.execute(f"SET temp_directory = {duckdb_text(folder)}")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def first_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...] | None:
    """The first row of an answer; the connection is free again."""
    rows = connection.execute(query).fetchall()
    return rows[0] if rows else None


def copied(connection: duckdb.DuckDBPyConnection, query: str, target: Path, about: Path | None = None) -> None:
    """Write the rows of a query to a Parquet file, in their order.

    Raises:
        CollectError: the file they come from is not what it seems.
    """
    try:
        connection.execute(f"COPY ({query}) TO {duckdb_text(target)} (FORMAT parquet)")
    except Exception as error:
        if about is None:
            raise
        raise refused(error, about) from None


def refused(error: Exception, file: Path) -> CollectError:
    """What a library says of a file, in our words."""
    text = str(error).strip()
    if "not utf-8 encoded" in text or "Invalid unicode" in text or "invalid UTF" in text:
        line = re.search(r"on Line: (\d+)", text)
        return not_utf8(file, f"a character in line {line[1]} is none" if line else text.splitlines()[0])
    found = re.search(r"CSV Error on Line: (\d+)\n(?:Original Line: ?(.*)\n)?\s*(.*)", text)
    if found:
        return CollectError(
            f"{display_path(file)}: line {found[1]} does not fit the header",
            cause=f"{found[3].strip().rstrip('.').lower()}: {(found[2] or '')[:80]!r}",
            remedy="correct the line, or name the delimiter with --delimiter",
        )
    return CollectError(
        f"{display_path(file)} cannot be read", cause=text.splitlines()[0] if text else type(error).__name__,
        remedy="check that the file is whole, and of the kind its name says",
    )  # fmt: skip


def not_utf8(file: Path, cause: str) -> CollectError:
    """The refusal of a file in another encoding."""
    return CollectError(
        f"{display_path(file)} is not UTF-8 text", cause=cause,
        remedy=f"iconv -f windows-1252 -t utf-8 {display_path(file)} > utf8.csv, and check that",
    )  # fmt: skip
