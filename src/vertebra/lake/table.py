"""One Delta table of the lake: the engine computes its files, the lake commits them.

A change of a table has two halves. *Staging* writes Parquet files into the table's folder, where no reader sees them.
*Committing* adds them to the Delta log in one atomic transaction that names the run, the step and the input versions.
A crash before the commit leaves files that no version has; ``vertebra gc`` removes them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, TableFeatures, Transaction
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import RemoveAction, create_table_with_add_actions

from vertebra.durable import flush, make_folder
from vertebra.engine.float_bounds import bounded_columns
from vertebra.engine.written_schema import sql_type, stored_type
from vertebra.errors import LakeError
from vertebra.formatting import shortened
from vertebra.lake.data_file import name_by_content, short_or_gone
from vertebra.lake.log import LOG, damaged_entries, flushed
from vertebra.lake.parquet_statistics import add_action

if TYPE_CHECKING:
    import pyarrow.dataset as pads
    from deltalake.transaction import AddAction
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine

_SAME_ROWS = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "ADD FEATURE"})

_COMPACTION = "compaction"

REPAIR = "repair"
"""The step of a commit that says that the rows of a table are to be computed again; see :meth:`LakeTable.mark`."""

_GROUP_ROWS = 1 << 17

_EXTRA = "vertebra.extra."

# the log of a version that a model points to must outlive Delta's default of 30 days; gc decides what is removed
_CONFIGURATION = {"delta.enableExpiredLogCleanup": "false"}

_NAMED = 10
"""Columns that a message names."""

_WORTH_TRIMMING = 16

Mode = Literal["overwrite", "append"]
Evolution = Literal["same", "widen", "replace"]


@dataclass(frozen=True)
class Commit:
    """The metadata that a table version records about its origin.

    Attributes:
        app_version: with it, the commit carries the application transaction ``(step, app_version)``: a repeat of the
            same or an earlier number is skipped, so a repeated step cannot append twice.
        extra: other facts about the last version that a zone needs, by names that the zone chooses.
    """

    run_id: str
    step: str
    fingerprint: str
    inputs: Mapping[str, int] = field(default_factory=dict)
    app_version: int | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def properties(self) -> CommitProperties:
        """As deltalake's commit properties."""
        transactions = [Transaction(self.step, self.app_version)] if self.app_version is not None else None
        metadata = {
            "vertebra.run_id": self.run_id,
            "vertebra.step": self.step,
            "vertebra.fingerprint": self.fingerprint,
            "vertebra.inputs": json.dumps(dict(self.inputs), sort_keys=True),
        } | {f"{_EXTRA}{key}": value for key, value in self.extra.items()}
        return CommitProperties(custom_metadata=metadata, app_transactions=transactions, max_commit_retries=0)


@dataclass(frozen=True)
class TableVersion:
    """One version of a table, as its commit records it."""

    version: int
    at: datetime
    operation: str
    run_id: str
    step: str
    fingerprint: str
    inputs: Mapping[str, int]
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StagedFiles:
    """Files that were written into a table's folder and are not committed yet.

    Attributes:
        parts: the parts of the table that they replace; none for the whole table.
    """

    files: tuple[Path, ...]
    schema: pa.Schema
    rows: int
    parts: tuple[str, ...] = ()


