"""Committing the ledgers of a trusted table together with the table.

The files of all ledgers are staged while the step runs. The journal of the run records that they belong to the table,
and the table's commit names their folders, so they become visible if, and only if, the table is committed. After a rule
stopped the step, or a table was restored, the ledgers describe another version than the present one;
:func:`ledger_mismatch` detects this.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from vertebra.governance.journal import pending_runs
from vertebra.governance.schemas import STATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from vertebra.governance.context import StepContext
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.lake.commit import Commit, TableVersion
    from vertebra.lake.staging import StagedFiles

_OF_TRUSTED: Final = ("repairs", "proposals", "source_accuracy", "quarantine", "violations", "gaps")
_LEDGERS: Final = "ledgers"


class LedgerCommit:
    """The ledgers of one run of the step of a dataset."""

    def __init__(self, dataset: str, ctx: StepContext) -> None:
        self._dataset = dataset
        self._ctx = ctx
        self._staged: dict[str, StagedFiles] = {}

    def stage(self, ledger: str, rows: DataFrame | None) -> None:
        """Stage the rows of a ledger for the dataset, invisible until :meth:`commit`; replaces rows staged before.

        Args:
            rows: the columns of the ledger without ``run_id`` and ``dataset``, in any order; None if there are no rows.
        """
        from pyspark.sql import functions as F

        for file in self.files(ledger):
            file.unlink()
        if rows is not None:
            labelled = rows.withColumns({"run_id": F.lit(self._ctx.run_id), "dataset": F.lit(self._dataset)})
            self._staged[ledger] = self._ctx.ledgers.stage(ledger, self._dataset, labelled, self._ctx.engine)
        elif _says(self._ctx.ledgers, ledger, self._dataset):
            self._staged[ledger] = self._ctx.ledgers.stage_nothing(ledger, self._dataset)
        else:
            self._staged.pop(ledger, None)

    def files(self, ledger: str) -> tuple[Path, ...]:
        """The staged files of a ledger for the dataset."""
        return self._staged[ledger].files if ledger in self._staged else ()

    def frame(self, ledger: str) -> DataFrame:
        """The staged rows of a ledger for the dataset."""
        return self._ctx.engine.read_parquet(self.files(ledger), STATES[ledger])

    def commit(self, table: str | None = None) -> dict[str, str]:
        """Commit the staged rows.

        Args:
            table: the table that the step commits next; None when it commits none.

        Returns:
            The folder of each ledger that has, or had, rows of the dataset.
        """
        for ledger, staged in self._staged.items():
            self._ctx.ledgers.commit(ledger, staged, self._ctx.commit(), table)
        return {ledger: self._folder(ledger, staged) for ledger, staged in self._staged.items()}

    def _folder(self, ledger: str, staged: StagedFiles) -> str:
        return staged.files[0].parent.relative_to(self._ctx.ledgers.table(ledger).path).as_posix()


def with_ledger_folders(commit: Commit, folders: Mapping[str, str]) -> Commit:
    """The commit of a trusted table, with the folders of the ledgers that belong to it."""
    return replace(commit, extra={**commit.extra, _LEDGERS: json.dumps(dict(folders), sort_keys=True)})


def ledger_folders(version: TableVersion) -> dict[str, str] | None:
    """The folders of the ledgers that belong to a version; None for a version written by an earlier release.

    A ledger without a folder had no rows.
    """
    found = json.loads(version.extra.get(_LEDGERS, "null"))
    return found if found is not None and all(isinstance(one, str) for one in found.values()) else None


def ledger_mismatch(lake: Lake, ledgers: Ledgers, dataset: str) -> str | None:
    """A warning if the ledgers belong to another version of the trusted table than the present one; else None."""
    name = f"trusted.{dataset}"
    table = lake.table(name).newest_data()
    newest = max((_newest(ledgers, ledger, dataset) for ledger in _OF_TRUSTED), default="")
    if _belong(table, newest, ledgers, dataset):
        return None
    if table and table.run_id in pending_runs(lake):
        became = f"run {table.run_id}, which wrote {name}, has not ended"
        return f"repairs, quarantine and violations of {dataset} are not those of the table: {became}"
    became = f"{name} was restored since" if table and not table.run_id else f"which did not write {name}"
    return f"repairs, quarantine and violations of {dataset} are those of run {newest}, {became}"


def _belong(table: TableVersion | None, newest: str, ledgers: Ledgers, dataset: str) -> bool:
    """Whether the ledgers of a dataset are those of a version of its table."""
    folders = ledger_folders(table) if table else None
    if folders is None:
        # for tables of earlier releases, only the ids of runs can be compared
        return newest <= (table.run_id if table else "")
    return all(
        ledgers.folders(ledger, dataset) == {folders[ledger]}
        if ledger in folders
        else not _says(ledgers, ledger, dataset)
        for ledger in _OF_TRUSTED
    )


def _newest(ledgers: Ledgers, ledger: str, dataset: str) -> str:
    """The last run that wrote the rows of a dataset in a ledger."""
    if not ledgers.files(ledger, dataset):
        return ""
    entry = ledgers.last_commit(ledger, dataset)
    return entry.run_id if entry else ""


def _says(ledgers: Ledgers, ledger: str, dataset: str) -> bool:
    """Whether a ledger has rows of a dataset, by the statistics of its files."""
    return any(pq.read_metadata(file).num_rows for file in ledgers.files(ledger, dataset))
