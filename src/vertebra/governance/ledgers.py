"""Reading and writing the ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from vertebra.errors import LakeError
from vertebra.governance.schemas import EVENTS, LEDGERS, STATES
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
            LakeError: a release of Vertebra wrote it that named its columns otherwise.
        """
        table = self._lake.table(f"governance.{ledger}")
        if ledger not in self._known and table.exists():
            self._refuse_other_columns(table, ledger)
            self._known.add(ledger)
        return table

    def append(self, ledger: str, rows: Iterable[Mapping[str, Any]], commit: Commit) -> None:
        """Add rows to a ledger that only grows. Missing keys are NULL; unknown ones are an error."""
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
        """Replace what a ledger says of one dataset; the engine writes. Returns the number of rows.

        Args:
            frame: has the ledger's columns, in any order.
            part: replace only this part of what it says, such as that on some batches; the whole replaces all parts.
        """
        staged = self.stage(ledger, dataset, frame, engine, part)
        self.commit(ledger, staged, commit)
        return staged.rows

    def stage(self, ledger: str, dataset: str, frame: DataFrame, engine: Engine, part: str = "") -> StagedFiles:
        """Have the engine write what a ledger is to say of one dataset, unseen until :meth:`commit`."""
        from pyspark.sql import functions as F
        from pyspark.sql.pandas.types import from_arrow_type

        shaped = frame.select(
            [F.col(field.name).cast(from_arrow_type(field.type)).alias(field.name) for field in STATES[ledger]]
        )
        return self.table(ledger).stage(engine, shaped, part=f"{dataset}/{part}" if part else dataset)

    def stage_nothing(self, ledger: str, dataset: str) -> StagedFiles:
        """Write that a ledger has nothing on one dataset, unseen until :meth:`commit`."""
        return self.table(ledger).stage_arrow(STATES[ledger].empty_table(), part=dataset)

    def commit(self, ledger: str, staged: StagedFiles, commit: Commit) -> int:
        """Make staged files what a ledger says of their dataset. Returns the ledger's version."""
        return self.table(ledger).commit(staged, commit, mode="overwrite", evolution="widen")

    def clear(self, ledger: str, dataset: str, commit: Commit) -> None:
        """Say that a ledger has nothing on one dataset."""
        self.commit(ledger, self.stage_nothing(ledger, dataset), commit)

    def state(self, ledger: str, dataset: str, rows: Iterable[Mapping[str, Any]], commit: Commit) -> None:
        """Replace what a ledger says of one dataset by a few rows, without an engine. Missing keys are NULL."""
        data = pa.Table.from_pylist(list(rows), schema=STATES[ledger])
        self.commit(ledger, self.table(ledger).stage_arrow(data, part=dataset), commit)

    def files(self, ledger: str, dataset: str, version: int | None = None) -> list[Path]:
        """The files of what a ledger says of one dataset, in a version or now."""
        table = self.table(ledger)
        if not table.exists():
            return []
        return [file for file in table.files(version) if file.is_relative_to(table.path / dataset)]

    def read(self, ledger: str) -> pa.Table:
        """A whole ledger, as Arrow; empty when nothing was recorded yet."""
        table = self.table(ledger)
        return table.arrow().to_table() if table.exists() else LEDGERS[ledger].empty_table()

    def _refuse_other_columns(self, table: LakeTable, ledger: str) -> None:
        kept = table.schema().names
        unknown = [name for name in kept if name not in LEDGERS[ledger].names]
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
