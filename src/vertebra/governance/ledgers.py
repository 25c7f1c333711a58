"""Reading and writing the ledgers.

In a run, the entries of steps are noted in the run's journal and committed when the run ends, once per ledger; see
:mod:`vertebra.governance.journal`. Outside a run they are committed at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from vertebra.errors import LakeError
from vertebra.governance.journal import RUN, Entry
from vertebra.governance.row_table import empty_table, row_table
from vertebra.governance.schemas import EVENTS, FORMER_NAMES, LEDGERS, PRESENT_ONLY, STATES
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.lake.staging import StagedFiles
from vertebra.lake.table import LakeTable
from vertebra.lake.table_reader import as_type
from vertebra.lake.tidy import tidy

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.governance.journal import Journal
    from vertebra.lake.commit import TableVersion

_PARTS: Final = "parts"
_RECENT: Final = 64
"""How many recent versions are searched first for the last one of a dataset."""
_RUN_ID: Final = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{4}")


class Ledgers:
    """The metadata of a lake, kept in the lake.

    Args:
        journal: of the run that writes; without one, every write is a commit.
    """

    def __init__(self, lake: Lake, journal: Journal | None = None) -> None:
        self._lake = lake
        self._journal = journal
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

    def append(self, ledger: str, rows: Iterable[Mapping[str, Any]], commit: Commit, table: str | None = None) -> None:
        """Add rows to a ledger of events. Missing keys are NULL; unknown keys are an error.

        Args:
            table: a table that the step commits next. In a run, the rows are valid only if it does.
        """
        listed = list(rows)
        if not listed:
            return
        unknown = {key for row in listed for key in row} - set(EVENTS[ledger].names)
        if unknown:
            raise KeyError(f"ledger {ledger} has no columns {sorted(unknown)}")
        if self._journal is not None:
            self._journal.add(Entry(commit.step, ledger, rows=listed, table=table))
        else:
            self._append(ledger, listed, commit)

    def append_now(self, ledger: str, rows: Iterable[Mapping[str, Any]], commit: Commit) -> None:
        """Add rows to a ledger of events at once, also in a run, for the run's next steps to read."""
        self._append(ledger, list(rows), commit)

    def replace(
        self,
        ledger: str,
        dataset: str,
        frame: DataFrame,
        engine: Engine,
        commit: Commit,
        part: str = "",
        table: str | None = None,
    ) -> int:
        """Replace the rows of one dataset in a ledger by a frame. Returns the number of rows.

        Args:
            frame: has the ledger's columns, in any order.
            part: replace only this part of the dataset's rows, e.g. those about some batches; without it, all parts.
            table: as for :meth:`append`.
        """
        staged = self.stage(ledger, dataset, frame, engine, part)
        self.commit(ledger, staged, commit, table)
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
        return self.table(ledger).stage_arrow(empty_table(STATES[ledger]), part=dataset)

    def commit(self, ledger: str, staged: StagedFiles, commit: Commit, table: str | None = None) -> None:
        """Replace the rows of a dataset in a ledger by staged files.

        Args:
            table: as for :meth:`append`.
        """
        if self._journal is not None:
            staged.flush()
            self._journal.add(Entry(commit.step, ledger, staged=staged, table=table))
        else:
            self._replace(ledger, [staged], commit)

    def clear(self, ledger: str, dataset: str, commit: Commit, table: str | None = None) -> None:
        """Remove the rows of one dataset from a ledger."""
        self.commit(ledger, self.stage_nothing(ledger, dataset), commit, table)

    def state(self, ledger: str, dataset: str, rows: Iterable[Mapping[str, Any]], commit: Commit) -> None:
        """Replace the rows of one dataset in a ledger by a few rows, without an engine. Missing keys are NULL."""
        data = row_table(rows, STATES[ledger])
        self.commit(ledger, self.table(ledger).stage_arrow(data, part=dataset), commit)

    def commit_run(self, journal: Journal, *, again: bool = False) -> None:
        """Commit the entries of a run, each ledger once; the ledger ``runs`` comes last.

        Args:
            again: leave out ledgers that have a commit of the run.
        """
        commit = Commit(journal.run_id, RUN, "")
        for ledger in sorted(LEDGERS, key=lambda name: name == "runs"):
            rows, staged = journal.rows(ledger), journal.staged(ledger)
            if (not rows and not staged) or (again and self.is_committed(journal.run_id, ledger)):
                continue
            if rows:
                self._append(ledger, rows, commit)
            else:
                self._replace(ledger, staged, commit)

    def tidy(self) -> None:
        """Keep ledgers small that get many commits, if only their newest version is read."""
        for ledger in PRESENT_ONLY:
            tidy(self._lake.table(f"governance.{ledger}"), merge=ledger in EVENTS)

    def files(self, ledger: str, dataset: str, version: int | None = None) -> list[Path]:
        """The files with the rows of one dataset in a ledger, in a version, or now with entries of this run."""
        folder = self.table(ledger).path / dataset
        present = self._present(ledger) if version is None else self.table(ledger).files(version)
        return [file for file in present if file.is_relative_to(folder)]

    def folders(self, ledger: str, dataset: str) -> set[str]:
        """The folders of :meth:`files`, below that of the ledger; each write makes a new one."""
        root = self.table(ledger).path
        return {file.parent.relative_to(root).as_posix() for file in self.files(ledger, dataset)}

    def last_run(self) -> str:
        """The id of the last run that ended or was recorded as killed; empty if there was none."""
        table = self.table("runs")
        if not table.exists():
            return ""
        known = table.greatest("run_id")
        ids = known if known is not None else self.read("runs", ["run_id"]).column("run_id").to_pylist()
        return max((one for one in ids if one and _RUN_ID.fullmatch(one)), default="")

    def last_commit(self, ledger: str, dataset: str) -> TableVersion | None:
        """The last version of a ledger in which rows of a dataset were replaced."""
        table = self.table(ledger)
        for limit in (_RECENT, None) if table.exists() else ():
            for entry in table.history(limit):
                if wrote(entry, dataset):
                    return entry
        return None

    def read(self, ledger: str, columns: Sequence[str] = (), dataset: str | None = None) -> pa.Table:
        """A ledger as Arrow; empty if nothing was recorded yet.

        Rows of earlier releases have NULL in columns that came later; columns that were renamed are read from both.

        Args:
            columns: the columns to read; all by default.
            dataset: read only the rows of this dataset, of a ledger whose rows are replaced by dataset.
        """
        schema = pa.schema([LEDGERS[ledger].field(name) for name in columns or LEDGERS[ledger].names])
        table = self.table(ledger)
        if not table.exists():
            return empty_table(schema)
        former = {new: old for old, new in FORMER_NAMES.get(ledger, {}).items()}
        kept = set(table.schema().names)
        wanted = [name for name in (*schema.names, *(former.get(name, "") for name in schema.names)) if name in kept]
        data = table.columns(wanted, dataset)
        return pa.table([_column(data, field, former.get(field.name)) for field in schema], schema=schema)

    def rows(self, ledger: str) -> list[dict[str, Any]]:
        """The rows of a small ledger of events, with those that this run has noted and not yet committed."""
        noted = self._journal.rows(ledger) if self._journal is not None else []
        empty = dict.fromkeys(EVENTS[ledger].names)
        return [*self.read(ledger).to_pylist(), *(empty | dict(row) for row in noted)]

    def _present(self, ledger: str) -> list[Path]:
        """The files of a ledger now, with those that replace parts of it when the run ends."""
        table = self.table(ledger)
        found = table.files() if table.exists() else []
        for staged in self._journal.staged(ledger) if self._journal is not None else ():
            folders = [table.path / part for part in staged.parts]
            found = [file for file in found if not any(file.is_relative_to(folder) for folder in folders)]
            found += staged.files
        return found

    def _append(self, ledger: str, rows: Sequence[Mapping[str, Any]], commit: Commit) -> None:
        data = row_table(rows, EVENTS[ledger])
        self.table(ledger).write_arrow(data, commit, mode="append", evolution="widen")

    def _replace(self, ledger: str, staged: Sequence[StagedFiles], commit: Commit) -> None:
        latest: dict[str, StagedFiles] = {}
        for one in staged:
            (part,) = one.parts
            latest = {name: old for name, old in latest.items() if name != part and not name.startswith(f"{part}/")}
            latest[part] = one
        files = tuple(file for one in latest.values() for file in one.files)
        rows = sum(one.rows for one in latest.values())
        together = StagedFiles(files, staged[0].schema, rows, tuple(latest))
        told = replace(commit, extra={**commit.extra, _PARTS: json.dumps(list(latest))})
        self.table(ledger).commit(together, told, mode="overwrite", evolution="widen")

    def is_committed(self, run_id: str, ledger: str) -> bool:
        """Whether a ledger has a commit of a run."""
        table = self.table(ledger)
        return table.exists() and any(entry.run_id == run_id for entry in table.history())

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
            remedy=f"mv {folder} {folder}.before && vertebra run --full-refresh (landed batches are kept; decisions on"
            " rows and cells must be made again)",
        )


def wrote(entry: TableVersion, dataset: str) -> bool:
    """Whether a version of a ledger replaced the rows of a dataset; versions of earlier releases name only the step."""
    if _PARTS not in entry.extra:
        return entry.step.endswith(f".{dataset}")
    return any(part.partition("/")[0] == dataset for part in json.loads(entry.extra[_PARTS]))


def _column(data: pa.Table, field: pa.Field, former: str | None) -> pa.ChunkedArray:
    """A column of a ledger; where it is NULL, that of its former name."""
    found = [as_type(data.column(name), field.type) for name in (field.name, former) if name in data.column_names]
    if not found:
        return pa.chunked_array([pa.nulls(data.num_rows, field.type)])
    if len(found) == 1:
        return found[0]
    import pyarrow.compute as pc

    return pc.coalesce(*found)
