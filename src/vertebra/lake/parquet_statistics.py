"""File statistics for Delta: from the Parquet footer, or from the values when the footer has none.

Floating-point columns get no bounds: those of a footer leave NaN out, so a reader would skip files that have NaN.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STRING_LIMIT = 32
_COLUMNS_COUNTED = 32
"""Columns that get statistics, of a file whose footer has none; as many as Delta's own writers describe."""


def add_action(root: Path, file: Path, *, data_change: bool = True) -> tuple[AddAction, int]:
    """Describe one Parquet file under a table's root as a Delta add action.

    Args:
        data_change: whether its rows are new to the table.

    Returns:
        The action, with row count, minimum, maximum and NULL count of each column as statistics, and the row count.
    """
    metadata = pq.read_metadata(file)
    status = file.stat()
    stats = {
        "numRecords": metadata.num_rows,
        "minValues": {},
        "maxValues": {},
        "nullCount": {},
    }
    if _has_no_statistics(metadata):
        _computed_statistics(file, stats)
    else:
        for index in range(metadata.num_columns):
            _column_statistics(metadata, index, stats)
    action = AddAction(
        path=quote(file.relative_to(root).as_posix()),
        size=status.st_size,
        partition_values={},
        modification_time=int(status.st_mtime * 1000),
        data_change=data_change,
        stats=json.dumps(stats),
    )
    return action, metadata.num_rows


def _column_statistics(metadata: pq.FileMetaData, index: int, stats: dict[str, Any]) -> None:
    """Merge one column's statistics over all row groups; none if a row group has none."""
    column = metadata.schema.column(index)
    if column.max_repetition_level or column.path != column.name:
        return  # a part of a nested column
    nulls, bounded = 0, True
    lows, highs = [], []
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(index).statistics
        if statistics is None or not statistics.has_null_count:
            return
        nulls += statistics.null_count
        bounds = _bounds(statistics)
        if bounds is not None:
            lows.append(bounds[0])
            highs.append(bounds[1])
        elif statistics.null_count < metadata.row_group(group).num_rows:
            bounded = False
    stats["nullCount"][column.name] = nulls
    if bounded and lows:
        _put_bounds(column.name, min(lows), max(highs), stats)


def _has_no_statistics(metadata: pq.FileMetaData) -> bool:
    """Whether a file with rows was written without statistics."""
    return metadata.num_rows > 0 and not any(
        metadata.row_group(0).column(index).is_stats_set for index in range(metadata.num_columns)
    )


def _computed_statistics(file: Path, stats: dict[str, Any]) -> None:
    """Compute the statistics from the values, with one row group in memory at a time.

    Floating-point columns get none. Texts are read as dictionaries, whose few entries are compared instead of the rows.
    """
    import pyarrow.compute as pc

    columns = _counted_columns(pq.read_schema(file))
    texts = [field.name for field in columns if pa.types.is_string(field.type)]
    nulls = dict.fromkeys((field.name for field in columns), 0)
    bounds: dict[str, list[Any]] = {name: [] for name in nulls}
    unbounded = set()
    with pq.ParquetFile(file, read_dictionary=texts) as opened:
        for group in range(opened.num_row_groups):
            data = opened.read_row_group(group, columns=list(nulls))
            for name, column in zip(data.column_names, data.columns, strict=True):
                nulls[name] += column.null_count
                for values in column.chunks:
                    extremes = pc.min_max(values.dictionary if pa.types.is_dictionary(values.type) else values)
                    try:
                        found = (extremes["min"].as_py(), extremes["max"].as_py())
                    except (OverflowError, ValueError):
                        unbounded.add(name)  # a date such as the year 10000
                        continue
                    bounds[name] += [one for one in found if one is not None]
    for name, extremes_of_groups in bounds.items():
        stats["nullCount"][name] = nulls[name]
        if extremes_of_groups and name not in unbounded:
            _put_bounds(name, min(extremes_of_groups), max(extremes_of_groups), stats)


def _counted_columns(schema: pa.Schema) -> list[pa.Field]:
    plain = [field for field in schema if not pa.types.is_nested(field.type)]
    return [field for field in plain[:_COLUMNS_COUNTED] if not pa.types.is_floating(field.type)]


def _put_bounds(name: str, low: object, high: object, stats: dict[str, Any]) -> None:
    lowest, highest = _as_json(low, highest=False), _as_json(high, highest=True)
    if lowest is not None and highest is not None:
        stats["minValues"][name] = lowest
        stats["maxValues"][name] = highest


def _bounds(statistics: pq.Statistics) -> tuple[Any, Any] | None:
    """Least and greatest value of a row group, where the footer has them and Python can hold them."""
    if not statistics.has_min_max:
        return None
    try:
        if _is_instant(statistics):
            return _instant(statistics.min_raw), _instant(statistics.max_raw)
        return statistics.min, statistics.max
    except (OverflowError, ValueError):
        return None  # a date such as the year 10000


def _is_instant(statistics: pq.Statistics) -> bool:
    """Whether values are microseconds in UTC. pyarrow imports pandas to make such values, and is slow at it."""
    about = json.loads(statistics.logical_type.to_json()) if statistics.logical_type.type == "TIMESTAMP" else {}
    return bool(about.get("isAdjustedToUTC")) and about.get("timeUnit") == "microseconds"


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _as_json(value: object, *, highest: bool) -> Any:
    """A statistic in Delta's JSON form, or None if it would not be a valid bound."""
    match value:
        case bool() | bytes() | float():
            return None
        case int():
            return value
        case str():
            if len(value) <= _STRING_LIMIT:
                return value
            # a prefix of a string is a lower bound of it, never an upper bound
            return None if highest else value[:_STRING_LIMIT]
        case datetime():
            moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            text = moment.isoformat(timespec="microseconds")
            return text + "Z" if value.tzinfo else text
        case date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case _:
            return None
