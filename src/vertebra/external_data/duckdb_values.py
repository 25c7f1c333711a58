"""Reading with DuckDB: bounded memory, quoted names, and errors about files translated to ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.blanks import BLANKS
from vertebra.declare.document import display_path
from vertebra.duckdb_connection import connect_duckdb
from vertebra.errors import CollectError
from vertebra.quoting import duckdb_text

if TYPE_CHECKING:
    import duckdb

_MEMORY: Final = "2GB"


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Connect to DuckDB with bounded memory, a folder to spill to, and times in UTC."""
    connection = connect_duckdb()
    connection.execute(f"SET memory_limit = '{_MEMORY}'")
    connection.execute(f"SET temp_directory = {duckdb_text(folder)}")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def trimmed(text: str) -> str:
    """SQL: a text, given as SQL, without surrounding blanks."""
    # a NUL cannot be written in a literal
    return f"trim({text}, {duckdb_text(BLANKS.replace(chr(0), ''))})"


def first_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...] | None:
    """Return the first row of a result; the connection can be used again."""
    rows = connection.execute(query).fetchall()
    return rows[0] if rows else None


def copied(connection: duckdb.DuckDBPyConnection, query: str, target: Path, about: Path | None = None) -> None:
    """Write the rows of a query to a Parquet file, in order.

    Raises:
        CollectError: the content of their file does not match its extension.
    """
    try:
        connection.execute(f"COPY ({query}) TO {duckdb_text(target)} (FORMAT parquet)")
    except Exception as error:
        if about is None:
            raise
        raise refused(error, about) from None


def refused(error: Exception, file: Path) -> CollectError:
    """Translate the error of a library about a file."""
    text = str(error).strip()
    if "not utf-8 encoded" in text or "Invalid unicode" in text or "invalid UTF" in text:
        line = re.search(r"on Line: (\d+)", text)
        return not_utf8(file, f"line {line[1]} has an invalid character" if line else text.splitlines()[0])
    found = re.search(r"CSV Error on Line: (\d+)\n(?:Original Line: ?(.*)\n)?\s*(.*)", text)
    if found:
        return CollectError(
            f"{display_path(file)}: line {found[1]} does not fit the header",
            cause=f"{found[3].strip().rstrip('.').lower()}: {(found[2] or '')[:80]!r}",
            remedy="correct the line, or name the delimiter with --delimiter",
        )
    return CollectError(
        f"{display_path(file)} cannot be read", cause=text.splitlines()[0] if text else type(error).__name__,
        remedy="check that the file is complete and of the kind its name says",
    )  # fmt: skip


def not_utf8(file: Path, cause: str) -> CollectError:
    """The error about a file in another encoding."""
    return CollectError(
        f"{display_path(file)} is not UTF-8 text", cause=cause,
        remedy=f"iconv -f windows-1252 -t utf-8 {display_path(file)} > utf8.csv, and check that",
    )  # fmt: skip
