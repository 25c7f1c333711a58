"""Reading and writing the ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from vertebra.errors import LakeError
from vertebra.governance.schemas import EVENTS, FORMER_NAMES, LEDGERS, STATES
from vertebra.lake.catalog import Lake
from vertebra.lake.table import Commit, LakeTable

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.lake.table import StagedFiles


class Ledgers:
    """The metadata of a lake, kept in the lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._known: set[str] = set()

    def table(self, ledger: str) -> LakeTable:
        """The Delta table of a ledger; it need not exist yet.

        Raises:
            LakeError: a release of Vertebra with other column names wrote it.
        """
        table = self._lake.table(f"governance.{ledger}")
        if ledger not in self._known and table.exists():
            self._refuse_other_columns(table, ledger)
            self._known.add(ledger)
        return table

    def append(self, ledger: str, rows: Iterable[Mapping[str, Any]], commit: Commit) -> None:
        """Add rows to a ledger of events. Missing keys are NULL; unknown keys are an error."""
        schema = EVENTS[ledger]
        listed = list(rows)
        if not listed:
            return
        unknown = {key for row in listed for key in row} - set(schema.names)
        if unknown:
            raise KeyError(f"ledger {ledger} has no columns {sorted(unknown)}")
        data = pa.Table.from_pylist(listed, schema=schema)
        self.table(ledger).write_arrow(data, commit, mode="append", evolution="widen")

    def replace(
        self, ledger: str, dataset: str, frame: DataFrame, engine: Engine, commit: Commit, part: str = ""
    ) -> int:
        """Replace the rows of one dataset in a ledger by a frame. Returns the number of rows.

        Args:
            frame: has the ledger's columns, in any order.
            part: replace only this part of the dataset's rows, e.g. those about some batches; without it, all parts.
        """
        staged = self.stage(ledger, dataset, frame, engine, part)
        self.commit(ledger, staged, commit)
        return staged.rows

    def stage(self, ledger: str, dataset: str, frame: DataFrame, engine: Engine, part: str = "") -> StagedFiles:
        """Write the new rows of one dataset in a ledger; readers see them after :meth:`commit`."""
        from pyspark.sql import functions as F
        from pyspark.sql.pandas.types import from_arrow_type

        shaped = frame.select(
            [F.col(field.name).cast(from_arrow_type(field.type)).alias(field.name) for field in STATES[ledger]]
        )
        return self.table(ledger).stage(engine, shaped, part=f"{dataset}/{part}" if part else dataset)

    def stage_nothing(self, ledger: str, dataset: str) -> StagedFiles:
        """Write that a ledger has no rows of one dataset; readers see it after :meth:`commit`."""
        return self.table(ledger).stage_arrow(STATES[ledger].empty_table(), part=dataset)

    def commit(self, ledger: str, staged: StagedFiles, commit: Commit) -> int:
        """Replace the rows of a dataset in a ledger by staged files. Returns the ledger's version."""
        return self.table(ledger).commit(staged, commit, mode="overwrite", evolution="widen")

    def clear(self, ledger: str, dataset: str, commit: Commit) -> None:
        """Remove the rows of one dataset from a ledger."""
        self.commit(ledger, self.stage_nothing(ledger, dataset), commit)

    def state(self, ledger: str, dataset: str, rows: Iterable[Mapping[str, Any]], commit: Commit) -> None:
        """Replace the rows of one dataset in a ledger by a few rows, without an engine. Missing keys are NULL."""
        data = pa.Table.from_pylist(list(rows), schema=STATES[ledger])
        self.commit(ledger, self.table(ledger).stage_arrow(data, part=dataset), commit)

    def files(self, ledger: str, dataset: str, version: int | None = None) -> list[Path]:
        """The files with the rows of one dataset in a ledger, in a version or now."""
        table = self.table(ledger)
        if not table.exists():
            return []
        return [file for file in table.files(version) if file.is_relative_to(table.path / dataset)]

    def read(self, ledger: str, columns: Sequence[str] = ()) -> pa.Table:
        """A ledger as Arrow; empty if nothing was recorded yet.

        Rows of earlier releases have NULL in columns that came later; columns that were renamed are read from both.

        Args:
            columns: the columns to read; all by default.
        """
        schema = pa.schema([LEDGERS[ledger].field(name) for name in columns or LEDGERS[ledger].names])
        table = self.table(ledger)
        if not table.exists():
            return schema.empty_table()
        former = {new: old for old, new in FORMER_NAMES.get(ledger, {}).items()}
        kept = set(table.schema().names)
        wanted = [name for name in (*schema.names, *(former.get(name, "") for name in schema.names)) if name in kept]
        data = table.arrow().to_table(columns=wanted)
        return pa.table([_column(data, field, former.get(field.name)) for field in schema], schema=schema)

    def _refuse_other_columns(self, table: LakeTable, ledger: str) -> None:
        kept = table.schema().names
        known = {*LEDGERS[ledger].names, *FORMER_NAMES.get(ledger, {})}
        unknown = [name for name in kept if name not in known]
        if not unknown:
            return
        instead = [name for name in LEDGERS[ledger].names if name not in kept]
        folder = table.path.parent
        raise LakeError(
            f"{table.name} was written by another release of Vertebra",
            cause=f"it has {', '.join(unknown)}" + (f" where this release has {', '.join(instead)}" if instead else ""),
            remedy=f"mv {folder} {folder}.before && vertebra run --full-refresh (what landed is kept; decisions on"
            " rows and cells are to be taken again)",
        )


def _column(data: pa.Table, field: pa.Field, former: str | None) -> pa.ChunkedArray:
    """A column of a ledger; where it is NULL, that of its former name."""
    found = [data.column(name).cast(field.type) for name in (field.name, former) if name in data.column_names]
    if not found:
        return pa.chunked_array([pa.nulls(data.num_rows, field.type)])
    return pc.coalesce(*found) if len(found) > 1 else found[0]
