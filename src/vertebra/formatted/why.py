"""Tracing a cell: from a row id to the record that landed, and how its text became the value in the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as pads

from vertebra.errors import LakeError
from vertebra.formatted.drift import evolved, match_columns
from vertebra.formatted.text import cell_text
from vertebra.formatting import shortened
from vertebra.governance.cell_texts import cell_names, is_joined, joined_text
from vertebra.lake.batches import RAGGED_COLUMN, RECORD_COLUMN, RECORDS_PER_BATCH, Batch, batches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.declare.dataset import Column, Dataset
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake


@dataclass(frozen=True)
class CellOrigin:
    """One cell of a formatted row and its origin.

    Attributes:
        column: the declared column.
        source: the column in the payload, ``Day and Clock`` if there are several; None when the batch has none.
        raw: the received text, that of several cells joined; None if there was none.
        received: the received texts by column of the payload.
        type: the declared type.
        value: the value in the formatted table now.
        steps: how the text became the value, as parts of a sentence, in order.
        rejected: why the text was refused, None when it was not.
    """

    column: str
    source: str | None
    raw: str | None
    type: str
    value: Any
    steps: tuple[str, ...]
    rejected: str | None
    received: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class RowOrigin:
    """A row of a formatted table and the landing record it comes from.

    Attributes:
        rid: the row's id.
        batch: the batch that it came with, including folder and receipt.
        record: the record in the payload, counted from 0.
        in_table: whether the formatted table has the row now; a later batch may have replaced it.
        cells: by declared column, in order; only the requested one if a column was given.
    """

    rid: int
    batch: Batch
    record: int
    in_table: bool
    cells: dict[str, CellOrigin]


def row_origin(dataset: Dataset, lake: Lake, ledgers: Ledgers, rid: int, column: str | None = None) -> RowOrigin:
    """Trace a row, or one cell of it, back to the landing zone. Reads single records and needs no engine.

    Args:
        rid: the row's id, ``_rid`` in the formatted and trusted tables.
        column: a declared column; None traces all of them.

    Raises:
        LakeError: there is no such batch, record or column.
    """
    number, record = divmod(rid, RECORDS_PER_BATCH)
    more = evolved(dataset, batches(lake.landing, dataset.source, dataset.name))
    declared_only = dataset
    dataset = dataset.model_copy(update={"columns": {**dataset.columns, **more}})
    if column is not None and column not in dataset.columns:
        raise LakeError(
            f"{dataset.name} has no column {column}",
            cause=f"its columns are {shortened(dataset.columns)}",
            remedy=f"vertebra why formatted.{dataset.name} {rid}",
        )
    batch = _batch(dataset, lake, number, rid)
    sources = match_columns(declared_only, batch, more).sources
    names = [column] if column is not None else list(dataset.columns)
    raw = _record(batch, record, [cell for name in names for cell in cell_names(sources[name])], rid)
    row = _row(dataset, lake, rid, names)
    reasons = _rejected(dataset, ledgers, rid)
    cells = {}
    for name in names:
        declared, found = dataset.columns[name], cell_names(sources[name])
        received = {cell: raw[cell] for cell in found}
        texts = [*received.values()]
        joined = texts and is_joined(declared)
        text = joined_text(dataset, name, sources[name], texts) if joined else next(iter(texts), None)
        source = " and ".join(found) or None
        steps = _steps(dataset, name, declared, source, text, reasons.get(name), reasons.get(RAGGED_COLUMN))
        value = row[name] if row else None
        cells[name] = CellOrigin(name, source, text, declared.type, value, steps, reasons.get(name), received)
    return RowOrigin(rid, batch, record, row is not None, cells)


def _batch(dataset: Dataset, lake: Lake, number: int, rid: int) -> Batch:
    for batch in batches(lake.landing, dataset.source, dataset.name):
        if batch.number == number:
            return batch
    raise LakeError(
        f"{dataset.name} has no row {rid}",
        cause=f"a row id is batch × 10^10 + record, and no batch has the number {number}",
        remedy=f'vertebra sql "select _rid from formatted.{dataset.name} limit 5"',
    )


def _record(batch: Batch, record: int, columns: list[str], rid: int) -> dict[str, str | None]:
    """The text of a record's cells; the statistics of the file show which row group has it."""
    if batch.receipt.freed_at is not None:
        raise LakeError(
            f"the records of batch {batch.number} are gone",
            cause=f"the batch was retracted, and vertebra gc freed its files on {batch.receipt.freed_at:.10}",
            remedy='vertebra sql "select * from governance.retractions" says who retracted it, and why',
        )
    names = list(dict.fromkeys(columns))
    found = (
        pads.dataset(str(batch.records), format="parquet")
        .to_table(columns=[RECORD_COLUMN, *names], filter=pads.field(RECORD_COLUMN) == record)
        .to_pylist()
    )
    forgotten = next((one for one in batch.receipt.forgotten if record in one["records"]), None)
    if forgotten is not None:
        raise LakeError(
            f"record {record} of batch {batch.number} was forgotten",
            cause=f"vertebra forget erased it on {forgotten['at']:.10}: {forgotten['reason']}",
            remedy='vertebra sql "select * from governance.forgotten"',
        )
    if not found:
        raise LakeError(
            f"batch {batch.number} has no record {record}",
            cause=f"it has {batch.receipt.records:,}, counted from 0, and the row id is {rid}",
            remedy="correct the row id",
        )
    return {name: found[0][name] for name in names}


