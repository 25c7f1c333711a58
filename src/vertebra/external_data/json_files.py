"""JSON records: one object per line, or an array of objects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vertebra.declare.document import display_path
from vertebra.duckdb_connection import connect_duckdb
from vertebra.errors import CollectError
from vertebra.external_data.duckdb_values import copied, refused
from vertebra.external_data.parquet_files import parquet_part
from vertebra.external_data.source import SourcePart
from vertebra.quoting import duckdb_identifier, duckdb_text

if TYPE_CHECKING:
    import duckdb


class JsonFiles:
    """Files with one JSON object per line, or an array of objects. Values are read as text, with their JSON types."""

    texts = True

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        names: dict[str, None] = {}
        with connect_duckdb() as connection:
            for file in files:
                names |= dict.fromkeys(self._names(connection, file))
        self.columns = tuple(names)

    def _names(self, connection: duckdb.DuckDBPyConnection, file: Path) -> list[str]:
        keys = f"SELECT DISTINCT unnest(json_keys(json)) AS k, json_type(json) AS kind FROM {self._reader(file)}"
        other = f"SELECT DISTINCT json_type(json) FROM {self._reader(file)} WHERE json_type(json) <> 'OBJECT'"
        try:
            found = [row[0] for row in connection.sql(f"SELECT k FROM ({keys}) ORDER BY k").fetchall()]
            odd = connection.sql(other).fetchall()
        except Exception as error:
            raise refused(error, file) from None
        if odd:
            raise CollectError(
                f"{display_path(file)} has a record that is not an object, but of type {odd[0][0]}",
                remedy="write one object per line: {\"origin\": \"JFK\", \"distance\": 2475}",
            )  # fmt: skip
        return found

    def _reader(self, file: Path) -> str:
        kind = "auto" if ".json" in [suffix.lower() for suffix in file.suffixes] else "newline_delimited"
        return f"read_json_objects({duckdb_text(file)}, format='{kind}', maximum_object_size=134217728)"

    def parts(self, columns: Sequence[str], folder: Path, connection: duckdb.DuckDBPyConnection) -> list[SourcePart]:
        """Read some columns; see :class:`~vertebra.external_data.source.ExternalTable`."""
        found = []
        values = {name: f"json_extract_string(json, {_json_path(name)})" for name in columns}
        values |= {f"{name}?": f"json_type(json, {_json_path(name)})" for name in columns}
        chosen = ", ".join(f"{value} AS {duckdb_identifier(name)}" for name, value in values.items())
        for number, file in enumerate(self._files):
            raw = folder / f"raw-{number}.parquet"
            copied(connection, f"SELECT {chosen} FROM {self._reader(file)}", raw, file)
            found.append(
                parquet_part(connection, raw, display_path(file), {name: duckdb_identifier(name) for name in values})
            )
        return found


def _json_path(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return duckdb_text(f'$."{escaped}"')