class LakeTable:
    """A Delta table at ``<lake>/<zone>/<name>``.

    Args:
        name: qualified name, ``zone.table``.
        path: the table's folder.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path

    # -- reading -----------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether a version was ever committed."""
        return (self.path / "_delta_log").is_dir() and DeltaTable.is_deltatable(str(self.path))

    def delta(self, version: int | None = None) -> DeltaTable:
        """The deltalake handle, at a version or at the latest.

        Raises:
            LakeError: there is no such table or version, or its log is damaged.
        """
        self.check_log()
        try:
            return DeltaTable(str(self.path), version=version)
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
                    f"{self.name} cannot be read", cause=first, remedy="vertebra debug --verify tells what is damaged"
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
                cause="the machine stopped before the disk had it, or the file was changed from outside",
                remedy=f"vertebra debug --repair ({self.name} goes back to what is sound, and a run computes the rest)",
            )

    def version(self) -> int:
        """The newest version."""
        return int(self.delta().version())

    def schema(self, version: int | None = None) -> pa.Schema:
        """Columns and types of a version."""
        return pa.schema(self.delta(version).schema().to_arrow())

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
                if entry.operation not in _SAME_ROWS and entry.step != _COMPACTION:
                    return entry
        return entries[0] if entries else None

    def rows(self, version: int | None = None) -> int:
        """Rows of a version, from the log's file statistics."""
        actions = _actions(self.delta(version))
        return int(sum(count or 0 for count in actions.column("num_records").to_pylist()))

    def sizes(self, version: int | None = None) -> dict[Path, int]:
        """The files of a version with the size that the log has of each, in the order they were written."""
        actions = _actions(self.delta(version)).select(["path", "size_bytes"])
        return dict(sorted((self.path / unquote(one["path"]), one["size_bytes"]) for one in actions.to_pylist()))

    def greatest(self, column: str) -> list[str] | None:
        """The greatest text of a column in each file, from the log's statistics; None where one has no statistics.

        Statistics cut long texts off, so the column must be short.
        """
        actions = _actions(self.delta())
        name = f"max.{column}"
        found: list[Any] = list(actions.column(name).to_pylist()) if name in actions.column_names else [None]
        return None if None in found else found

    def files(self, version: int | None = None) -> list[Path]:
        """The files of a version, in the order they were written."""
        actions = _actions(self.delta(version))
        return sorted(self.path / unquote(path) for path in actions.column("path").to_pylist())

    def added(self, since: int, version: int, read_at: datetime) -> list[Path] | None:
        """The files that were added to a table between two versions, if nothing else changed.

        Args:
            since: the earlier version.
            version: the later one.
            read_at: when the earlier version was read; a version of that number that is younger belongs to a table that
                was deleted and created again.

        Returns:
            The files, maybe none; None when rows were removed or rewritten, columns changed, or a version does not
            exist any more.
        """
        try:
            before, now = self.files(since), self.files(version)
            same_columns = self.schema(since).equals(self.schema(version))
        except LakeError:
            return None
        if not same_columns or not set(before) <= set(now) or not self.existed_at(since, read_at):
            return None
        return [file for file in now if file not in set(before)]

    def existed_at(self, version: int, at: datetime) -> bool:
        """Whether a version already existed at a time; the versions of a table that was created again are younger."""
        newest = self.version() if self.exists() else -1
        if not 0 <= version <= newest:
            return False
        return any(entry.version == version and entry.at <= at for entry in self.history(newest - version + 1))

    def frame(self, engine: Engine, version: int | None = None) -> DataFrame:
        """The table as a Spark frame, over the committed file list and with the committed schema."""
        return engine.read_parquet(self._present(version), self.schema(version))

    def arrow(self, version: int | None = None) -> pads.Dataset:
        """The table as an Arrow dataset, read lazily and without an engine."""
        import pyarrow.dataset as pads  # brings pandas along, which a run with nothing to do can spare

        files = [str(file) for file in self._present(version)]
        return pads.dataset(files, schema=self.schema(version), format="parquet")

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Some columns of the newest version, read at once and without pyarrow.dataset, which brings pandas along."""
        schema = self.schema()
        wanted = pa.schema([schema.field(name) for name in names])
        return pa.concat_tables([wanted.empty_table(), *(_read(file, wanted) for file in self._present(None))])

    def _present(self, version: int | None) -> list[Path]:
        sizes = self.sizes(version)
        gone = short_or_gone(sizes)
        if gone and not any(fact == "is gone" for fact in gone.values()):
            file, fact = next(iter(gone.items()))
            raise LakeError(
                f"{self.name}: {file} {fact}",
                cause="the machine stopped before the disk had it, or it was changed from outside",
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
        return [_version(entry) for entry in self.delta().history(limit)]

    def latest(self) -> TableVersion | None:
        """The newest version, or None when the table does not exist."""
        if not self.exists():
            return None
        return self.history(1)[0]

    def transaction_version(self, step: str) -> int | None:
        """The last application transaction of a step, or None."""
        return self.delta().transaction_version(step) if self.exists() else None

    # -- writing -----------------------------------------------------------------------------------------------

    def stage(self, engine: Engine, frame: DataFrame, part: str | None = None) -> StagedFiles:
        """Write a frame's files into the table's folder; readers see them after :meth:`commit`."""
        from pyspark.sql.pandas.types import to_arrow_schema

        schema = _stored(to_arrow_schema(frame.schema, timezone="UTC"), self.name)
        files = name_by_content(engine.write_parquet(frame, self._new_folder(part)))
        rows = sum(pq.read_metadata(file).num_rows for file in files)
        return StagedFiles(tuple(files), schema, rows, (part,) if part else ())

    def stage_arrow(self, data: pa.Table | pa.RecordBatchReader, part: str | None = None) -> StagedFiles:
        """Write Arrow data into the table's folder; readers see it after :meth:`commit`."""
        schema = _stored(data.schema, self.name)
        folder = self._new_folder(part)
        folder.mkdir(parents=True)
        file = folder / "part-0.parquet"
        reader = data.to_reader() if isinstance(data, pa.Table) else data
        rows = 0
        with pq.ParquetWriter(file, schema, compression="zstd", write_statistics=bounded_columns(schema)) as writer:
            for batch in reader:
                rows += batch.num_rows
                writer.write_batch(batch.cast(schema))
        return StagedFiles(tuple(name_by_content([file])), schema, rows, (part,) if part else ())

    def flush(self, staged: StagedFiles) -> None:
        """Flush staged files and their folders before anything refers to them; parent folders are durable already."""
        folders = {folder for file in staged.files for folder in (file.parent, file.parent.parent)}
        flush(*staged.files, *sorted(folders))

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
        self.flush(staged)
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
                configuration=_CONFIGURATION,
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
        if _needs_local_times(table, staged.schema):
            # otherwise the commit would succeed, and nobody could open the table any more
            table.alter.add_feature(TableFeatures.TimestampWithoutTimezone, allow_protocol_versions_increase=True)
            table = self.delta()
        schema = DeltaSchema.from_arrow(staged.schema) if whole else table.schema()
        removals = self._removals(table, staged.parts) if partial else []
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
        staged = self.stage_arrow(_grouped(self.arrow()))
        self.flush(staged)
        actions = [add_action(self.path, file, data_change=False)[0] for file in staged.files]
        removals = self._removals(table, None, data_change=False)
        properties = Commit("", _COMPACTION, "").properties()
        with flushed(self.path):
            table.create_write_transaction(
                [*removals, *actions], "append", table.schema(), commit_properties=properties
            )
        return self.version()

    def mark(self, cause: str, version: int | None = None) -> int:
        """Commit a mark that the rows of the table have to be computed again, because files of it were damaged.

        Args:
            version: commit until this version is reached, so that no version number is used twice.

        Returns:
            The new version.
        """
        properties = Commit("", REPAIR, "", extra={"damage": cause}).properties()
        while True:
            table = self.delta()
            with flushed(self.path):
                table.create_write_transaction([], "append", table.schema(), commit_properties=properties)
            if self.version() >= (version or 0):
                return self.version()

    def remove_files(self, files: Sequence[Path]) -> int:
        """Commit a version without some files, because they are damaged. Returns the new version."""
        gone = {file.relative_to(self.path).as_posix() for file in files}
        table = self.delta()
        removals: list[AddAction | RemoveAction] = [
            one for one in self._removals(table, None) if unquote(one.path) in gone
        ]
        properties = Commit("", REPAIR, "").properties()
        with flushed(self.path):
            table.create_write_transaction(removals, "append", table.schema(), commit_properties=properties)
        return self.version()

    def keep_log(self) -> None:
        """Keep the log of all versions. Tables of this release already do; in tables of earlier releases it expires."""
        table = self.delta()
        if not _CONFIGURATION.items() <= table.metadata().configuration.items():
            with flushed(self.path):
                table.alter.set_table_properties(_CONFIGURATION)

    def log_entries(self) -> int:
        """How many versions the log has."""
        return len(self._log()) if self._log_folder.is_dir() else 0

    def trim_log(self, oldest: int) -> None:
        """Remove the log of versions before ``oldest``, if that frees enough entries; later ones stay readable."""
        old = {file: version for file, version in self._log().items() if version < oldest}
        if len(old) < _WORTH_TRIMMING:
            return
        # a reader begins at a checkpoint; the newest is made last, because the log points to the last one made
        with flushed(self.path):
            self.delta(oldest).create_checkpoint()
            self.delta().create_checkpoint()
        checkpoints = [file for file in self._log_folder.glob("*.checkpoint*.parquet") if _number(file) < oldest]
        for file in sorted([*old, *checkpoints]):
            file.unlink(missing_ok=True)

    @property
    def _log_folder(self) -> Path:
        return self.path / "_delta_log"

    def _log(self) -> dict[Path, int]:
        """The version of each log entry."""
        found = self._log_folder.iterdir()
        return {file: _number(file) for file in found if file.suffix == ".json" and file.stem.isdecimal()}

    def _conflict(self, cause: str) -> LakeError:
        return LakeError(
            f"{self.name} was not written: another writer committed version {self.version()} meanwhile",
            cause=cause,
            remedy="vertebra run (it starts from the version that is there now)",
        )

    def _new_folder(self, part: str | None) -> Path:
        """A folder for one write; the names of a table's folders sort in the order of the writes."""
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{uuid.uuid4().hex[:8]}"
        above = self.path / part if part else self.path
        make_folder(above)
        return above / stamp

    def _removals(
        self, table: DeltaTable, parts: Sequence[str] | None, *, data_change: bool = True
    ) -> list[RemoveAction]:
        prefixes = tuple(f"{part}/" for part in parts) if parts is not None else ("",)
        actions = _actions(table).to_pylist()
        now = int(datetime.now(UTC).timestamp() * 1000)
        return [
            RemoveAction(
                path=action["path"],
                deletion_timestamp=now,
                data_change=data_change,
                partition_values={},
                size=action["size_bytes"],
            )
            for action in actions
            if action["path"].startswith(prefixes)
        ]

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
                f"{self.name} does not take columns {shortened([f.name for f in [*retyped, *added]], _NAMED)}",
                cause="they are new, or of another type than in the table's last version",
                remedy=f"vertebra run --select {self.name} --full-refresh",
            )
        if added:
            table.alter.add_columns(DeltaSchema.from_arrow(pa.schema(added)).fields)
            return self.delta()
        return table


