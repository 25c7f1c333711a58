"""One Delta table of the lake: the engine computes its files, the lake commits them.

A change of a table has two halves. *Staging* writes Parquet files into the table's folder, where no reader sees them.
*Committing* adds them to the Delta log in one atomic transaction that names the run, the step and the input versions.
A crash before the commit leaves files that no version has; ``vertebra gc`` removes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
from deltalake import DeltaTable, TableFeatures
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import create_table_with_add_actions

from vertebra.engine.written_schema import stored_type
from vertebra.errors import LakeError
from vertebra.formatting import shortened
from vertebra.lake import staging
from vertebra.lake.commit import COMPACTION, Commit
from vertebra.lake.file_actions import remove_actions
from vertebra.lake.log import flushed
from vertebra.lake.log_retention import CONFIGURATION
from vertebra.lake.parquet_statistics import add_action
from vertebra.lake.staging import StagedFiles, merged_batches
from vertebra.lake.stored_types import NAMED, needs_local_times
from vertebra.lake.table_reader import TableReader

if TYPE_CHECKING:
    from deltalake.transaction import AddAction
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine

Mode = Literal["overwrite", "append"]
Evolution = Literal["same", "widen", "replace"]


class LakeTable(TableReader):
    """A Delta table at ``<lake>/<zone>/<name>``, to read and to write.

    Args:
        name: qualified name, ``zone.table``.
        path: the table's folder.
    """

    def stage(self, engine: Engine, frame: DataFrame, part: str | None = None) -> StagedFiles:
        """Write a frame's files into the table's folder; readers see them after :meth:`commit`."""
        return staging.stage_frame(self.name, self.path, engine, frame, part)

    def stage_arrow(self, data: pa.Table | pa.RecordBatchReader, part: str | None = None) -> StagedFiles:
        """Write Arrow data into the table's folder; readers see it after :meth:`commit`."""
        return staging.stage_arrow(self.name, self.path, data, part)

    def commit(
        self,
        staged: StagedFiles,
        commit: Commit,
        mode: Mode = "overwrite",
        evolution: Evolution = "same",
        full_refresh: bool = False,
        expected_version: int | None = None,
    ) -> int:
        """Make staged files a version of the table, atomically.

        Args:
            mode: ``overwrite`` replaces all rows (of the staged parts, when there are any); ``append`` adds.
            evolution: what may happen to the schema: ``same`` refuses a change, ``widen`` allows new columns,
                ``replace`` allows anything when the whole table is overwritten, else new columns.
            full_refresh: the table starts from nothing (with ``overwrite`` only): the commit's application transaction
                replaces the table's, even if that has the same or a later number.
            expected_version: commit only if this is the table's newest version; for rows that are added to this
                version.

        Returns:
            The table's version after the commit; the present version when the commit's application transaction is
            already in the table.

        Raises:
            LakeError: the schema does not fit, or another writer committed in the meantime.
        """
        actions = [add_action(self.path, file)[0] for file in staged.files]
        staged.flush()
        with flushed(self.path):
            return self._commit(staged, actions, commit, mode, evolution, full_refresh, expected_version)

    def _commit(
        self,
        staged: StagedFiles,
        actions: Sequence[AddAction],
        commit: Commit,
        mode: Mode,
        evolution: Evolution,
        full_refresh: bool,
        expected_version: int | None,
    ) -> int:
        properties = commit.properties()
        if not self.exists():
            create_table_with_add_actions(
                str(self.path),
                DeltaSchema.from_arrow(staged.schema),
                list(actions),
                mode="error",
                configuration=CONFIGURATION,
                commit_properties=properties,
            )
            return self.version()
        table = self.delta()
        if expected_version is not None and table.version() != expected_version:
            raise self._conflict(f"version {expected_version} was expected")
        done = table.transaction_version(commit.step)
        repeated = commit.app_version is not None and done is not None and done >= commit.app_version
        if repeated and not (full_refresh and mode == "overwrite"):
            return int(table.version())
        partial = mode == "overwrite" and bool(staged.parts)
        whole = mode == "overwrite" and not partial
        table = self._evolved(table, staged.schema, evolution, whole=whole)
        if needs_local_times(table, staged.schema):
            # otherwise the commit would succeed, and nobody could open the table any more
            table.alter.add_feature(TableFeatures.TimestampWithoutTimezone, allow_protocol_versions_increase=True)
            table = self.delta()
        schema = DeltaSchema.from_arrow(staged.schema) if whole else table.schema()
        removals = remove_actions(table, staged.parts) if partial else []
        try:
            table.create_write_transaction(
                [*removals, *actions],
                "append" if partial else mode,
                schema,
                commit_properties=properties,
            )
        except CommitFailedError as error:
            raise self._conflict(str(error)) from error
        return self.version()

    def write(
        self,
        engine: Engine,
        frame: DataFrame,
        commit: Commit,
        mode: Mode = "overwrite",
        evolution: Evolution = "replace",
        part: str | None = None,
    ) -> int:
        """Stage and commit a frame; see :meth:`stage` and :meth:`commit`. Returns the table's version."""
        return self.commit(self.stage(engine, frame, part), commit, mode, evolution)

    def write_arrow(
        self,
        data: pa.Table | pa.RecordBatchReader,
        commit: Commit,
        mode: Mode = "overwrite",
        evolution: Evolution = "replace",
        part: str | None = None,
    ) -> int:
        """Stage and commit Arrow data. Returns the table's version."""
        return self.commit(self.stage_arrow(data, part), commit, mode, evolution)

    def restore(self, version: int) -> int:
        """Make a new version equal to an earlier one. Returns the new version.

        Raises:
            LakeError: there is no such version, or its files are gone.
        """
        self._present(version)
        with flushed(self.path):
            self.delta().restore(version)
        return self.version()

    def compact(self) -> int:
        """Merge all files into one, without changing rows. Returns the new version."""
        table = self.delta()
        staged = self.stage_arrow(merged_batches(self.arrow()))
        staged.flush()
        actions = [add_action(self.path, file, data_change=False)[0] for file in staged.files]
        removals = remove_actions(table, data_change=False)
        properties = Commit("", COMPACTION, "").properties()
        with flushed(self.path):
            table.create_write_transaction(
                [*removals, *actions], "append", table.schema(), commit_properties=properties
            )
        return self.version()

    def _conflict(self, cause: str) -> LakeError:
        return LakeError(
            f"{self.name} was not written: another writer committed version {self.version()} meanwhile",
            cause=cause,
            remedy="vertebra run (it starts from the version that is there now)",
        )

    def _evolved(self, table: DeltaTable, new: pa.Schema, evolution: Evolution, *, whole: bool) -> DeltaTable:
        """Check a new schema against the table's, and add new columns to the table where that is allowed.

        Delta changes a schema with an overwrite of the whole table; columns for any other write are added first.
        """
        current = pa.schema(table.schema().to_arrow())
        retyped = [
            f for f in new if f.name in current.names and stored_type(current.field(f.name).type) != stored_type(f.type)
        ]
        added = [f for f in new if f.name not in current.names]
        if whole and evolution == "replace":
            return table
        if retyped or (added and evolution == "same"):
            raise LakeError(
                f"{self.name} does not take columns {shortened([f.name for f in [*retyped, *added]], NAMED)}",
                cause="they are new, or of another type than in the table's last version",
                remedy=f"vertebra run --select {self.name} --full-refresh",
            )
        if added:
            table.alter.add_columns(DeltaSchema.from_arrow(pa.schema(added)).fields)
            return self.delta()
        return table
