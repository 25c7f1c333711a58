"""Rows of an upserted dataset that were deleted at the source: by a snapshot that lacks them, or marked by a column."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.errors import LakeError
from vertebra.lake.batches import RECORDS_PER_BATCH
from vertebra.lake.effective_batches import snapshots_in_force

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.engine.port import Engine
    from vertebra.lake.batches import Batch

DELETED_BY: Final = "_deleted_by"
"""Column with the batch that deleted a row; NULL where the row counts."""


def needs_all_batches(dataset: Dataset, landed: Sequence[Batch], new: Sequence[Batch]) -> bool:
    """Whether the table and the new batches do not tell which rows count, so that all batches have to be read again.

    The table lacks the rows that were deleted. It is enough where a new record always wins against an earlier one.

    Args:
        landed: the batches that count.
        new: those of them that the table does not have.

    Raises:
        LakeError: a batch that should be a whole snapshot has only what was new at its source.
    """
    if dataset.deleted.column is not None:
        return dataset.version is not None
    if dataset.deleted.by is None:
        return False
    force = set(snapshots_in_force(landed, dataset.version).values())
    partial = [batch.number for batch in landed if batch.number in force and batch.receipt.cursor is not None]
    if partial:
        raise LakeError(
            f"batch {partial[-1]} of {dataset.name} is no whole snapshot",
            cause="its source gave only what was new, and all keys that the batch lacks would be removed",
            remedy=f"collect all of the source in each batch, or write `deleted: keep` in {dataset.declared_in}",
        )
    return dataset.version in dataset.columns or len(force) > 1 or not force <= {batch.number for batch in new}


def mark_deleted(
    dataset: Dataset, newest: DataFrame, rows: DataFrame, landed: Sequence[Batch], engine: Engine
) -> DataFrame:
    """Add the column :data:`DELETED_BY`.

    Args:
        newest: one row per key.
        rows: those it was chosen from.
        landed: the batches that count.
    """
    from pyspark.sql import functions as F

    batch = batch_of("_rid")
    if dataset.deleted.column is not None:
        deleted = _marked(dataset) & complete_key(dataset)
        return newest.withColumn(DELETED_BY, F.when(deleted, batch))
    force = snapshots_in_force(landed, dataset.version)
    known = F.broadcast(engine.session.createDataFrame(list(force.items()) or [(0, 0)], "_of bigint, _in_force bigint"))
    located = rows.join(known, batch_of("_rid") == F.col("_of"), "left")
    names = [f"_key_{place}" for place in range(len(dataset.key))]
    present = located.where((F.col("_of") == F.col("_in_force")) & complete_key(dataset)).select(
        *(F.col(key).alias(name) for key, name in zip(dataset.key, names, strict=True))
    )
    present = present.distinct().withColumn("_present", F.lit(True))
    same_key = reduce(
        lambda one, more: one & more,
        [F.col(key) == F.col(name) for key, name in zip(dataset.key, names, strict=True)],
    )
    found = newest.join(present, same_key, "left").drop(*names)
    found = found.join(known, batch_of("_rid") == F.col("_of"), "left")
    # no later record can replace a row without a complete key, so it counts as long as its batch is in force
    kept = F.when(complete_key(dataset), F.col("_present").isNotNull()).otherwise(F.col("_of") == F.col("_in_force"))
    return found.withColumn(DELETED_BY, F.when(~kept, F.col("_in_force"))).drop("_present", "_of", "_in_force")


def _marked(dataset: Dataset) -> Column:
    """Whether a record says that it is deleted; a NULL does not."""
    from pyspark.sql import functions as F

    assert dataset.deleted.column is not None
    written = F.col(dataset.deleted.column).cast("string")
    return F.coalesce(written.isin(*(dataset.deleted.values or ("true",))), F.lit(False))


def batch_of(rid: str) -> Column:
    """The batch of a row id."""
    from pyspark.sql import functions as F

    return F.expr(f"{rid} div {RECORDS_PER_BATCH}")


def complete_key(dataset: Dataset) -> Column:
    """Whether a row has no NULL in its key."""
    from pyspark.sql import functions as F

    return reduce(lambda one, other: one & other, [F.col(name).isNotNull() for name in dataset.key])
