"""The ledger of rejected cells: raw text, declared type and reason. A rejected cell is NULL in the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from vertebra.engine.expression_trees import balanced
from vertebra.governance.schemas import STATES
from vertebra.lake.batches import (
    CURSOR_FIELD,
    RAGGED_COLUMN,
    RAGGED_NOTES,
    RAGGED_REASON_COLUMN,
    REASONED_NOTES,
    RECORD_COLUMN,
    RECORDS_PER_BATCH,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.formatted.cast import Cell
    from vertebra.governance.context import StepContext
    from vertebra.lake.batches import Batch
    from vertebra.lake.staging import StagedFiles

_LEDGER = "rejects"
RAGGED_REASON = "has too few or too many cells, so that they cannot be assigned to columns"


def suspects(dataset: Dataset, staged: StagedFiles) -> list[str]:
    """The columns that may have rejected cells: those with NULLs, which the statistics of the files count.

    Args:
        staged: all rows that were read, as files of the table.
    """
    counted: dict[str, int] = dict.fromkeys(dataset.columns, 0)
    unknown: set[str] = set()
    for file in staged.files:
        metadata = pq.read_metadata(file)
        for group in range(metadata.num_row_groups):
            for index in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(index)
                if chunk.statistics is None or not chunk.statistics.has_null_count:
                    unknown.add(chunk.path_in_schema)
                elif chunk.path_in_schema in counted:
                    counted[chunk.path_in_schema] += chunk.statistics.null_count
    return [name for name in castable(dataset) if counted[name] or name in unknown]


def castable(dataset: Dataset) -> list[str]:
    """The columns whose text may be refused; a string accepts every text."""
    return [name for name, column in dataset.columns.items() if column.type != "string"]


def rejects(worked: DataFrame, cells: Mapping[str, Cell], dataset: Dataset, ctx: StepContext) -> DataFrame:
    """One row per rejected cell, with the columns of the ledger.

    Args:
        worked: ``_rid``, the raw text of the columns and the intermediates of their cells.
        cells: how the columns are cast.
    """
    from pyspark.sql import functions as F

    refused = {name: cell.content.isNotNull() & cell.value.isNull() for name, cell in cells.items()}
    flagged = worked.select("*", *(flag.alias(f"_refused_{name}") for name, flag in refused.items()))
    found = [
        F.when(
            F.col(f"_refused_{name}"),
            F.struct(
                F.lit(name).alias("column_name"),
                F.col(name).alias("raw"),
                F.lit(dataset.columns[name].type).alias("type"),
                # an array has one type: Sail takes some of these expressions for nullable ones
                F.coalesce(cell.reason, F.lit("")).alias("reason"),
            ),
        )
        for name, cell in cells.items()
    ]
    some_refused = balanced(lambda one, other: one | other, [F.col(f"_refused_{name}") for name in cells])
    # a filter would be pushed below the intermediates, and each of them repeated wherever it is used
    cells_of_row = F.when(some_refused, F.array(*found))
    return (
        flagged.select("_rid", F.explode(cells_of_row).alias("cell"))
        .where(F.col("cell").isNotNull())
        .select(
            F.lit(ctx.run_id).alias("run_id"),
            F.lit(dataset.name).alias("dataset"),
            F.col("_rid").alias("rid"),
            F.floor(F.col("_rid") / RECORDS_PER_BATCH).cast("bigint").alias("batch"),
            (F.col("_rid") % RECORDS_PER_BATCH).alias("record"),
            "cell.column_name",
            "cell.raw",
            "cell.type",
            "cell.reason",
        )
    )


def has_ragged_records(batch: Batch) -> bool:
    """Whether a batch has records whose cells cannot be assigned to columns."""
    return any(batch.receipt.text.get(name) for name in RAGGED_NOTES)


def ragged_records(batch: Batch, dataset: Dataset, ctx: StepContext) -> DataFrame:
    """The records of a batch whose cells cannot be assigned to columns, with the columns of the ledger."""
    from pyspark.sql import functions as F

    # batches that were parsed by earlier releases do not have the column
    reasons = [(RAGGED_REASON_COLUMN, pa.string())] if any(map(batch.receipt.text.get, REASONED_NOTES)) else []
    schema = pa.schema([(RECORD_COLUMN, pa.int64()), (RAGGED_COLUMN, pa.string()), *reasons])
    records = ctx.engine.read_parquet([batch.records], schema).where(F.col(RAGGED_COLUMN).isNotNull())
    number = F.lit(batch.number).cast("bigint")
    return records.select(
        F.lit(ctx.run_id).alias("run_id"),
        F.lit(dataset.name).alias("dataset"),
        (F.lit(batch.number * RECORDS_PER_BATCH).cast("bigint") + F.col(RECORD_COLUMN)).alias("rid"),
        number.alias("batch"),
        F.col(RECORD_COLUMN).alias("record"),
        F.lit(RAGGED_COLUMN).alias("column_name"),
        F.col(RAGGED_COLUMN).alias("raw"),
        F.lit("record").alias("type"),
        (F.coalesce(RAGGED_REASON_COLUMN, F.lit(RAGGED_REASON)) if reasons else F.lit(RAGGED_REASON)).alias("reason"),
    )


def without_cursor(batch: Batch, dataset: Dataset, ctx: StepContext) -> DataFrame | None:
    """The records of a batch without a value in the field that collections continue from, with the ledger's columns.

    None if there are none that the field's column shows.
    """
    from pyspark.sql import functions as F

    field = batch.receipt.headers.get(CURSOR_FIELD)
    names = [name for name, column in dataset.columns.items() if field in column.sources(name)]
    if field is None or field not in batch.receipt.columns or not names:
        return None
    schema = pa.schema([(RECORD_COLUMN, pa.int64()), (field, pa.string())])
    records = ctx.engine.read_parquet([batch.records], schema).toDF(RECORD_COLUMN, "_value")
    return records.where(F.coalesce(F.trim("_value"), F.lit("")) == "").select(
        F.lit(ctx.run_id).alias("run_id"),
        F.lit(dataset.name).alias("dataset"),
        (F.lit(batch.number * RECORDS_PER_BATCH).cast("bigint") + F.col(RECORD_COLUMN)).alias("rid"),
        F.lit(batch.number).cast("bigint").alias("batch"),
        F.col(RECORD_COLUMN).alias("record"),
        F.lit(names[0]).alias("column_name"),
        F.col("_value").alias("raw"),
        F.lit(dataset.columns[names[0]].type).alias("type"),
        F.lit("has no value, and collect.since continues from it").alias("reason"),
    )


def record_rejects(found: Sequence[DataFrame], dataset: Dataset, first: int | None, ctx: StepContext) -> int:
    """Write the rejected cells of the batches just read to the ledger. A repeated call changes nothing.

    Args:
        found: the rejected cells; None if there are none.
        first: the first batch that was read, if rejects of earlier batches are kept; None if they are replaced.

    Returns:
        The number of rejected cells.
    """
    table = f"formatted.{dataset.name}"
    files = [
        file
        for number, frame in enumerate(found)
        for file in ctx.engine.write_parquet(frame, ctx.scratch / f"rejects-{number}")
    ]
    count = int(sum(pq.read_metadata(file).num_rows for file in files))
    new = ctx.engine.read_parquet(files, STATES[_LEDGER]) if count else None
    stale = _recorded(dataset, first, ctx)
    if first is not None and not stale:
        if new is not None:
            ctx.ledgers.replace(_LEDGER, dataset.name, new, ctx.engine, ctx.commit(), f"{first:08d}", table)
        return count
    kept = _kept(dataset, first, ctx) if first is not None else None
    frames = [frame for frame in (new, kept) if frame is not None]
    if frames:
        whole = reduce(lambda one, other: one.unionByName(other), frames)
        ctx.ledgers.replace(_LEDGER, dataset.name, whole, ctx.engine, ctx.commit(), table=table)
    elif stale:
        ctx.ledgers.clear(_LEDGER, dataset.name, ctx.commit(), table)
    return count


def _recorded(dataset: Dataset, first: int | None, ctx: StepContext) -> int:
    """The number of rejects in the ledger for the batches being read.

    They exist if this is a full refresh, or if a run of an earlier release was killed before it committed.
    """
    ledger = ctx.ledgers.table(_LEDGER)
    if not ledger.exists():
        return 0
    condition = pads.field("dataset") == dataset.name
    if first is not None:
        condition &= pads.field("batch") >= first
    return int(ledger.arrow().count_rows(filter=condition))


def _kept(dataset: Dataset, first: int, ctx: StepContext) -> DataFrame:
    """The rejects of earlier batches."""
    from pyspark.sql import functions as F

    ledger = ctx.ledgers.table(_LEDGER).frame(ctx.engine)
    return ledger.where((F.col("dataset") == dataset.name) & (F.col("batch") < first))
