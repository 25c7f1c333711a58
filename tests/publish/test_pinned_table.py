"""The stream of a table version that targets get."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from publish.shop import content
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.publish.pinned_table import PinnedTable

COMMIT = Commit("run", "trusted.sales", "x")


def test_a_later_version_changes_nothing(lake: Lake) -> None:
    table = lake.table("trusted.sales")
    table.write_arrow(content(3), COMMIT)
    pinned = PinnedTable(table, 0)
    table.write_arrow(content(5).select(["id"]), COMMIT)
    assert pinned.reader().read_all().equals(content(3).drop_columns(["_rid"]))
    assert (pinned.name, pinned.version, pinned.rows) == ("trusted.sales", 0, 3)
    assert pinned.schema == pinned.reader().schema


def test_each_reader_reads_from_the_beginning(lake: Lake) -> None:
    table = lake.table("trusted.sales")
    table.write_arrow(content(3), COMMIT)
    pinned = PinnedTable(table, 0, ["price", "id"])
    assert pinned.reader().read_all().equals(pinned.reader().read_all())
    assert pinned.reader().schema.names == ["price", "id"]


def test_only_the_batches_ahead_are_in_memory(lake: Lake) -> None:
    rows, batch = 2_000_000, 100_000
    random = np.random.default_rng(1)

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(0, rows, batch):
            texts = pa.array(random.integers(10**14, 10**15, batch).astype(str))
            yield pa.record_batch({"price": pa.array(random.random(batch)), "text": texts})

    table = lake.table("trusted.sales")
    table.write_arrow(pa.RecordBatchReader.from_batches(next(batches()).schema, batches()), COMMIT)
    whole = rows * (8 + 15)
    before = pa.total_allocated_bytes()
    reader = PinnedTable(table, 0).reader()
    seen, most = 0, 0
    for one in reader:
        seen += one.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert seen == rows
    assert most < whole * 0.85
