"""Parquet files and Delta tables: their columns have types, and rows are numbered by their position in the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from vertebra.declare.document import display_path
from vertebra.errors import CollectError
from vertebra.external_data.duckdb_values import first_row, refused
from vertebra.external_data.source import POSITION, SourcePart
from vertebra.formatting import shortened
from vertebra.quoting import duckdb_identifier, duckdb_text

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


class ParquetFiles:
    """Parquet files; each must have the columns that the rules name."""

    texts = False

    def __init__(self, files: Sequence[Path]) -> None:
        import pyarrow.parquet as pq

        self._files = files
        try:
            self.columns = tuple(pq.read_schema(files[0]).names)
        except Exception as error:
            raise refused(error, files[0]) from None

    def parts(self, columns: Sequence[str], folder: Path, connection: duckdb.DuckDBPyConnection) -> list[SourcePart]:  # noqa: ARG002
        """Read some columns; see :class:`~vertebra.external_data.source.ExternalTable`."""
        return [parquet_part(connection, file, display_path(file), {name: duckdb_identifier(name) for name in columns})
                for file in self._files]  # fmt: skip


class DeltaFolder:
    """The newest version of a Delta table. Its rows have no order; a row is a position in a data file."""

    texts = False

    def __init__(self, folder: Path) -> None:
        import pyarrow as pa
        from deltalake import DeltaTable

        self._folder = folder
        try:
            self._table = DeltaTable(str(folder))
            features = set(self._table.protocol().reader_features or ())
            self._schema = {one.name: one for one in pa.schema(self._table.schema().to_arrow())}
        except Exception as error:
            raise refused(error, folder) from None
        unread = features & {"deletionVectors", "columnMapping"}
        if unread:
            raise CollectError(
                f"{display_path(folder)} uses {' and '.join(sorted(unread))}",
                cause="its data files are not simply the rows of the table",
                remedy="write the table to Parquet with the engine that made it, and check that",
            )
        self.columns = tuple(self._schema)

    def parts(self, columns: Sequence[str], folder: Path, connection: duckdb.DuckDBPyConnection) -> list[SourcePart]:  # noqa: ARG002
        """Read some columns; see :class:`~vertebra.external_data.source.ExternalTable`."""

        import pyarrow as pa

        actions = pa.table(self._table.get_add_actions(flatten=True)).to_pylist()
        found = []
        for action in sorted(actions, key=lambda one: str(one["path"])):
            file = self._folder / unquote(action["path"])
            present = set(_names(file))
            chosen = {}
            for name in columns:
                kind = _duckdb_type(self._schema[name].type)
                value = duckdb_identifier(name) if name in present else duckdb_text(action.get(f"partition.{name}"))
                chosen[name] = f"CAST({value} AS {kind})" if kind else value
            found.append(parquet_part(connection, file, unquote(action["path"]), chosen))
        return found


def parquet_part(connection: duckdb.DuckDBPyConnection, file: Path, name: str, chosen: dict[str, str]) -> SourcePart:
    """Make a part from one file.

    Args:
        chosen: SQL over the file, by column name.

    Raises:
        CollectError: a column is missing in the file, or it cannot be read.
    """
    present = _names(file)
    values = [value.strip('"').replace('""', '"') for value in chosen.values() if value.startswith('"')]
    absent = [value for value in values if value not in present]
    if absent:
        raise CollectError(
            f"{name} has no column {absent[0]}", cause=f"its columns are {shortened(present)}",
            remedy="give files with the same columns",
        )  # fmt: skip
    listed = ", ".join(f"{value} AS {duckdb_identifier(column)}" for column, value in chosen.items())
    sql = (
        f"SELECT file_row_number AS {POSITION}{', ' if listed else ''}{listed}"
        f" FROM read_parquet({duckdb_text(file)}, file_row_number=true, hive_partitioning=false)"
    )
    try:
        (rows,) = first_row(connection, f"SELECT count(*) FROM read_parquet({duckdb_text(file)})") or (0,)
    except Exception as error:
        raise refused(error, file) from None
    return SourcePart(name, sql, int(rows))


def _names(file: Path) -> list[str]:
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(file).names)
    except Exception as error:
        raise refused(error, file) from None


def _duckdb_type(kind: pa.DataType) -> str | None:
    """The DuckDB type for a type of a Delta table; None for nested types, which stay unchanged."""
    import pyarrow.types as at

    for known, name in (
        (at.is_boolean, "BOOLEAN"), (at.is_int8, "TINYINT"), (at.is_int16, "SMALLINT"), (at.is_int32, "INTEGER"),
        (at.is_int64, "BIGINT"), (at.is_float32, "FLOAT"), (at.is_float64, "DOUBLE"), (at.is_date, "DATE"),
    ):  # fmt: skip
        if known(kind):
            return name
    if at.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if at.is_timestamp(kind):
        return "TIMESTAMPTZ" if kind.tz else "TIMESTAMP"
    if "string" in str(kind):
        return "VARCHAR"
    return "BLOB" if "binary" in str(kind) else None
