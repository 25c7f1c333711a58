"""What materialised frames have, from their files: no engine is asked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path


def row_count(folder: Path) -> int:
    """The number of rows in the files of a folder."""
    return sum(pq.read_metadata(file).num_rows for file in folder.rglob("*.parquet"))


def value_counts(folder: Path, column: str, where: tuple[str, str | bool] | None = None) -> Counter[str]:
    """How often each value of a text column occurs, or each element of its lists.

    Args:
        where: another column and the value that it must have in the rows that count.
    """
    import pyarrow.compute as pc

    counts: Counter[str] = Counter()
    read = [column] if where is None else [column, where[0]]
    for file in folder.rglob("*.parquet"):
        for batch in pq.ParquetFile(file).iter_batches(columns=read):
            values = batch.column(column)
            if where is not None:
                values = values.filter(pc.equal(batch.column(where[0]), where[1]))
            flat = values.flatten() if pa.types.is_list(values.type) else values
            for entry in flat.value_counts().to_pylist():
                counts[entry["values"]] += entry["counts"]
    return counts
