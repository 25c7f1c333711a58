"""Rows of the tables that the last run of a trusted step read, by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from vertebra.errors import LakeError

if TYPE_CHECKING:
    from vertebra.lake.catalog import Lake


def checked_rows(
    lake: Lake, dataset: str, table: str, rids: Iterable[int], columns: Sequence[str] = ()
) -> dict[int, dict[str, Any]]:
    """Rows by id, of the version that was checked; those that it lacks, or if it was freed, of the newest.

    Args:
        dataset: the dataset that was checked.
        table: the dataset itself, for its formatted rows, or another dataset, for its trusted rows.
        rids: the ids of the rows.
        columns: the columns to read, as far as the table has them; all by default.
    """
    import pyarrow.compute as pc

    name = f"{'formatted' if table == dataset else 'trusted'}.{table}"
    lake_table = lake.table(name)
    trusted = lake.table(f"trusted.{dataset}")
    newest = trusted.newest_data() if trusted.exists() else None
    found: dict[int, dict[str, Any]] = {}
    for version in dict.fromkeys((newest.inputs.get(name) if newest else None, None)):
        missing = sorted(set(rids) - set(found))
        if not missing:
            break
        try:
            rows = lake_table.arrow(version)
            wanted = ["_rid", *(one for one in columns if one in rows.schema.names)] if columns else None
            for row in rows.to_table(columns=wanted, filter=pc.field("_rid").isin(missing)).to_pylist():
                found[row.pop("_rid")] = row
        except LakeError:
            continue
    return found