def _grouped(data: pads.Dataset) -> pa.RecordBatchReader:
    """The rows of many small files in batches that make good row groups."""

    def batches() -> Iterator[pa.RecordBatch]:
        held: list[pa.RecordBatch] = []
        for batch in data.to_batches():
            held.append(batch)
            if sum(one.num_rows for one in held) >= _GROUP_ROWS:
                yield from pa.Table.from_batches(held).combine_chunks().to_batches()
                held = []
        if held:
            yield from pa.Table.from_batches(held).combine_chunks().to_batches()

    return pa.RecordBatchReader.from_batches(data.schema, batches())


def _actions(table: DeltaTable) -> pa.Table:
    """The files of a version, with their statistics; ``pa.table`` would import pandas to check for data frames."""
    return pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()


def _read(file: Path, wanted: pa.Schema) -> pa.Table:
    """Columns of a file; NULL where the file is older than the column."""
    opened = pq.ParquetFile(file)
    kept = set(opened.schema_arrow.names)
    data = opened.read(columns=[name for name in wanted.names if name in kept])
    arrays = [
        data.column(one.name).cast(one.type) if one.name in kept else pa.nulls(data.num_rows, one.type)
        for one in wanted
    ]
    return pa.table(arrays, schema=wanted)


def _number(file: Path) -> int:
    """The version that a file of the log describes."""
    return int(file.name.partition(".")[0])


