"""Upsert: one row per key, which version of a record is the newest, and the ledger of the records it replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Final

import pyarrow.dataset as pads
import pyarrow.parquet as pq

from vertebra.governance.schemas import STATES
from vertebra.lake.batches import RECORDS_PER_BATCH, Batch
from vertebra.lake.effective_batches import batch_ranks

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.engine.port import Engine
    from vertebra.governance.context import StepContext
    from vertebra.lake.staging import StagedFiles

_LEDGER: Final = "superseded"
_RANK: Final = "_rank"


@dataclass(frozen=True)
class Replaced:
    """The records that lost against another record with the same key.

    Attributes:
        changed: those whose values differ from the record that replaced them.
        in_batch: those of them that a record of the same batch replaced.
        repeated: those with the same values.
    """

    changed: int = 0
    in_batch: int = 0
    repeated: int = 0


NOTHING_REPLACED: Final = Replaced()


def candidates(new: DataFrame, present: DataFrame | None) -> DataFrame:
    """The rows that one row per key is chosen from: new ones and those of the table.

    Args:
        new: rows of new batches.
        present: rows of the table, which may lack columns that a new batch adds; None if there is no table yet.
    """
    from pyspark.sql import functions as F

    if present is None:
        return new
    had = [F.col(name) if name in present.columns else F.lit(None).cast("string").alias(name) for name in new.columns]
    return present.select(had).unionAll(new)


def newest_versions(dataset: Dataset, rows: DataFrame, landed: Sequence[Batch], engine: Engine) -> DataFrame:
    """One row per key: the one of the newest version. Rows without a complete key are all kept.

    With a declared version, the result depends on neither the order nor the grouping in which files were collected.

    Args:
        rows: those of new batches and of the table.
        landed: the batches that count.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    order = [F.col("_rid").desc()]
    if dataset.version is not None:
        ranks = batch_ranks(landed, dataset.version, named=dataset.collect.identified_by_url)
        known = engine.session.createDataFrame(list(ranks.items()) or [(0, 0)], f"_of bigint, {_RANK} bigint")
        rows = rows.join(F.broadcast(known), _batch_of("_rid") == F.col("_of"), "left").drop("_of")
        order = [F.col(_RANK).desc_nulls_last(), *order]
        if dataset.version in dataset.columns:
            order = [F.col(dataset.version).desc_nulls_last(), *order]
    # each row without a complete key gets its own partition
    alone = F.when(~_complete(dataset), F.col("_rid"))
    latest = Window.partitionBy(*map(F.col, dataset.key), alone).orderBy(*order)
    ranked = rows.withColumn("_place", F.row_number().over(latest))
    return ranked.where(F.col("_place") == 1).drop("_place", _RANK)


def record_superseded(
    dataset: Dataset, rows: DataFrame, number: int, staged: StagedFiles, first: int | None, ctx: StepContext
) -> Replaced:
    """Write the records that others replaced to the ledger, if their values differ. A repeated call changes nothing.

    Args:
        rows: those that one row per key was chosen from.
        number: how many they are.
        staged: the chosen ones.
        first: the first batch that was read, if what earlier batches replaced is kept; None if all is written anew.
    """
    lost = number - staged.rows
    if not lost:
        if first is None:
            clear_superseded(dataset, ctx)
        return NOTHING_REPLACED
    found = ctx.engine.write_parquet(_replaced_rows(dataset, rows, staged, ctx), ctx.scratch / _LEDGER)
    changed = sum(pq.read_metadata(file).num_rows for file in found)
    if not changed:
        if first is None:
            clear_superseded(dataset, ctx)
        return Replaced(repeated=lost)
    frame = ctx.engine.read_parquet(found, STATES[_LEDGER])
    part = "" if first is None else f"{first:08d}"
    ctx.ledgers.replace(_LEDGER, dataset.name, frame, ctx.engine, ctx.commit(), part, f"formatted.{dataset.name}")
    same_batch = pads.field("batch") == pads.field("replaced_by_batch")
    inside = pads.dataset([str(file) for file in found], format="parquet").count_rows(filter=same_batch)
    return Replaced(changed, inside, lost - changed)


def clear_superseded(dataset: Dataset, ctx: StepContext) -> None:
    """Remove what the ledger has about a dataset, if it has anything."""
    table = ctx.ledgers.table(_LEDGER)
    if table.exists() and ctx.ledgers.files(_LEDGER, dataset.name):
        ctx.ledgers.clear(_LEDGER, dataset.name, ctx.commit(), f"formatted.{dataset.name}")


def _replaced_rows(dataset: Dataset, rows: DataFrame, staged: StagedFiles, ctx: StepContext) -> DataFrame:
    """The rows that were not chosen, with the chosen one of their key, where their values differ."""
    from pyspark.sql import functions as F

    chosen = ctx.engine.read_parquet(staged.files, staged.schema)
    values = [name for name in dataset.columns if name not in dataset.key]
    kept = chosen.select(
        F.col("_rid").alias("_by"),
        *(F.col(name).alias(f"_key_{place}") for place, name in enumerate(dataset.key)),
        *(F.col(name).alias(f"_now_{place}") for place, name in enumerate(values)),
    )
    same_key = [F.col(name) == F.col(f"_key_{place}") for place, name in enumerate(dataset.key)]
    differs = [~F.col(name).eqNullSafe(F.col(f"_now_{place}")) for place, name in enumerate(values)]
    other = reduce(lambda one, more: one | more, differs, F.lit(False))
    pairs = rows.join(kept, reduce(lambda one, more: one & more, same_key))
    return pairs.where((F.col("_rid") != F.col("_by")) & other).select(
        F.lit(ctx.run_id).alias("run_id"),
        F.lit(dataset.name).alias("dataset"),
        F.col("_rid").alias("rid"),
        _batch_of("_rid").alias("batch"),
        (F.col("_rid") % RECORDS_PER_BATCH).alias("record"),
        F.col("_by").alias("replaced_by"),
        _batch_of("_by").alias("replaced_by_batch"),
    )


def _batch_of(rid: str) -> Column:
    """The batch of a row id."""
    from pyspark.sql import functions as F

    return F.expr(f"{rid} div {RECORDS_PER_BATCH}")


def _complete(dataset: Dataset) -> Column:
    """Whether a row has no NULL in its key."""
    from pyspark.sql import functions as F

    return reduce(lambda one, other: one & other, [F.col(name).isNotNull() for name in dataset.key])
