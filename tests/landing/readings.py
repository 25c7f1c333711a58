"""Short ways to declare a dataset and to read a batch back."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq

from vertebra.declare.dataset import Dataset
from vertebra.lake.batches import Batch


def declared(path: str, kind: str = "files", member: str = "*", load: str = "append", **parse: Any) -> Dataset:
    return Dataset.model_validate(
        {
            "name": "readings",
            "source": "station",
            "collect": {"from": kind, "path": path, "member": member},
            "parse": {"format": "csv"} | parse,
            "load": load,
            "columns": {},
        }
    )


def source(collect: dict[str, Any], load: str = "append", parse: dict[str, Any] | None = None, **more: Any) -> Dataset:
    """A dataset with any ``collect:`` section."""
    value = {"name": "readings", "source": "station", "collect": collect, "load": load, "columns": {}} | more
    return Dataset.model_validate(value | ({"parse": parse} if parse is not None else {}))


def records(batch: Batch) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(batch.records).to_pylist()
    assert [row.pop("_record") for row in rows] == list(range(len(rows)))
    marks = ("_ragged", "_ragged_reason")
    return [{name: cell for name, cell in row.items() if name not in marks or cell is not None} for row in rows]
