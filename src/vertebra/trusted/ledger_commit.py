"""What the ledgers are to say of a trusted table, written before the table and made known together with it.

Files of all ledgers are staged while the step works, and committed at its end, one log entry after the other, with
nothing to compute in between. A step that dies before leaves ledgers and table as they were; one that dies between two
log entries leaves ledgers of a table that did not come to be, which :func:`ledger_mismatch` tells.
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
"""Versions among which the last of a dataset mostly is."""


class LedgerCommit:
    """The ledgers of one run of the step of a dataset."""

    def __init__(self, dataset: str, ctx: StepContext) -> None:
        self._dataset = dataset
        self._ctx = ctx
        self._staged: dict[str, StagedFiles] = {}

    def stage(self, ledger: str, rows: DataFrame | None) -> None:
        """Write what a ledger is to say of the dataset, unseen until :meth:`commit`; in place of what was staged.

        Args:
            rows: the ledger's columns but ``run_id`` and ``dataset``, in any order; None for nothing.
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
        """The files of a ledger on the dataset as they will be."""
        return self._staged[ledger].files if ledger in self._staged else ()

    def frame(self, ledger: str) -> DataFrame:
        """A ledger on the dataset as it will be."""
        return self._ctx.engine.read_parquet(self.files(ledger), STATES[ledger])

    def commit(self) -> dict[str, int]:
        """Make known what was staged. Returns the version of each ledger that says something since, or said before."""
        ledgers = self._ctx.ledgers
        return {ledger: ledgers.commit(ledger, staged, self._ctx.commit()) for ledger, staged in self._staged.items()}


def ledger_mismatch(lake: Lake, ledgers: Ledgers, dataset: str) -> str | None:
    """A sentence when the ledgers speak of another table than the trusted one that is there; None when they agree.

    A run that a rule stopped, or that died as it made its results known, leaves such ledgers, as does a restored table.
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
    """Whether a ledger has rows on a dataset, by the files' footers."""
    return any(pq.read_metadata(file).num_rows for file in ledgers.files(ledger, dataset))
