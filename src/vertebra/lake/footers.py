"""File statistics for Delta: what a Parquet footer says about its columns."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
from deltalake.transaction import AddAction

_STRING_LIMIT = 32


def add_action(root: Path, file: Path) -> tuple[AddAction, int]:
    """Describe one Parquet file under a table's root as a Delta add action.

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
    for index in range(metadata.num_columns):
        _column_statistics(metadata, index, stats)
    action = AddAction(
        path=quote(file.relative_to(root).as_posix()),
        size=status.st_size,
        partition_values={},
        modification_time=int(status.st_mtime * 1000),
        data_change=True,
        stats=json.dumps(stats),
    )
    return action, metadata.num_rows


def _column_statistics(metadata: pq.FileMetaData, index: int, stats: dict[str, Any]) -> None:
    """Merge one column's statistics over all row groups; say nothing where a row group says nothing."""
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
        low, high = _as_json(min(lows), highest=False), _as_json(max(highs), highest=True)
        if low is not None and high is not None:
            stats["minValues"][column.name] = low
            stats["maxValues"][column.name] = high


def _bounds(statistics: pq.Statistics) -> tuple[Any, Any] | None:
    """Least and greatest value of a row group, where the footer has them and Python can hold them."""
    if not statistics.has_min_max:
        return None
    try:
        return statistics.min, statistics.max
    except (OverflowError, ValueError):
        return None  # a date such as the year 10000


def _as_json(value: object, *, highest: bool) -> Any:
    """A statistic in Delta's JSON form, or None where it cannot be given safely."""
    match value:
        case bool() | bytes():
            return None
        case int():
            return value
        case float():
            return None if value != value or value in (float("inf"), float("-inf")) else value
        case str():
            if len(value) <= _STRING_LIMIT:
                return value
            # A cut string is a lower bound of the full one, never an upper bound.
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
