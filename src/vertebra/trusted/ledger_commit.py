"""Committing the ledgers of a trusted table together with the table.

The files of all ledgers are staged while the step runs and committed at its end, one log entry after the other, with no
computation in between. A step that is killed before leaves ledgers and table as they were; one that is killed between
two log entries leaves ledgers of a table that was not written, which :func:`ledger_mismatch` reports.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from vertebra.governance.schemas import STATES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.governance.context import StepContext
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.lake.table import StagedFiles

_OF_TRUSTED: Final = ("repairs", "quarantine", "violations")
_RECENT: Final = 64
"""How many recent versions are searched first for the last one of a dataset."""


class LedgerCommit:
    """The ledgers of one run of the step of a dataset."""

    def __init__(self, dataset: str, ctx: StepContext) -> None:
        self._dataset = dataset
        self._ctx = ctx
        self._staged: dict[str, StagedFiles] = {}

    def stage(self, ledger: str, rows: DataFrame | None) -> None:
        """Stage the rows of a ledger for the dataset, invisible until :meth:`commit`; replaces rows staged before.

        Args:
            rows: the columns of the ledger without ``run_id`` and ``dataset``, in any order; None for no rows.
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

    def commit(self) -> dict[str, int]:
        """Commit the staged rows. Returns the version of each ledger that has, or had, rows of the dataset."""
        ledgers = self._ctx.ledgers
        return {ledger: ledgers.commit(ledger, staged, self._ctx.commit()) for ledger, staged in self._staged.items()}


def ledger_mismatch(lake: Lake, ledgers: Ledgers, dataset: str) -> str | None:
    """A warning if the ledgers belong to another version of the trusted table than the present one; else None.

    A run that a rule stopped, or that was killed while it committed, leaves such ledgers, as does a restored table.
    """
    name = f"trusted.{dataset}"
    table = lake.table(name).newest_data()
    of_table = table.run_id if table else ""
    newest = max(_newest(ledgers, ledger, dataset) for ledger in _OF_TRUSTED)
    if newest <= of_table:
        return None
    became = f"{name} was restored since" if table and not of_table else f"which did not write {name}"
    return f"repairs, quarantine and violations of {dataset} are those of run {newest}, {became}"


def _newest(ledgers: Ledgers, ledger: str, dataset: str) -> str:
    """The last run of the step of a dataset that wrote a ledger."""
    if not ledgers.files(ledger, dataset):
        return ""
    for limit in (_RECENT, None):
        for entry in ledgers.table(ledger).history(limit):
            if entry.step == f"trusted.{dataset}":
                return entry.run_id
    return ""


def _says(ledgers: Ledgers, ledger: str, dataset: str) -> bool:
    """Whether a ledger has rows of a dataset, by the statistics of its files."""
    return any(pq.read_metadata(file).num_rows for file in ledgers.files(ledger, dataset))
