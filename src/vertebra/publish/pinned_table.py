"""A committed version of a table, read as a stream of record batches without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vertebra.errors import PublishError
from vertebra.formatting import shortened
from vertebra.suggestions import did_you_mean

if TYPE_CHECKING:
    from vertebra.lake.table import LakeTable

_BATCH_ROWS: Final = 131_072
_BATCHES_AHEAD: Final = 4
_FILES_AHEAD: Final = 1


class PinnedTable:
    """One version of a table of the lake, with the columns to publish.

    Args:
        table: the table.
        version: the version to read, even if later ones are committed.
        columns: the columns, in this order; None takes all but those whose name begins with ``_``.

    Raises:
        PublishError: the table has no such column, or none to send.
        LakeError: the version no longer exists.
    """

    def __init__(self, table: LakeTable, version: int, columns: Sequence[str] | None = None) -> None:
        self.name = table.name
        self.version = version
        self.rows = table.rows(version)
        whole = table.schema(version)
        self._columns = _chosen(table.name, whole.names, columns)
        self.schema: pa.Schema = pa.schema([whole.field(name) for name in self._columns])
        self._table = table

    def reader(self) -> pa.RecordBatchReader:
        """The rows as a stream of record batches; each call reads from the beginning."""
        import pyarrow.dataset as pads

        scanner = self._table.arrow(self.version).scanner(
            columns=self._columns,
            batch_size=_BATCH_ROWS,
            batch_readahead=_BATCHES_AHEAD,
            fragment_readahead=_FILES_AHEAD,
            # by default, the reader keeps the whole file in memory
            fragment_scan_options=pads.ParquetFragmentScanOptions(pre_buffer=False),
        )
        return scanner.to_reader()


def _chosen(table: str, present: Sequence[str], columns: Sequence[str] | None) -> list[str]:
    if columns is None:
        chosen = [name for name in present if not name.startswith("_")]
        if not chosen:
            raise PublishError(
                f"{table} has no column to publish",
                cause=f"the names of all its columns begin with _: {shortened(present)}",
                remedy="name those to send under `columns:`",
            )
        return chosen
    for name in columns:
        if name not in present:
            raise PublishError(
                f"{table} has no column {name}",
                cause=f"its columns are {shortened(present)}",
                remedy=did_you_mean(name, present, "correct `columns:` of the publication"),
            )
    return list(columns)
