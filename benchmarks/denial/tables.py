"""The tables of the flights project as Parquet with row ids, as detection reads them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import yaml

from benchmarks.data import PROJECT

_TYPES = {"int": "INTEGER", "double": "DOUBLE", "string": "VARCHAR", "timestamp": "TIMESTAMPTZ"}


def make_tables(folder: Path, sources: Path, years: int) -> Path:
    """Write them; made once per folder.

    Args:
        sources: the CSV files of the project at this many years.
    """
    target = folder / f"tables-{years}"
    target.mkdir(exist_ok=True)
    for declared in (PROJECT / "datasets").glob("*.yaml"):
        file = target / f"{declared.stem}.parquet"
        if not file.exists():
            columns = yaml.safe_load(declared.read_text("utf-8"))["columns"]
            _convert(sources / f"{declared.stem}.csv", file, {n: str(c["type"]) for n, c in columns.items()})
    return target


def _convert(source: Path, target: Path, columns: dict[str, str]) -> None:
    values = ", ".join(f'CAST("{name}" AS {_TYPES[kind]}) AS "{name}"' for name, kind in columns.items())
    making = target.with_suffix(".making")
    with duckdb.connect() as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(
            f"COPY (SELECT {values}, row_number() OVER () AS _rid FROM read_csv('{source}', all_varchar = true, "
            f"nullstr = ['NA', ''])) TO '{making}' (FORMAT parquet, ROW_GROUP_SIZE 500000)"
        )
    making.rename(target)
