"""Staging: the columns that rules name are written to Parquet files for the engine, with types and row ids.

Rows are numbered from 0 in the order of the data. Memory is bounded: DuckDB streams from files to files.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vertebra.declare.column_type import column_type
from vertebra.errors import CollectError
from vertebra.external_data.csv_files import CsvFiles
from vertebra.external_data.duckdb_values import connect, copied
from vertebra.external_data.json_files import JsonFiles
from vertebra.external_data.source import POSITION, ExternalTable, SourceLayout, SourcePart
from vertebra.external_data.types import TEXT, FoundType, declared_type, filled, found_type, json_type, native_type
from vertebra.quoting import duckdb_identifier

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine

ROW_ID: Final = "_rid"


@dataclass(frozen=True)
class StagedTable:
    """A table that is staged for the engine.

    Attributes:
        name: the relation.
        files: Parquet, with ``_rid BIGINT`` and the columns.
        types: Spark types by column; empty for a column without values.
        parts: the name and first row id of each file; for a frame, one part without a name.
        rows: the number of rows in all parts.
        notes: unexpected details of how the data were read.
    """

    name: str
    files: tuple[Path, ...]
    types: dict[str, str]
    parts: tuple[tuple[str, int], ...]
    rows: int
    notes: tuple[str, ...] = ()

    def frame(self, engine: Engine) -> DataFrame:
        """As the engine sees it."""
        import pyarrow.parquet as pq

        return engine.read_parquet(list(self.files), pq.read_schema(self.files[0]))

    def place(self, rid: int) -> tuple[str, int]:
        """The file of a row, and its position there."""
        number = bisect_right([first for _, first in self.parts], rid) - 1
        name, first = self.parts[number]
        return name, rid - first


def stage(
    name: str,
    data: ExternalTable,
    columns: Sequence[str],
    reading: SourceLayout,
    folder: Path,
    progress: Callable[[str], None],
) -> StagedTable:
    """Stage columns of data.

    Args:
        columns: the columns to stage.
        folder: an existing, empty folder.
        progress: called with messages for people.

    Raises:
        CollectError: a file cannot be read, or a cell does not have the declared type.
    """
    connection = connect(folder)
    try:
        progress(f"reading {name}")
        parts = data.parts(columns, folder, connection)
        progress(f"detecting the types of {name}")
        found = {column: _type(connection, data, parts, column, reading) for column in columns}
        progress(f"staging {name}")
        files, places, first = [], [], 0
        for number, part in enumerate(parts):
            values = [f"{first} + {POSITION} AS {ROW_ID}"]
            values += [
                f"{filled(one.type.value, duckdb_identifier(c))} AS {duckdb_identifier(c)}" for c, one in found.items()
            ]
            target = folder / f"part-{number:06}.parquet"
            copied(connection, f"SELECT {', '.join(values)} FROM ({part.sql})", target)
            files.append(target)
            places.append((part.name, first))
            first += part.rows
        for raw in folder.glob("raw-*.parquet"):
            raw.unlink()
    finally:
        connection.close()
    return StagedTable(
        name, tuple(files), {column: one.type.name for column, one in found.items()}, tuple(places), first,
        tuple(one.note for one in found.values() if one.note),
    )  # fmt: skip


def _type(
    connection: duckdb.DuckDBPyConnection,
    data: ExternalTable,
    parts: Sequence[SourcePart],
    column: str,
    reading: SourceLayout,
) -> FoundType:
    if column in reading.types:
        return declared_type(connection, parts, column, reading.types[column], blanks=isinstance(data, CsvFiles))
    if isinstance(data, JsonFiles):
        return json_type(connection, parts, column)
    if not data.texts:
        return native_type(connection, parts, column)
    return FoundType(TEXT) if reading.text else found_type(connection, parts, column, blanks=isinstance(data, CsvFiles))


def checked_types(types: dict[str, str]) -> dict[str, str]:
    """Check declared types.

    Raises:
        CollectError: one of them does not exist.
    """
    checked = {}
    for column, kind in types.items():
        try:
            checked[column] = str(column_type(kind))
        except ValueError as error:
            raise CollectError(f"--type {column}: {error}", remedy=f"write e.g. --type {column}=string") from None
    return checked
