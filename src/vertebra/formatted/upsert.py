"""Upsert: one row per key, which version of a record is the newest, and the ledger of the records that do not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Final

import pyarrow.dataset as pads

from vertebra.formatted.deletions import DELETED_BY, batch_of, complete_key, mark_deleted
from vertebra.governance.schemas import STATES
from vertebra.lake.batches import RECORDS_PER_BATCH, Batch
from vertebra.lake.effective_batches import batch_ranks

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.engine.port import Engine
    from vertebra.governance.context import StepContext
    from vertebra.lake.staging import StagedFiles
    from vertebra.lake.table import LakeTable

_LEDGER: Final = "superseded"
_RANK: Final = "_rank"

REPLACED: Final = "replaced"
DELETED: Final = "deleted"
MARKS_DELETED: Final = "marks deleted"
"""The actions of the ledger ``superseded``."""


@dataclass(frozen=True)
class Replaced:
    """The records that lost against another record with the same key.

    Attributes:
        changed: those whose values differ from the record that replaced them.
        in_batch: those of them that a record of the same batch replaced.
        repeated: those with the same values.
        deleted: keys whose rows are removed, because they were deleted at the source.
    """

    changed: int = 0
    in_batch: int = 0
    repeated: int = 0
    deleted: int = 0

    @property
    def lost(self) -> int:
        """All of them that share a key with another record."""
        return self.changed + self.repeated


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
        rows = rows.join(F.broadcast(known), batch_of("_rid") == F.col("_of"), "left").drop("_of")
        order = [F.col(_RANK).desc_nulls_last(), *order]
        if dataset.version in dataset.columns:
            order = [F.col(dataset.version).desc_nulls_last(), *order]
    # each row without a complete key gets its own partition
    alone = F.when(~complete_key(dataset), F.col("_rid"))
    latest = Window.partitionBy(*map(F.col, dataset.key), alone).orderBy(*order)
    ranked = rows.withColumn("_place", F.row_number().over(latest))
    return ranked.where(F.col("_place") == 1).drop("_place", _RANK)


def stage_newest(
    dataset: Dataset,
    table: LakeTable,
    rows: DataFrame,
    number: int,
    landed: Sequence[Batch],
    first: int | None,
    ctx: StepContext,
) -> tuple[StagedFiles, Replaced]:
    """Write one row per key into the table's folder, and the records that do not count any more to the ledger.

    A repeated call changes nothing.

    Args:
        rows: those that one row per key is chosen from.
        number: how many they are.
        landed: the batches that count.
        first: the first batch that was read, if what earlier batches replaced is kept; None if all is written anew.
    """
    newest = newest_versions(dataset, rows, landed, ctx.engine)
    if dataset.deleted.kept:
        staged = table.stage(ctx.engine, newest)
        chosen = ctx.engine.read_parquet(staged.files, staged.schema)
        return staged, _record_superseded(dataset, rows, chosen, number - staged.rows, 0, first, ctx)
    from pyspark.sql import functions as F

    marked = ctx.engine.materialise(mark_deleted(dataset, newest, rows, landed, ctx.engine), ctx.scratch / "marked")
    staged = table.stage(ctx.engine, marked.where(F.col(DELETED_BY).isNull()).drop(DELETED_BY))
    removed = marked.where(F.col(DELETED_BY).isNotNull()).count()
    return staged, _record_superseded(dataset, rows, marked, number - staged.rows - removed, removed, first, ctx)


def _record_superseded(
    dataset: Dataset, rows: DataFrame, chosen: DataFrame, lost: int, removed: int, first: int | None, ctx: StepContext
) -> Replaced:
    """Write the records that others replaced to the ledger, if their values differ, and those that were deleted.

    Args:
        rows: those that one row per key was chosen from.
        chosen: one row per key, with :data:`DELETED_BY` if some may be deleted.
        lost: how many rows were not chosen.
        removed: how many chosen rows are deleted.
    """
    if not lost and not removed:
        if first is None:
            clear_superseded(dataset, ctx)
        return NOTHING_REPLACED
    frame = _replaced_rows(dataset, rows, chosen, ctx)
    if removed:
        frame = frame.unionByName(_deleted_rows(dataset, chosen, ctx))
    found = ctx.engine.write_parquet(frame, ctx.scratch / _LEDGER)
    noted = pads.dataset([str(file) for file in found], format="parquet") if found else None
    if noted is None or not noted.count_rows():
        if first is None:
            clear_superseded(dataset, ctx)
        return Replaced(repeated=lost)
    frame = ctx.engine.read_parquet(found, STATES[_LEDGER])
    part = "" if first is None else f"{first:08d}"
    ctx.ledgers.replace(_LEDGER, dataset.name, frame, ctx.engine, ctx.commit(), part, f"formatted.{dataset.name}")
    return _counts(noted, lost, by_mark=dataset.deleted.column is not None)


def _counts(noted: pads.Dataset, lost: int, *, by_mark: bool) -> Replaced:
    """What the ledger's new rows amount to.

    Args:
        lost: how many rows were not chosen.
        by_mark: whether a record marks rows as deleted, several of one key.
    """
    action = pads.field("action")
    same_batch = pads.field("batch") == pads.field("replaced_by_batch")
    replaced = noted.count_rows(filter=action == REPLACED)
    deleted = noted.to_table(columns=["rid", "replaced_by"], filter=action == DELETED)
    keys = len(deleted.column("replaced_by").unique()) if by_mark else deleted.num_rows
    changed = replaced + (deleted.num_rows if by_mark else 0)
    return Replaced(replaced, noted.count_rows(filter=(action == REPLACED) & same_batch), lost - changed, keys)


def clear_superseded(dataset: Dataset, ctx: StepContext) -> None:
    """Remove what the ledger has about a dataset, if it has anything."""
    table = ctx.ledgers.table(_LEDGER)
    if table.exists() and ctx.ledgers.files(_LEDGER, dataset.name):
        ctx.ledgers.clear(_LEDGER, dataset.name, ctx.commit(), f"formatted.{dataset.name}")


def _replaced_rows(dataset: Dataset, rows: DataFrame, chosen: DataFrame, ctx: StepContext) -> DataFrame:
    """The rows that were not chosen, with the chosen one of their key, where their values differ."""
    from pyspark.sql import functions as F

    values = [name for name in dataset.columns if name not in dataset.key]
    marks = dataset.deleted.column is not None
    kept = chosen.select(
        F.col("_rid").alias("_by"),
        (F.col(DELETED_BY).isNotNull() if marks else F.lit(False)).alias("_marks"),
        *(F.col(name).alias(f"_key_{place}") for place, name in enumerate(dataset.key)),
        *(F.col(name).alias(f"_now_{place}") for place, name in enumerate(values)),
    )
    same_key = [F.col(name) == F.col(f"_key_{place}") for place, name in enumerate(dataset.key)]
    differs = [~F.col(name).eqNullSafe(F.col(f"_now_{place}")) for place, name in enumerate(values)]
    other = reduce(lambda one, more: one | more, differs, F.lit(False))
    pairs = rows.join(kept, reduce(lambda one, more: one & more, same_key))
    action = F.when(F.col("_marks"), F.lit(DELETED)).otherwise(F.lit(REPLACED))
    return pairs.where((F.col("_rid") != F.col("_by")) & other).select(
        *_about(dataset, ctx),
        F.col("_by").alias("replaced_by"),
        batch_of("_by").alias("replaced_by_batch"),
        action.alias("action"),
    )


def _deleted_rows(dataset: Dataset, chosen: DataFrame, ctx: StepContext) -> DataFrame:
    """The chosen rows that do not count: a snapshot lacks their key, or they say themselves that they are deleted."""
    from pyspark.sql import functions as F

    return chosen.where(F.col(DELETED_BY).isNotNull()).select(
        *_about(dataset, ctx),
        F.lit(None).cast("bigint").alias("replaced_by"),
        F.col(DELETED_BY).alias("replaced_by_batch"),
        F.lit(DELETED if dataset.deleted.column is None else MARKS_DELETED).alias("action"),
    )


def _about(dataset: Dataset, ctx: StepContext) -> list[Column]:
    """The columns of the ledger that name a record."""
    from pyspark.sql import functions as F

    return [
        F.lit(ctx.run_id).alias("run_id"),
        F.lit(dataset.name).alias("dataset"),
        F.col("_rid").alias("rid"),
        batch_of("_rid").alias("batch"),
        (F.col("_rid") % RECORDS_PER_BATCH).alias("record"),
    ]
