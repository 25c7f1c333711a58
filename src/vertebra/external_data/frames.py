"""Tables in memory: pyarrow, pandas, Polars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vertebra.errors import CollectError
from vertebra.external_data.source import POSITION, SourcePart
from vertebra.quoting import duckdb_identifier

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


class Frame:
    """A table in memory."""

    texts = False

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.columns = tuple(table.column_names)

    def parts(self, columns: Sequence[str], folder: Path, connection: duckdb.DuckDBPyConnection) -> list[SourcePart]:
        """Read some columns; see :class:`~vertebra.external_data.source.ExternalTable`."""
        import numpy as np
        import pyarrow as pa

        repeated = [name for name in columns if self._table.column_names.count(name) > 1]
        if repeated:
            raise CollectError(f"two columns of the frame are named {repeated[0]}", remedy="rename one of them")
        chosen = self._table.select(list(columns)).append_column(
            POSITION, pa.array(np.arange(self._table.num_rows, dtype="int64"))
        )
        view = f"frame_{folder.name}"
        connection.register(view, chosen)
        return [SourcePart("", f"SELECT * FROM {duckdb_identifier(view)}", chosen.num_rows)]


def arrow_of(data: Any) -> pa.Table:
    """Convert a table to Arrow; NaN of pandas becomes NULL.

    Raises:
        CollectError: its type is not supported.
    """
    import pyarrow as pa

    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, pa.Table):
        return data
    module = type(data).__module__.partition(".")[0]
    if module == "polars":
        frame = data.collect() if hasattr(data, "collect") else data
        table: pa.Table = frame.to_arrow()
        return table
    if module == "pandas":
        try:
            return pa.Table.from_pandas(data, preserve_index=False)
        except pa.ArrowException as error:
            raise CollectError(
                "the pandas frame has a column with values of several types", cause=str(error).splitlines()[0],
                remedy="data['column'] = data['column'].astype(…)",
            ) from None  # fmt: skip
    raise CollectError(
        f"data of type {type(data).__module__}.{type(data).__name__} is not supported",
        remedy="give a path, a pyarrow Table, a pandas or Polars DataFrame, or a Spark DataFrame",
    )
