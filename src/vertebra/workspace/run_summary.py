"""The summary of a run: rows per zone, effects of cleaning, broken rules, chosen models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.governance.retractions import retractions
from vertebra.lake.batches import batches
from vertebra.lake.effective_batches import counting_batches
from vertebra.workspace.models import ChosenModel, chosen_models
from vertebra.workspace.quality import quality_measures
from vertebra.workspace.rule_tallies import RuleTally, tally_rules

if TYPE_CHECKING:
    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.pipeline.progress import RunReport


@dataclass(frozen=True)
class DatasetTally:
    """One dataset on its way from landing to trusted; None where it did not get yet.

    Attributes:
        records: received, in all batches; in those that count for a dataset loaded as snapshots.
        rejected: cells that did not parse.
    """

    dataset: str
    records: int | None
    formatted: int | None
    rejected: int
    trusted: int | None
    repaired: int
    quarantined: int


@dataclass(frozen=True)
class RunSummary:
    """The summary of a run.

    Attributes:
        report: how each step ended.
        datasets: rows of each dataset, and what cleaning did.
        views: rows of each table of the exploitation zone.
        rules: what was found about each rule, the most broken first.
        models: the model that each analysis chose.
        repaired_cell: a repaired cell as ``table rid column``, to look at; empty if there is none.
    """

    report: RunReport
    datasets: tuple[DatasetTally, ...]
    views: Mapping[str, int]
    rules: tuple[RuleTally, ...]
    models: tuple[ChosenModel, ...]
    repaired_cell: str


def summarise(project: Project, lake: Lake, ledgers: Ledgers, report: RunReport) -> RunSummary:
    """Summarise a run; reads ledgers and file statistics, and starts no engine."""
    rules = tally_rules([vars(measure) for measure in quality_measures(lake, ledgers)])
    return RunSummary(
        report,
        tuple(_dataset_tallies(project, lake, ledgers)),
        _rows_of(lake, "exploitation"),
        tuple(rules),
        tuple(chosen_models(lake)),
        _repaired_cell(ledgers),
    )


def _rows_of(lake: Lake, zone: str) -> dict[str, int]:
    """Rows of each table of a zone."""
    return {table.name.partition(".")[2]: table.rows() for table in lake.tables(zone)}


def _dataset_tallies(project: Project, lake: Lake, ledgers: Ledgers) -> list[DatasetTally]:
    """Every declared dataset."""
    formatted, trusted = _rows_of(lake, "formatted"), _rows_of(lake, "trusted")
    counts = {ledger: _per_dataset(ledgers, ledger) for ledger in ("rejects", "repairs", "quarantine")}
    found = []
    for name, dataset in project.datasets.items():
        landed = batches(lake.landing, dataset.source, name)
        counted = counting_batches(dataset, landed, retractions(ledgers, name))
        found.append(
            DatasetTally(
                name,
                sum(batch.receipt.records for batch in counted) if landed else None,
                formatted.get(name),
                counts["rejects"].get(name, 0),
                trusted.get(name),
                counts["repairs"].get(name, 0),
                counts["quarantine"].get(name, 0),
            )
        )
    return found


def _per_dataset(ledgers: Ledgers, ledger: str) -> dict[str, int]:
    table = ledgers.table(ledger)
    if not table.exists():
        return {}
    counts = table.arrow().to_table(columns=["dataset"]).column("dataset").value_counts()
    return {entry["values"].as_py(): entry["counts"].as_py() for entry in counts}


def _repaired_cell(ledgers: Ledgers) -> str:
    table = ledgers.table("repairs")
    if not table.exists():
        return ""
    rows = table.arrow().head(1, columns=["dataset", "rid", "column_name"]).to_pylist()
    return f"trusted.{rows[0]['dataset']} {rows[0]['rid']} {rows[0]['column_name']}" if rows else ""
