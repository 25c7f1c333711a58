"""Minimum and maximum of floating-point columns in Parquet footers.

They leave NaN out, which Spark orders above every number, so a reader that uses them misses NaN. The lake writes none.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_FLOATS = ("FLOAT", "DOUBLE")


def has_floats(schema: pa.Schema) -> bool:
    """Whether a column, or a part of a nested one, is a floating-point number."""
    return any(_has_floats(field.type) for field in schema)


def bounded_columns(schema: pa.Schema) -> list[str]:
    """The columns for which a file's footer may have bounds."""
    return [field.name for field in schema if not _has_floats(field.type)]


def bounds_floats(file: Path) -> bool:
    """Whether the footer of a file has bounds of a floating-point column."""
    metadata = pq.read_metadata(file)
    floats = [i for i in range(metadata.num_columns) if metadata.schema.column(i).physical_type in _FLOATS]
    for group in range(metadata.num_row_groups):
        for index in floats:
            statistics = metadata.row_group(group).column(index).statistics
            if statistics is not None and statistics.has_min_max:
                return True
    return False


def copy_without_bounds(source: Path, target: Path) -> None:
    """Copy a file, one row group in memory at a time; the copy has no statistics at all."""
    partial = target.with_suffix(".partial")
    with pq.ParquetFile(source) as file:
        writer_of_copy = pq.ParquetWriter(partial, file.schema_arrow, compression="zstd", write_statistics=False)
        with writer_of_copy as writer:
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group))
    partial.replace(target)


def _has_floats(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_has_floats(kind.field(index).type) for index in range(kind.num_fields))
    return bool(pa.types.is_floating(kind))