def _stored(schema: pa.Schema, table: str) -> pa.Schema:
    """The columns and types that a table stores for a schema.

    NULL is allowed everywhere: with Delta's NOT NULL, every later writer would have to guarantee it. Rules state what
    may be NULL.

    Raises:
        LakeError: Delta has no type for a column.
    """
    fields = [pa.field(field.name, stored_type(_micros(field.type)), nullable=True) for field in schema]
    unfit = [f"{field.name} ({sql_type(field.type)})" for field in fields if not _in_delta(field)]
    if unfit:
        raise LakeError(
            f"{table} cannot store the columns {shortened(unfit, _NAMED)}",
            cause="Delta tables have no such type",
            remedy="cast them to a type of a table, such as double, decimal, string, date or timestamp",
        )
    return pa.schema(fields)


def _micros(kind: pa.DataType) -> pa.DataType:
    """A timestamp in the unit that Delta has; any other type as it is."""
    return pa.timestamp("us", tz=kind.tz) if pa.types.is_timestamp(kind) else kind


def _in_delta(field: pa.Field) -> bool:
    """Whether a column is read from a table with the type that it was stored with."""
    if _any_part(field.type, pa.types.is_null) or _any_part(field.type, _is_map_of_local_times):
        return False
    try:
        back = pa.schema(DeltaSchema.from_arrow(pa.schema([field])).to_arrow()).field(0)
    except Exception:  # the library raises a bare Exception for a type that Delta does not have
        return False
    return bool(stored_type(back.type) == field.type)


