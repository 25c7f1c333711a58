"""A project of a set of tables to match, whose reconciliation says which tables they are and nothing else."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.reconciliation.sets import MatchingSet


def write_project(given: MatchingSet, folder: Path) -> None:
    """Write the project into a folder; all columns are text."""
    tables = {"left_table": given.left} | ({} if given.right is None else {"right_table": given.right})
    for name in ("datasets", "reconcile", "drop"):
        (folder / name).mkdir()
    (folder / "vertebra.yaml").write_text("name: matching\n", "utf-8")
    for name, table in tables.items():
        _write_dataset(name, table, folder)
    sources = {name: {"table": name, "key": "id"} for name in tables}
    (folder / "reconcile" / "matched.yaml").write_text(yaml.safe_dump({"sources": sources}), "utf-8")


def _write_dataset(name: str, table: pa.Table, folder: Path) -> None:
    pq.write_table(table, folder / "drop" / f"{name}.parquet")
    dataset = {
        "source": "published",
        "collect": {"from": "files", "path": f"drop/{name}.parquet"},
        "parse": {"format": "parquet"},
        "load": "snapshot",
        "columns": dict.fromkeys(table.column_names, "string"),
        "key": ["id"],
    }
    (folder / "datasets" / f"{name}.yaml").write_text(yaml.safe_dump(dataset, sort_keys=False), "utf-8")
