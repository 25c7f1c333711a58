"""Connections to DuckDB, for all of Vertebra."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb


def connect_duckdb(
    file: Path | None = None, config: Mapping[str, bool | int | str] | None = None
) -> duckdb.DuckDBPyConnection:
    """Connect to DuckDB without a progress bar, which it would draw on stdout, among the output of the caller.

    DuckDB draws it for queries of over two seconds where Python has no script, as in ``python -c`` or a notebook.

    Args:
        file: the database; in memory by default.
        config: settings that can only be given when the database is opened.
    """
    import duckdb

    connection = duckdb.connect(str(file) if file is not None else ":memory:", config=dict(config or {}))
    connection.execute("SET enable_progress_bar = false")
    return connection
