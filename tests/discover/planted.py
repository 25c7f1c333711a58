"""Random tables in which we know the rules: some columns follow from others, with errors, and the rest are noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vertebra.declare.dataset import Dataset
from vertebra.engine import Engine
from vertebra.trusted.discover import Subject

_TYPES = {"int64": "bigint", "double": "double", "string": "string", "date32[day]": "date", "bool": "boolean"}


def dataset(name: str, data: pa.Table, **declared: Any) -> Dataset:
    """The declaration of a table: its types, and nothing else unless it is given."""
    columns = declared.pop("columns", {})
    return Dataset.model_validate(
        {
            "name": name,
            "source": "test",
            "collect": {"from": "files", "path": "x.csv"},
            "parse": {"format": "csv"},
            "columns": {f.name: {"type": _TYPES[str(f.type)], **columns.get(f.name, {})} for f in data.schema},
            **declared,
        }
    )


def subject(
    engine: Engine, folder: Path, data: pa.Table, others: dict[str, pa.Table] | None = None, **declared: Any
) -> Subject:
    """A table as discovery takes it; the first column of every other table is its key."""
    tables = {"data": data, **(others or {})}
    datasets = {"data": dataset("data", data, **declared)}
    datasets |= {name: dataset(name, other, key=(other.schema.names[0],)) for name, other in (others or {}).items()}
    frames = {}
    for name, table in tables.items():
        file = folder / f"{name}.parquet"
        full = table.append_column("_rid", pa.array(range(table.num_rows), pa.int64()))
        pq.write_table(full, file)
        frames[name] = engine.read_parquet([file], full.schema)
    scratch = folder / "scratch"
    scratch.mkdir()
    return Subject(datasets["data"], datasets, frames, engine, scratch)


def shop(seed: int, rows: int = 6_000, errors: float = 0.003) -> pa.Table:
    """Sales with these rules, each with a few errors but the last two.

    zip → city; (shop, product) → price; ordered ≤ shipped; among the sales of a till, total grows with number; country
    lacks nothing but a slip in its values; sku has a form; sale is the key.
    """
    random = np.random.default_rng(seed)

    def spoiled(values: np.ndarray[Any, Any], others: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        wrong = random.random(rows) < errors
        return np.where(wrong, others, values)

    zips = random.integers(10_000, 10_150, rows)
    cities = random.permutation(np.arange(150) % 30)
    shops, products = random.integers(0, 15, rows), random.integers(0, 25, rows)
    prices = random.integers(100, 9_900, (15, 25)) / 100
    ordered = random.integers(0, 300, rows)
    shipped = ordered + random.integers(0, 40, rows)
    tills, numbers = random.integers(0, 40, rows), random.permutation(rows)
    totals = numbers * 7 + random.integers(0, 7, rows)
    countries = random.choice(["Spain", "France", "Portugal", "Italy"], rows)
    countries[random.choice(rows, 3, replace=False)] = "Portgual"
    letters = np.array(list("ABCDEFGH"))
    return pa.table(
        {
            "sale": pa.array(random.permutation(rows) + 1_000, pa.int64()),
            "zip": pa.array([f"{code:05d}" for code in zips]),
            "city": pa.array([f"city {c}" for c in spoiled(cities[zips - 10_000], random.integers(0, 30, rows))]),
            "shop": pa.array(shops, pa.int64()),
            "product": pa.array([f"product {p}" for p in products]),
            "price": pa.array(spoiled(prices[shops, products], random.integers(100, 9_900, rows) / 100), pa.float64()),
            "ordered": pa.array(ordered, pa.int64()),
            "shipped": pa.array(spoiled(shipped, ordered - 20), pa.int64()),
            "till": pa.array([f"till {t}" for t in tills]),
            "number": pa.array(numbers, pa.int64()),
            "total": pa.array(totals, pa.int64()),
            "country": pa.array(countries.tolist()),
            "sku": pa.array([f"{''.join(random.choice(letters, 3))}-{n:04d}" for n in random.integers(0, 9_999, rows)]),
            "weight": pa.array(np.round(random.normal(50, 10, rows), 3), pa.float64()),
            "colour": pa.array(random.choice(["red", "green", "blue"], rows).tolist()),
        }
    )


PLANTED = {
    ("key", ("sale",), ""),
    ("fd", ("zip",), "city"),
    ("fd", ("shop", "product"), "price"),
    ("comparison", ("ordered",), "shipped"),
    ("order", ("number",), "total"),
    ("values", ("country",), ""),
    ("pattern", ("sku",), ""),
}
