"""Incremental cleaning: only new rows are added to the trusted table if the earlier ones are cleaned as before.

Rules are about whole tables: a new row may change a majority, and so repair an old row or release it from quarantine.
So rules are checked, and repairs and removals computed, over all rows. If the repairs and removals of earlier rows are
unchanged, which is nearly always so, these rows are not written again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from vertebra.governance.schemas import STATES
from vertebra.lake.staging import StagedFiles
from vertebra.trusted.ledger_commit import ledger_folders
from vertebra.trusted.violation_changes import BOTH, sides

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.governance.context import StepContext
    from vertebra.lake.table import LakeTable

_REPAIRED_CELL: Final = ("rid", "column_name", "new")
_REMOVED_ROW: Final = ("rid",)


@dataclass(frozen=True)
class NewRows:
    """The rows to add to a trusted table.

    Attributes:
        rows: new rows of the formatted table.
        present: the files of the trusted table now.
        base_version: its version.
    """

    rows: DataFrame
    present: StagedFiles
    base_version: int

    def whole(self, added: StagedFiles) -> StagedFiles:
        """The files of the trusted table after the commit."""
        files = (*self.present.files, *added.files)
        return StagedFiles(files, added.schema, self.present.rows + added.rows)


def new_rows(
    formatted: LakeTable, target: LakeTable, cells: DataFrame | None, removed: DataFrame | None, ctx: StepContext
) -> NewRows | None:
    """The rows to add to a trusted table; None when it has to be written whole.

    Args:
        cells: the repairs of this run, ``rid, column_name, new, …``; None if there are none.
        removed: the rows it removes, ``rid, …``; None if there are none.
    """
    base_version = target.version() if target.exists() else None
    written = ctx.extensible(target)
    folders = ledger_folders(written) if written is not None else None
    if base_version is None or written is None or formatted.name not in written.inputs or folders is None:
        return None
    version = ctx.inputs[formatted.name]
    files = formatted.added(written.inputs[formatted.name], version, written.run_id)
    schema = formatted.schema(version)
    if files is None or not target.schema().equals(schema):
        return None
    rows = ctx.engine.read_parquet(files, schema)
    for ledger, now, about in (("repairs", cells, _REPAIRED_CELL), ("quarantine", removed, _REMOVED_ROW)):
        before = _files(ledger, formatted.name.partition(".")[2], folders.get(ledger), ctx)
        if before is None or not _as_before(ctx, ledger, before, now, rows, about):
            return None
    return NewRows(
        rows, StagedFiles(tuple(target.files(base_version)), schema, target.rows(base_version)), base_version
    )


def _files(ledger: str, dataset: str, folder: str | None, ctx: StepContext) -> list[Path] | None:
    """The files of a ledger for a dataset that belong to its table; None if the ledger has others now.

    Args:
        folder: their folder; None if the ledger had no rows.
    """
    if folder is None:
        return []
    if ctx.ledgers.folders(ledger, dataset) != {folder}:
        return None
    files = ctx.ledgers.files(ledger, dataset)
    return files if all(file.is_file() for file in files) else None


def _as_before(
    ctx: StepContext, ledger: str, files: Sequence[Path], now: DataFrame | None, new: DataFrame, about: Sequence[str]
) -> bool:
    """Whether the earlier rows are treated as in the previous run, according to its ledger."""
    from pyspark.sql import functions as F

    rows = any(pq.read_metadata(file).num_rows for file in files)
    before = ctx.engine.read_parquet(files, STATES[ledger]) if rows else None
    if now is not None:
        now = now.join(new.select(F.col("_rid")), F.col("rid") == F.col("_rid"), "left_anti")
    compared = sides(before, now, about)
    return compared is None or not compared.where(F.col("sides") != F.lit(BOTH)).limit(1).collect()
