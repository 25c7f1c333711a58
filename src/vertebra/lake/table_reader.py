"""Reads one Delta table of the lake: its versions, their files and rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from vertebra.errors import LakeError
from vertebra.lake.commit import TableVersion, table_version
from vertebra.lake.data_file import short_or_gone
from vertebra.lake.file_actions import added_files
from vertebra.lake.log import LOG, LogState, damaged_entries, is_log, log_state, newest_version

if TYPE_CHECKING:
    import pyarrow.dataset as pads
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine


class TableReader:
    """The read side of a Delta table at ``<lake>/<zone>/<name>``; :class:`LakeTable` also writes it.

    Args:
        name: qualified name, ``zone.table``.
        path: the table's folder.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path

    def exists(self) -> bool:
        """Whether a version was ever committed."""
        return is_log(self.path / LOG)

    def delta(self, version: int | None = None) -> DeltaTable:
        """A deltalake handle of its own, at a version or at the latest, which may write.

        Raises:
            LakeError: there is no such table or version, or its log is damaged.
        """
        return self._opened(version, _open)

    def _snapshot(self, version: int | None = None) -> DeltaTable:
        """Like :meth:`delta`, to read only: opened again only after the log has changed."""
        state = log_state(self.path / LOG)
        newest = newest_version(state)
        return self._opened(
            version, lambda path, version: _snapshot(path, newest if version is None else version, state)
        )

    def _opened(self, version: int | None, opening: Callable[[str, int | None], DeltaTable]) -> DeltaTable:
        self.check_log()
        try:
            return opening(str(self.path), version)
        except TableNotFoundError as error:
            if version is None or not self.exists():
                raise LakeError(
                    f"there is no table {self.name}",
                    cause="no step has written it yet",
                    remedy=f"vertebra run --select {self.name}",
                ) from None
            raise self._no_version(version) from error
        except DeltaError as error:
            self.check_log(every=True)
            if version is None:
                first = next(iter(str(error).splitlines()), "")
                raise LakeError(
                    f"{self.name} cannot be read", cause=first, remedy="vertebra debug --verify lists what is damaged"
                ) from error
            raise self._no_version(version) from error

    def _no_version(self, version: int) -> LakeError:
        return LakeError(
            f"{self.name} has no version {version}",
            cause="it was never written, or gc has removed it",
            remedy=f"vertebra show {self.name} --history",
        )

    def check_log(self, *, every: bool = False) -> None:
        """Check that the log is complete.

        Args:
            every: read every entry, not only the newest.

        Raises:
            LakeError: an entry or a checkpoint is damaged.
        """
        damage = damaged_entries(self.path / LOG, every=every)
        if damage:
            first = damage[0]
            others = f", and {len(damage) - 1} more" if len(damage) > 1 else ""
            raise LakeError(
                f"the log of {self.name} is damaged: {first.file.name} {first.fact}{others}",
                cause="the machine stopped before it was written to disk, or the file was changed from outside",
                remedy=f"vertebra debug --repair ({self.name} goes back to its last undamaged version, "
                f"and a run computes the rest)",
            )

    def version(self) -> int:
        """The newest version."""
        return int(self._snapshot().version())

    def schema(self, version: int | None = None) -> pa.Schema:
        """Columns and types of a version."""
        return pa.schema(self._snapshot(version).schema().to_arrow())

    def data_version(self) -> int:
        """The newest version that changed rows; compaction makes versions that do not."""
        newest = self.newest_data()
        return newest.version if newest else self.version()

    def newest_data(self) -> TableVersion | None:
        """The newest version that changed rows, or None when the table does not exist."""
        if not self.exists():
            return None
        entries: list[TableVersion] = []
        for limit in (4, None):
            entries = self.history(limit)
            for entry in entries:
                if entry.changed_rows:
                    return entry
        return entries[0] if entries else None

    def rows(self, version: int | None = None) -> int:
        """Rows of a version, from the log's file statistics."""
        actions = added_files(self._snapshot(version))
        return int(sum(count or 0 for count in actions.column("num_records").to_pylist()))

    def sizes(self, version: int | None = None) -> dict[Path, int]:
        """The files of a version with the size that the log has of each, in the order they were written."""
        actions = added_files(self._snapshot(version)).select(["path", "size_bytes"])
        return dict(sorted((self.path / unquote(one["path"]), one["size_bytes"]) for one in actions.to_pylist()))

    def greatest(self, column: str) -> list[str] | None:
        """The greatest text of a column in each file, from the log's statistics; None where one has no statistics.

        Statistics cut long texts off, so the column must be short.
        """
        actions = added_files(self._snapshot())
        name = f"max.{column}"
        found: list[Any] = list(actions.column(name).to_pylist()) if name in actions.column_names else [None]
        return None if None in found else found

    def files(self, version: int | None = None) -> list[Path]:
        """The files of a version, in the order they were written."""
        actions = added_files(self._snapshot(version))
        return sorted(self.path / unquote(path) for path in actions.column("path").to_pylist())

    def added(self, since: int, version: int, read_by: str) -> list[Path] | None:
        """The files that were added to a table between two versions, if nothing else changed.

        Args:
            since: the earlier version.
            version: the later one.
            read_by: id of the run that read the earlier version; a version of that number that a later run wrote
                belongs to a table that was deleted and created again.

        Returns:
            The files, maybe none; None when rows were removed or rewritten, columns changed, or a version does not
            exist any more.
        """
        try:
            before, now = self.files(since), self.files(version)
            same_columns = self.schema(since).equals(self.schema(version))
        except LakeError:
            return None
        if not same_columns or not set(before) <= set(now) or not self.existed_in(since, read_by):
            return None
        return [file for file in now if file not in set(before)]

    def existed_in(self, version: int, run_id: str) -> bool:
        """Whether a version was written by a run or an earlier one. Ids of runs rise, also when the clock steps back.

        A version that no run wrote, such as a restored one, is as old as the one before it.
        """
        newest = self.version() if self.exists() else -1
        if not 0 <= version <= newest:
            return False
        for limit in (newest - version + 1, None):
            known = self.history(limit)
            if not any(entry.version == version for entry in known):
                return False
            writer = next((entry.run_id for entry in known if entry.version <= version and entry.run_id), "")
            if writer:
                return writer <= run_id
        return False

    def frame(self, engine: Engine, version: int | None = None) -> DataFrame:
        """The table as a Spark frame, over the committed file list and with the committed schema."""
        return engine.read_parquet(self._present(version), self.schema(version))

    def arrow(self, version: int | None = None) -> pads.Dataset:
        """The table as an Arrow dataset, read lazily and without an engine."""
        import pyarrow.dataset as pads  # brings pandas along, which a run with nothing to do can spare

        files = [str(file) for file in self._present(version)]
        return pads.dataset(files, schema=self.schema(version), format="parquet")

    def columns(self, names: Sequence[str], part: str | None = None) -> pa.Table:
        """Some columns of the newest version, read at once and without pyarrow.dataset, which brings pandas along.

        Args:
            part: read only the files in this folder of the table.
        """
        schema = self.schema()
        wanted = pa.schema([schema.field(name) for name in names])
        nothing = pa.Table.from_batches([], wanted)  # Schema.empty_table() would import pandas
        files = [file for file in self._present(None) if part is None or file.is_relative_to(self.path / part)]
        return pa.concat_tables([nothing, *(_read(file, wanted) for file in files)])

    def _present(self, version: int | None) -> list[Path]:
        sizes = self.sizes(version)
        gone = short_or_gone(sizes)
        if gone and not any(fact == "is gone" for fact in gone.values()):
            file, fact = next(iter(gone.items()))
            raise LakeError(
                f"{self.name}: {file} {fact}",
                cause="the machine stopped before it was written to disk, or it was changed from outside",
                remedy="vertebra debug --repair",
            )
        if gone:
            files = list(sizes)
            named = f"version {version}" if version is not None else "the newest version"
            raise LakeError(
                f"{self.name}: {len(gone)} of {len(files)} files of {named} are gone, the first {next(iter(gone))}",
                cause="vertebra gc freed an old version that nothing referred to, or they were removed from outside",
                remedy=f"vertebra show {self.name} --history, then read or restore a version that is kept"
                if version is not None
                else "vertebra debug --repair, then vertebra run",
            )
        return sorted(sizes)

    def history(self, limit: int | None = None) -> list[TableVersion]:
        """The table's versions, newest first."""
        return [table_version(entry) for entry in self._snapshot().history(limit)]

    def latest(self) -> TableVersion | None:
        """The newest version, or None when the table does not exist."""
        if not self.exists():
            return None
        return self.history(1)[0]

    def transaction_version(self, step: str) -> int | None:
        """The last application transaction of a step, or None."""
        return self._snapshot().transaction_version(step) if self.exists() else None


def _open(path: str, version: int | None) -> DeltaTable:
    return DeltaTable(path, version=version)


@functools.lru_cache(maxsize=64)
def _snapshot(path: str, version: int | None, _: LogState) -> DeltaTable:
    """A table that is opened once for each state of its log; opening costs milliseconds, and a run asks often."""
    return _open(path, version)


def as_type(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column with a type; the cast, which imports pyarrow.compute, is left out if the column has the type already."""
    return column if column.type == kind else column.cast(kind)


def _read(file: Path, wanted: pa.Schema) -> pa.Table:
    """Columns of a file; NULL where the file is older than the column."""
    opened = pq.ParquetFile(file)
    kept = set(opened.schema_arrow.names)
    data = opened.read(columns=[name for name in wanted.names if name in kept])
    arrays = [
        as_type(data.column(one.name), one.type) if one.name in kept else pa.nulls(data.num_rows, one.type)
        for one in wanted
    ]
    return pa.table(arrays, schema=wanted)