def _row(dataset: Dataset, lake: Lake, rid: int, names: list[str]) -> dict[str, Any] | None:
    table = lake.table(f"formatted.{dataset.name}")
    if not table.exists():
        return None
    known = [name for name in names if name in table.schema().names]
    rows: pa.Table = table.arrow().to_table(columns=known, filter=pads.field("_rid") == rid)
    return dict.fromkeys(names) | rows.to_pylist()[0] if rows.num_rows else None


def _rejected(dataset: Dataset, ledgers: Ledgers, rid: int) -> dict[str, str]:
    """Why cells of the row were refused, by column."""
    ledger = ledgers.table("rejects")
    if not ledger.exists():
        return {}
    condition = (pads.field("dataset") == dataset.name) & (pads.field("rid") == rid)
    rows = ledger.arrow().to_table(columns=["column_name", "reason"], filter=condition)
    return {row["column_name"]: row["reason"] for row in rows.to_pylist()}


def _steps(
    dataset: Dataset,
    name: str,
    declared: Column,
    source: str | None,
    raw: str | None,
    reason: str | None,
    ragged: str | None,
) -> tuple[str, ...]:
    """How a text became a value."""
    if source is None:
        return (f"the batch has no column {' or '.join(declared.sources(name))}, so it is NULL",)
    if raw is None and ragged:
        return (f"the record {ragged}: all are NULL, and the record is in the ledger of rejects",)
    if raw is None:
        several = "one of the cells" if isinstance(declared.source, dict) else "the record"
        return (f"{several} has no value, so it is NULL",)
    steps = [declared.received(name)] if declared.origins(name) else []
    if is_joined(declared) and " and " in (source or ""):
        steps.append(f"{source} were joined to {raw!r}")
    read = cell_text(dataset, declared)
    text = read.trimmed_one(raw)
    if text != raw:
        steps.append("trimmed")
    if text in read.markers:
        return (*steps, f"{text!r} means NULL" if text else "an empty text means NULL")
    if reason is not None:
        return (*steps, f"{text!r} {reason}, so it is NULL and in the ledger of rejects")
    steps.append(_cast_words(declared))
    if declared.unit_from:
        steps.append(f"{raw!r} converted to {declared.unit}")
    if declared.convert:
        steps.append(f"converted from {declared.convert['from']} to {declared.convert['to']}")
    return tuple(steps)


def _cast_words(declared: Column) -> str:
    words = f"cast to {declared.type}"
    if declared.time_format:
        words += f" written {declared.time_format}"
    if declared.type == "timestamp":
        zone = declared.zone or "UTC"
        words += f", local time of {zone} where it has no offset, kept in UTC"
    return words
