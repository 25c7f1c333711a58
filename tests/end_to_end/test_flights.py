"""The reference project against counts that were measured independently of Vertebra."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from flights_project import OnBoth
from vertebra.pipeline.progress import RunReport
from vertebra.workspace.workspace import Workspace


def one(project: Workspace, sql: str) -> Any:
    (row,) = project.sql(sql).rows()
    (value,) = row.values()
    return value


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("flights", 336_776),
        ("airlines", 16),
        ("weather", 26_115),
        ("planes", 3_322),
        ("airports", 1_458),
        ("airport_registry", 28_298),
    ],
)
def test_every_published_row_is_in_the_formatted_zone(flights: Workspace, table: str, rows: int) -> None:
    assert one(flights, f"SELECT count(*) FROM formatted.{table}") == rows
    assert one(flights, f"SELECT count(DISTINCT _rid) FROM formatted.{table}") == rows


@pytest.mark.parametrize(
    ("column", "nulls"),
    [
        ("flights.dep_time", 8_255),
        ("flights.arr_time", 8_713),
        ("flights.arr_delay", 9_430),
        ("flights.tailnum", 2_512),
        ("weather.wind_gust", 20_778),
        ("weather.pressure", 2_729),
        ("weather.wind_dir", 460),
        ("planes.year", 70),
        ("planes.speed", 3_299),
    ],
)
def test_missing_values_are_null_and_no_cell_was_lost(flights: Workspace, column: str, nulls: int) -> None:
    table, _, name = column.partition(".")
    assert one(flights, f"SELECT count(*) FROM formatted.{table} WHERE {name} IS NULL") == nulls
    assert one(flights, f"SELECT count(*) FROM governance.rejects WHERE dataset = '{table}'") == 0


def test_nothing_is_lost_between_formatted_and_trusted(flights: Workspace) -> None:
    for table in ("flights", "weather", "planes", "airports", "airlines", "airport_registry"):
        formatted = one(flights, f"SELECT count(*) FROM formatted.{table}")
        trusted = one(flights, f"SELECT count(*) FROM trusted.{table}")
        quarantined = one(flights, f"SELECT count(*) FROM governance.quarantine WHERE dataset = '{table}'")
        assert formatted == trusted + quarantined


def test_the_two_routes_with_two_distances_are_repaired_by_majority(flights: Workspace) -> None:
    repairs = flights.sql(
        "SELECT f.origin, f.dest, r.old, r.new, count(*) AS cells FROM governance.repairs AS r"
        " JOIN formatted.flights AS f ON f._rid = r.rid WHERE r.dataset = 'flights' AND r.rule = 'route_distance'"
        " GROUP BY ALL ORDER BY origin"
    ).rows()
    assert sum(row["cells"] for row in repairs) == 95
    assert {(row["origin"], row["dest"]) for row in repairs} == {("EWR", "EGE"), ("JFK", "EGE")}
    assert (
        one(
            flights,
            "SELECT max(n) FROM (SELECT count(DISTINCT distance) AS n FROM trusted.flights GROUP BY origin, dest)",
        )
        == 1
    )
    before = "SELECT count(*) FROM (SELECT 1 FROM formatted.flights GROUP BY origin, dest HAVING count(DISTINCT distance) > 1)"
    assert one(flights, before) == 2


def test_a_wind_of_a_thousand_miles_an_hour_is_caught(flights: Workspace) -> None:
    (row,) = flights.sql("SELECT _rid, wind_speed FROM formatted.weather WHERE wind_speed > 1000").rows()
    assert row["wind_speed"] == pytest.approx(1048.36058)
    assert (
        one(flights, f"SELECT count(*) FROM governance.violations WHERE dataset = 'weather' AND rid = {row['_rid']}")
        > 0
    )
    assert one(flights, "SELECT count(*) FROM trusted.weather WHERE wind_speed > 1000") == 0


@pytest.mark.parametrize(
    ("rule", "tuples"),
    [
        ("dest_references_airports", 7_602),
        ("tailnum_references_planes", 50_094),
    ],
)
def test_references_to_nowhere_are_found(flights: Workspace, rule: str, tuples: int) -> None:
    assert (
        one(flights, f"SELECT count(*) FROM governance.violations WHERE dataset = 'flights' AND rule = '{rule}'")
        == tuples
    )


def test_the_four_unknown_destinations_are_named(flights: Workspace) -> None:
    codes = flights.sql(
        "SELECT DISTINCT f.dest FROM governance.violations AS v JOIN formatted.flights AS f ON f._rid = v.rid"
        " WHERE v.rule = 'dest_references_airports' ORDER BY 1"
    ).rows()
    assert [row["dest"] for row in codes] == ["BQN", "PSE", "SJU", "STT"]


def test_flights_past_midnight_are_not_accused(flights: Workspace) -> None:
    crossings = "SELECT count(*) FROM formatted.flights WHERE dep_time > arr_time"
    assert one(flights, crossings) == 10_633
    accused = one(
        flights,
        "SELECT count(DISTINCT v.rid) FROM governance.violations AS v JOIN formatted.flights AS f ON f._rid = v.rid"
        " WHERE v.dataset = 'flights' AND f.dep_time > f.arr_time"
        " AND v.rule NOT LIKE '%references%' AND v.rule NOT IN ('aircraft_carrier', 'flight_number_route',"
        " 'one_place_at_a_time', 'route_distance')",
    )
    assert accused == 0


@pytest.mark.parametrize(
    ("rule", "measure", "value"),
    [
        ("route_distance", "g3_rows", 95),
        ("aircraft_carrier", "g3_rows", 203),
        ("one_place_at_a_time", "violating_pairs", 116),
        ("ground_speed", "violating_tuples", 4),
        ("leaves_the_city", "violating_tuples", 1),
    ],
)
def test_rules_measure_what_was_counted_independently(flights: Workspace, rule: str, measure: str, value: int) -> None:
    measured = one(
        flights,
        f"SELECT value FROM governance.quality WHERE table_name LIKE '%flights' AND subject = '{rule}'"
        f" AND measure = '{measure}' AND stage = 'before'",
    )
    assert measured == value


def test_every_flight_departs_once_with_its_weather(flights: Workspace) -> None:
    assert one(flights, "SELECT count(*) FROM exploitation.departures") == one(
        flights, "SELECT count(*) FROM trusted.flights"
    )
    assert one(flights, "SELECT count(DISTINCT _rid) FROM exploitation.departures") == 336_776
    without = (
        "SELECT count(*) FROM trusted.flights AS f ANTI JOIN trusted.weather AS w"
        " ON f.origin = w.origin AND f.time_hour = w.time_hour"
    )
    assert one(flights, without) == 1_556
    assert one(flights, "SELECT count(*) FROM exploitation.departures WHERE dest_name IS NULL") == 0


def test_airports_are_reconciled_with_the_registry(flights: Workspace) -> None:
    matches = "exploitation.airports_crosswalk WHERE decision = 'match'"
    # a shared IATA code alone finds 1,164; local codes, names and places find more
    assert one(flights, f"SELECT count(*) FROM {matches}") >= 1_164
    for side in ("airports_faa", "airport_registry_icao"):
        assert one(flights, f"SELECT max(n) FROM (SELECT count(*) AS n FROM {matches} GROUP BY {side})") == 1
    assert one(flights, f"SELECT count(*) FROM {matches} AND position_km > 50") == 0
    in_review = "SELECT count(DISTINCT airports_faa) FROM exploitation.airports_review WHERE airports_faa IN"
    assert one(flights, f"{in_review} ('EEN', 'DVT', 'MYF')") == 3, "a lost sign, swapped axes"


def test_a_reader_that_is_not_ours_reads_every_zone(flights: Workspace) -> None:
    for name, rows in (("formatted/flights", 336_776), ("trusted/planes", 3_322), ("exploitation/departures", 336_776)):
        assert pl.read_delta(str(flights.lake.root / name)).height == rows


def test_late_arrivals_are_predicted_better_than_by_a_plain_notebook(flights: Workspace) -> None:
    tested = (
        "SELECT value FROM governance.models WHERE analysis = 'late_arrival' AND chosen AND split = 'test'"
        " AND metric = 'roc_auc'"
    )
    assert one(flights, tested) >= 0.70


def test_a_second_run_has_nothing_to_do(flights_run: tuple[Workspace, RunReport]) -> None:
    project, first = flights_run
    before = {name: project.lake.table(name).version() for name in ("trusted.flights", "exploitation.departures")}
    second = project.run()
    assert second.idle
    assert not first.idle
    assert {name: project.lake.table(name).version() for name in before} == before


def test_a_repaired_cell_is_explained_back_to_the_raw_record(flights: Workspace) -> None:
    (repair,) = flights.sql(
        "SELECT rid, old, new FROM governance.repairs WHERE rule = 'route_distance' ORDER BY rid LIMIT 1"
    ).rows()
    explanation = str(flights.why("trusted.flights", repair["rid"], "distance"))
    for told in (repair["old"], repair["new"], "route_distance", "flights.csv.zip"):
        assert told in explanation


ENGINES_AGREE_ON = [
    *[f"formatted.{t}" for t in ("flights", "weather", "planes", "airports", "airlines", "airport_registry")],
    *[f"trusted.{t}" for t in ("flights", "weather", "planes", "airports", "airlines", "airport_registry")],
    *[f"exploitation.{t}" for t in ("departures", "airport_hours", "airports_crosswalk", "manufacturers_crosswalk")],
    *[f"governance.{t}" for t in ("rejects", "violations", "repairs", "quarantine")],
]


EMPTY = {"governance.rejects", "governance.quarantine"}


@pytest.mark.spark
@pytest.mark.parametrize("table", ENGINES_AGREE_ON)
def test_both_engines_make_the_same_table(flights_on_both: OnBoth, table: str) -> None:
    import duckdb

    connection = duckdb.connect()
    for name, project in zip(("sail", "spark"), flights_on_both, strict=True):
        connection.register(name, project.table(table).arrow())
    columns = [row[0] for row in connection.execute("DESCRIBE sail").fetchall()]
    # a run's id differs by nature; the partner is one of possibly many witnesses
    same = [f'"{c}"' for c in columns if c not in {"run_id", "partner"}]
    measured = [_rounded(c) for c in same]
    select = f"SELECT {', '.join(measured)} FROM"
    for left, right in (("sail", "spark"), ("spark", "sail")):
        difference = connection.execute(
            f"SELECT count(*) FROM ({select} {left} EXCEPT ALL {select} {right})"
        ).fetchone()
        assert difference == (0,)
    held = connection.execute("SELECT count(*) FROM sail").fetchone()
    assert (held == (0,)) == (table in EMPTY)


def _rounded(column: str) -> str:
    """Sums of doubles depend on the order of addition, which no engine promises."""
    return f"if(typeof({column}) = 'DOUBLE', round(try_cast({column} AS DOUBLE), 6)::VARCHAR, {column}::VARCHAR) AS {column}"
