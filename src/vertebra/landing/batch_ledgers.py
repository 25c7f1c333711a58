"""Batches in the ledgers: ``batches``, ``schemas`` and ``drift``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vertebra.governance.drift import ColumnDrift, record_drift, schema_rows
from vertebra.governance.forgotten import left_out_row
from vertebra.governance.schemas import EVENTS
from vertebra.lake.commit import Commit

if TYPE_CHECKING:
    from collections.abc import Collection

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.batches import Batch


def complete_ledgers(
    dataset: Dataset, landed: list[Batch], ledgers: Ledgers, run_id: str, again: Collection[int] = ()
) -> None:
    """Add batches of a dataset that are missing in the ledgers; the caller holds the lake's lease.

    Args:
        again: numbers of batches whose columns are recorded again, because their records changed.
    """
    record_batches(dataset, landed, ledgers, run_id)
    record_columns(dataset, landed, again, ledgers, run_id)


def record_batches(dataset: Dataset, known: list[Batch], ledgers: Ledgers, run_id: str) -> list[Batch]:
    """Add to the ledger the batches it lacks, also those of a collection that was interrupted. Returns them."""
    recorded = {row["batch"] for row in _recorded(dataset, ledgers, "batches", ["batch"])}
    missing = [batch for batch in known if batch.number not in recorded]
    if not missing:
        return []
    rows = [
        {
            "run_id": run_id,
            "source": dataset.source,
            "dataset": dataset.name,
            "batch": batch.number,
            "collected_at": batch.receipt.collected_at,
            "period": batch.receipt.period,
            "url": batch.receipt.url,
            "sha256": batch.receipt.sha256,
            "bytes": batch.receipt.bytes,
            "records": batch.receipt.records,
            "columns": list(batch.receipt.columns),
            "collector": batch.receipt.collector,
        }
        for batch in missing
    ]
    commit = Commit(run_id=run_id, step=f"landing.{dataset.name}", fingerprint="")
    ledgers.append("batches", rows, commit)
    left_out = [
        left_out_row(dataset.source, dataset.name, batch.number, entry, batch.receipt.collected_at)
        for batch in missing
        for entry in batch.receipt.forgotten
        if entry["at"] == batch.receipt.collected_at.isoformat()
    ]
    ledgers.append("forgotten", left_out, commit)
    return missing


def record_columns(
    dataset: Dataset, known: list[Batch], again: Collection[int], ledgers: Ledgers, run_id: str
) -> tuple[ColumnDrift, ...]:
    """Record the columns of batches that are new or were parsed again. Returns the drift that begins with them."""
    recorded = _recorded_columns(dataset, ledgers)
    parsed = [batch for batch in known if batch.number not in recorded or batch.number in again]
    commit = Commit(run_id=run_id, step=f"landing.{dataset.name}", fingerprint="")
    rows = {batch.number: schema_rows(dataset, [batch], run_id) for batch in parsed}
    new = {number: found for number, found in rows.items() if _unlabelled(found) != recorded.get(number)}
    ledgers.append("schemas", [row for found in new.values() for row in found], commit)
    numbers = {batch.number for batch in parsed}
    return tuple(one for one in record_drift(dataset, known, ledgers, commit) if one.first_batch in numbers)


def _recorded_columns(dataset: Dataset, ledgers: Ledgers) -> dict[int, list[dict[str, object]]]:
    """The recorded columns of each batch."""
    latest: dict[int, dict[str, list[dict[str, object]]]] = {}
    for row in _recorded(dataset, ledgers, "schemas", EVENTS["schemas"].names):
        latest.setdefault(row["batch"], {}).setdefault(row["run_id"], []).append(row)
    return {batch: _unlabelled(runs[max(runs)]) for batch, runs in latest.items()}


def _unlabelled(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Rows about columns in their order, without the run."""
    found = ({name: value for name, value in row.items() if name != "run_id"} for row in rows)
    return sorted(found, key=lambda row: str(row["position"]).zfill(8))


def _recorded(dataset: Dataset, ledgers: Ledgers, ledger: str, columns: list[str]) -> list[dict[str, Any]]:
    """Rows about the dataset in a ledger."""
    import pyarrow.compute as pc

    table = ledgers.table(ledger)
    if not table.exists():
        return []
    mine = (pc.field("source") == dataset.source) & (pc.field("dataset") == dataset.name)
    rows: list[dict[str, Any]] = table.arrow().to_table(columns=columns, filter=mine).to_pylist()
    return rows
