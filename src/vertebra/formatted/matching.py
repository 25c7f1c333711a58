"""Finds the records of a key: in all batches that landed, also in those that do not count, and in the tables."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vertebra.blanks import BLANKS
from vertebra.declare.column_type import column_type
from vertebra.formatted.cast import read_cell
from vertebra.formatted.intermediates import Intermediates
from vertebra.formatted.text import cell_text, cells_text
from vertebra.governance.cell_texts import cell_names
from vertebra.governance.drift import batch_sources
from vertebra.lake.batches import RECORD_COLUMN, RECORDS_PER_BATCH, Batch
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import Column, DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.engine.port import Engine
    from vertebra.lake.catalog import Lake

_FILES_PER_JOB: Final = 100
_WANTED: Final = "_wanted_"
_RID: Final = "_rid"


def matching_records(
    dataset: Dataset, lake: Lake, landed: Sequence[Batch], key: Mapping[str, str], engine: Engine
) -> dict[int, list[int]]:
    """The records whose columns have the values of a key, by batch number; ordinals rise.

    A text matches if it is equal to the value, or means the same value, as the column is declared: ``017`` matches
    ``17`` where the column is an integer. Rows of the formatted and the trusted table that have the values also count,
    because cleaning may have changed them.

    Args:
        landed: all batches of the dataset.
        key: the text of each column.
    """
    found: dict[int, set[int]] = defaultdict(set)
    units = [frame for batch in landed if (frame := _text_of(batch, dataset, key, engine)) is not None]
    for at in range(0, len(units), _FILES_PER_JOB):
        text = reduce(lambda above, below: above.unionAll(below), units[at : at + _FILES_PER_JOB])
        _add(found, _matching(text, dataset, key, raw=True))
    for zone in DATASET_ZONES:
        table = lake.table(f"{zone}.{dataset.name}")
        if table.exists() and set(key) <= set(table.schema().names):
            frame = table.frame(engine).select(_RID, *key)
            _add(found, _matching(frame, dataset, key, raw=False))
    gone = {batch.number: set(batch.receipt.forgotten_records) for batch in landed}
    present = {batch.number for batch in landed if batch.receipt.freed_at is None}
    records = {number: sorted(mine - gone.get(number, set())) for number, mine in sorted(found.items())}
    return {number: mine for number, mine in records.items() if mine and number in present}


def _text_of(batch: Batch, dataset: Dataset, key: Mapping[str, str], engine: Engine) -> DataFrame | None:
    """The row ids of a batch, and the texts of the key's columns; None if it lacks one of them."""
    from pyspark.sql import functions as F

    sources = batch_sources(dataset, batch.receipt)
    if batch.receipt.freed_at is not None or not all(sources[name] for name in key):
        return None
    wanted = list(dict.fromkeys(cell for name in key for cell in cell_names(sources[name])))
    schema = pa.schema([(RECORD_COLUMN, pa.int64()), *((source, pa.string()) for source in wanted)])
    frame = engine.read_parquet([batch.records], schema)
    # columns of a payload may have dots, quotes and spaces in their names; positions need no quoting
    frame = frame.toDF(RECORD_COLUMN, *(f"_{place}" for place in range(len(wanted))))
    rid = F.lit(batch.number * RECORDS_PER_BATCH).cast("bigint") + F.col(RECORD_COLUMN)
    places = {name: [F.col(f"_{wanted.index(cell)}") for cell in cell_names(sources[name])] for name in key}
    return frame.select(
        rid.alias(_RID), *(cells_text(dataset, name, sources[name], places[name]).alias(name) for name in key)
    )


def _matching(frame: DataFrame, dataset: Dataset, key: Mapping[str, str], *, raw: bool) -> DataFrame:
    """The row ids of a frame with the values of a key.

    Args:
        raw: whether the frame has texts; otherwise it has values.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import StringType, StructField, StructType

    # neither a literal nor a filter: an engine would put one into all stages of the other, and plan for half a minute
    texts = StructType([StructField(f"{_WANTED}{name}", StringType()) for name in key])
    frame = frame.crossJoin(frame.sparkSession.createDataFrame([tuple(key.values())], texts))
    intermediates = Intermediates()
    conditions = []
    for name, text in key.items():
        column = dataset.columns[name]
        read = cell_text(dataset, column)
        wanted = read_cell(F.col(f"{_WANTED}{name}"), column, read, intermediates).value
        value = read_cell(F.col(name), column, read, intermediates).value if raw else F.col(name)
        # a text that is not written as declared may be written as Vertebra shows values
        shown = F.lit(text).try_cast(str(column_type(column.type)))
        alike: list[Column] = [value == F.coalesce(wanted, shown)]
        if raw:
            alike.append(F.btrim(F.col(name), F.lit(BLANKS)) == F.lit(text.strip(BLANKS)))
        conditions.append(reduce(lambda one, other: one | other, (F.coalesce(one, F.lit(False)) for one in alike)))
    matches = F.when(reduce(lambda one, other: one & other, conditions), F.array(_RID))
    return intermediates.on(frame).select(F.explode(matches).alias(_RID))


def _add(found: dict[int, set[int]], rows: DataFrame) -> None:
    """Add row ids; those of a key are few."""
    for rid in rows.toArrow().column(0).to_pylist():
        number, record = divmod(rid, RECORDS_PER_BATCH)
        found[number].add(record)
