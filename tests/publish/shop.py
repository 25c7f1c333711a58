"""A project with one table in its lake and publications of it. Nothing is collected, and no engine starts."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit

TABLE = "trusted.sales"

FILES = {
    "vertebra.yaml": "name: shop\n",
    "datasets/sales.yaml": """\
source: tills
collect: {from: files, path: data/sales.csv}
parse: {format: csv}
columns: {id: int, city: string, price: double}
key: [id]
""",
}


def make(folder: Path, rows: int = 3, **publications: str) -> Path:
    """Write the project into a folder, its table with some rows, and ``publish/<name>.yaml`` of each text."""
    for name, text in FILES.items():
        write(folder / name, text)
    for name, text in publications.items():
        declare(folder, name, text)
    commit(folder, rows)
    return folder


def declare(folder: Path, name: str, text: str) -> None:
    """Write a publication of the table."""
    write(folder / "publish" / f"{name}.yaml", f"table: {TABLE}\n{text}\n")


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def commit(folder: Path, rows: int, label: str = "") -> int:
    """Make a version of the table with so many rows, in several files; returns its number."""
    table = Lake(folder / "lake").table(TABLE)
    return table.write_arrow(content(rows, label), Commit("run", TABLE, f"{rows} {label}"))


def content(rows: int, label: str = "") -> pa.Table:
    """The rows of such a version."""
    ids = pa.array(range(rows), pa.int32())
    cities = pa.array([None if row == 1 else f'{label}city {row % 7}, "a"' for row in range(rows)], pa.string())
    prices = pa.array([row / 4 for row in range(rows)], pa.float64())
    rids = pa.array(range(10**10, 10**10 + rows), pa.int64())
    return pa.table({"_rid": rids, "id": ids, "city": cities, "price": prices})