def _any_part(kind: pa.DataType, wanted: Callable[[pa.DataType], bool]) -> bool:
    """Whether a type, or a type nested in it, is of a kind."""
    parts = [kind.field(index).type for index in range(kind.num_fields)] if pa.types.is_nested(kind) else []
    return wanted(kind) or any(_any_part(part, wanted) for part in parts)


def _is_local_time(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is None


def _is_map_of_local_times(kind: pa.DataType) -> bool:
    # Delta's library ignores maps when it looks for types that a table has to declare, and then cannot open the table
    return pa.types.is_map(kind) and _any_part(kind, _is_local_time)


def _needs_local_times(table: DeltaTable, schema: pa.Schema) -> bool:
    """Whether a table must declare timestamps without time zone before it gets a schema with them."""
    known = table.protocol().reader_features or []
    return "timestampNtz" not in known and any(_any_part(field.type, _is_local_time) for field in schema)


def _version(entry: Mapping[str, object]) -> TableVersion:
    text = {key: str(value) for key, value in entry.items() if key.startswith("vertebra.")}
    return TableVersion(
        version=int(str(entry["version"])),
        at=datetime.fromtimestamp(int(str(entry["timestamp"])) / 1000, tz=UTC),
        operation=str(entry.get("operation", "")),
        run_id=text.get("vertebra.run_id", ""),
        step=text.get("vertebra.step", ""),
        fingerprint=text.get("vertebra.fingerprint", ""),
        inputs=json.loads(text.get("vertebra.inputs", "{}")),
        extra={key.removeprefix(_EXTRA): value for key, value in text.items() if key.startswith(_EXTRA)},
    )
