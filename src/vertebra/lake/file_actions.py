"""The files of a table's version as its log lists them, and the actions that remove them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake.transaction import RemoveAction

if TYPE_CHECKING:
    from deltalake import DeltaTable


def added_files(table: DeltaTable) -> pa.Table:
    """The files of a version, with their statistics; ``pa.table`` would import pandas to check for data frames."""
    return pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()


def remove_actions(
    table: DeltaTable, parts: Sequence[str] | None = None, *, data_change: bool = True
) -> list[RemoveAction]:
    """The actions that remove the files of a table, or of some parts of it.

    Args:
        parts: folders within the table's; None for all files.
        data_change: False if the commit adds the same rows again in other files.
    """
    prefixes = tuple(f"{part}/" for part in parts) if parts is not None else ("",)
    actions = added_files(table).select(["path", "size_bytes"]).to_pylist()
    now = int(datetime.now(UTC).timestamp() * 1000)
    return [
        RemoveAction(
            path=action["path"],
            deletion_timestamp=now,
            data_change=data_change,
            partition_values={},
            size=action["size_bytes"],
        )
        for action in actions
        if action["path"].startswith(prefixes)
    ]
