"""Runs a repair method for whole tables on a table given as Python values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trusted.zones import declared
from vertebra.engine import Engine
from vertebra.trusted.labels import Label
from vertebra.trusted.repair.table_port import TABLE_PROPOSAL_COLUMNS, TableRepairMethod, TableToRepair

Proposals = dict[tuple[int, str], dict[str, Any]]


def proposals(
    method: TableRepairMethod,
    columns: Mapping[str, Sequence[Any]],
    engine: Engine,
    folder: Path,
    types: Mapping[str, pa.DataType] | None = None,
    silenced: Sequence[tuple[int, str]] = (),
    labels: Sequence[Label] = (),
) -> Proposals:
    """What a method proposes, by row (counted from 0) and column.

    Args:
        types: of the columns that are not text.
    """
    types = types or {}
    arrays = {name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()}
    count = len(next(iter(arrays.values())))
    table = pa.table(arrays | {"_rid": pa.array(range(count), pa.int64())})
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / "table.parquet")
    (folder / "scratch").mkdir()
    dataset = declared("things", dict.fromkeys(columns, "string"))
    frame = engine.read_parquet([folder / "table.parquet"], table.schema)
    known_wrong = engine.session.createDataFrame(list(silenced), "rid bigint, column_name string") if silenced else None
    given = TableToRepair(dataset, frame, table.schema, (), known_wrong, engine, folder / "scratch", labels)
    proposed = method.propose(given)
    if proposed is None:
        return {}
    assert proposed.columns == list(TABLE_PROPOSAL_COLUMNS)
    rows = proposed.toArrow().to_pylist()
    found = {(row["rid"], row["column_name"]): row for row in rows}
    assert len(found) == len(rows), "several proposals for one cell"
    assert all(0 <= row["confidence"] <= 1 and row["old"] != row["new"] for row in rows)
    return found


def likely(found: Proposals, least: float = 0.8) -> dict[tuple[int, str], str | None]:
    """The new values of the proposals from a confidence."""
    return {cell: row["new"] for cell, row in found.items() if row["confidence"] >= least}
