"""Forecasts: what is known when one is made, the seasonal naive baseline, missing steps, and the metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from analysis_world import World, late_jobs
from vertebra.analysis import predict as prediction
from vertebra.analysis.features import LABEL, TIME, example_frame
from vertebra.analysis.forecast_scores import mae, mase, rmse, smape
from vertebra.declare.analysis import Analysis, Candidate
from vertebra.engine import Engine
from vertebra.errors import DeclarationError

MADRID = ZoneInfo("Europe/Madrid")
FIRST = datetime(2024, 3, 11, 23, tzinfo=UTC)  # Tuesday, midnight in Madrid; the clock changes on 31 March
HOURS = 32 * 24
PLAN = {"series": ("device",), "step": "1 hour", "horizon": "1 day", "season": ("1 day", "1 week"), "lags": (1, 2)}


def ridge() -> Any:
    from sklearn.linear_model import Ridge

    return Ridge()


def readings() -> pa.Table:
    """Two devices that follow the hour, the day and the weather; the last day is not over."""
    random = np.random.default_rng(5)
    rows = []
    for device, level in (("a", 10.0), ("b", 50.0)):
        drift = 0.0
        for hour in range(HOURS):
            at = FIRST + timedelta(hours=hour)
            drift = 0.9 * drift + random.normal()
            weather = float(10 + random.normal() * 4)
            value = level + 5 * math.sin(2 * math.pi * at.hour / 24) + drift + weather
            rows.append(
                {"device": device, "begins": at, "weather": weather, "kwh": value if hour < HOURS - 6 else None}
            )
    return pa.Table.from_pylist(rows)


def day_ahead(**changes: Any) -> Analysis:
    plain: dict[str, Any] = {
        "name": "day_ahead", "task": "forecast", "description": "The coming day.", "view": "jobs", "key": ("device", "begins"), "time": "begins",
        "label": "kwh", "unit": "kWh", "unavailable": (), "features": {"weather": "weather", "hour": "hour(begins)"}, "forecast": PLAN,
        "folds": {"scheme": "rolling", "count": 3, "gap": "1 day"}, "test": {"last": "1 week"}, "zone": "Europe/Madrid",
        "candidates": {"ridge": Candidate(build=ridge)}, "metric": "mae",
    }  # fmt: skip
    return late_jobs(**(plain | changes))


def rows_of(analysis: Analysis, table: pa.Table, engine: Engine, folder: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    pq.write_table(table, folder / "view.parquet")
    frame = engine.session.read.parquet(str(folder / "view.parquet"))
    found = example_frame(analysis, frame, {}, engine).toArrow().to_pylist()
    return sorted(found, key=lambda row: tuple(row[name] for name in analysis.key))


def test_a_forecast_knows_the_values_of_steps_that_ended_before_it_is_made(engine: Engine, tmp_path: Path) -> None:
    table = readings()
    values = {(row["device"], row["begins"]): row["kwh"] for row in table.to_pylist()}
    found = rows_of(day_ahead(), table, engine, tmp_path)
    assert len(found) == table.num_rows
    hour = timedelta(hours=1)
    for row in found:
        local = row["begins"].astimezone(MADRID)
        made = local.replace(hour=0).astimezone(UTC)
        assert row[TIME].replace(tzinfo=UTC) == made
        ahead = (row["begins"].replace(tzinfo=UTC) - made) // hour + 1
        assert row["steps_ahead"] == ahead
        assert row["last_1"] == values.get((row["device"], made - hour))
        assert row["last_2"] == values.get((row["device"], made - 2 * hour))
        for name, season in (("season_1", 24), ("season_2", 168)):
            before = row["begins"].replace(tzinfo=UTC) - season * hour
            while before >= made:  # the 25th hour of a day looks back two days
                before -= season * hour
            assert row[name] == values.get((row["device"], before)), (row["begins"], name)
    assert {row["steps_ahead"] for row in found} == set(range(1, 25))


def test_daily_steps_are_dates_of_the_zone_across_the_change_of_the_clock(engine: Engine, tmp_path: Path) -> None:
    midnights = [datetime(2024, 3, 25, tzinfo=MADRID) + timedelta(days=day) for day in range(14)]
    table = pa.table({"begins": pa.array([at.astimezone(UTC) for at in midnights], pa.timestamp("us", "UTC")), "kwh": [float(day) for day in range(14)]})  # fmt: skip
    weekly = {"step": "1 day", "horizon": "1 week", "season": ("1 week",), "lags": (1,)}
    analysis = day_ahead(forecast=weekly, key=("begins",), features={"weekday": "weekday(begins)"})
    found = rows_of(analysis, table, engine, tmp_path)
    assert [row["steps_ahead"] for row in found] == [*range(1, 8)] * 2
    assert [row["season_1"] for row in found] == [None] * 7 + [float(day) for day in range(7)]
    assert [row["last_1"] for row in found] == [None] * 7 + [6.0] * 7
    assert {row[TIME].replace(tzinfo=UTC) for row in found[7:]} == {midnights[7].astimezone(UTC)}


def test_missing_steps_are_refused_interpolated_or_left_as_declared(engine: Engine, tmp_path: Path) -> None:
    table = readings()
    gone = [(row["device"] == "b" and 47 <= hour % HOURS <= 48) for hour, row in enumerate(table.to_pylist())]
    gapped = table.filter(pa.array([not one for one in gone]))
    with pytest.raises(DeclarationError, match=r"2 steps of 1 hour are missing in 1 gap, the first in series device b"):
        rows_of(day_ahead(), gapped, engine, tmp_path)
    values = {row["begins"]: row["kwh"] for row in table.to_pylist() if row["device"] == "b"}
    before, after = (values[FIRST + timedelta(hours=hour)] for hour in (46, 49))
    for missing, expected in (("interpolate", before + (after - before) / 3), ("leave", None)):
        found = rows_of(day_ahead(forecast=PLAN | {"missing": missing}), gapped, engine, tmp_path)
        assert len(found) == gapped.num_rows  # what was filled is no example
        third = [row for row in found if row["device"] == "b"][48:70]
        assert all(row["last_1"] == (pytest.approx(expected) if expected else None) for row in third)


def test_two_rows_in_a_step_are_refused(sail: Engine, tmp_path: Path) -> None:
    table = readings().slice(0, 50)
    with pytest.raises(DeclarationError, match="series device a has 2 rows in one step of 1 hour"):
        rows_of(day_ahead(), pa.concat_tables([table, table.slice(0, 1)]), sail, tmp_path)


def test_a_forecast_beats_seasonal_naive_and_predicts_the_steps_that_are_to_come(
    make_world: Callable[[pa.Table], World], tmp_path: Path
) -> None:
    world = make_world(readings())
    analysis = day_ahead()
    outcome = world.analyse(analysis, plots=tmp_path)
    assert outcome.facts.chosen == "ridge"
    assert outcome.facts.test < 0.7 * outcome.facts.baseline
    test = {row["metric"]: row["value"] for row in world.models(split="test", candidate="ridge")}
    base = {row["metric"]: row["value"] for row in world.models(split="test", candidate="baseline")}
    assert set(test) == {"mae", "rmse", "mase", "smape"}
    assert test["mase"] < 0.7 < base["mase"] < 1.3
    assert {"error_by_step", "error_by_series", "residuals", "folds", "over_time"} <= {
        path.stem for path in tmp_path.iterdir()
    }
    trained = world.lake.table("analysis.day_ahead_train").arrow().to_table().to_pylist()
    assert {row["_fold"] for row in trained} == {-1, 0, 1, 2}
    assert all(
        len({row["_fold"] for row in trained if row[TIME] == made}) == 1 for made in {row[TIME] for row in trained}
    )
    prediction.predict(analysis, world.tracking, "workshop", world.context(analysis))
    rows = world.lake.table("analysis.day_ahead_predictions").arrow().to_table().to_pylist()
    coming = [row for row in rows if row[LABEL] is None]
    assert len(coming) == 12
    assert all(math.isfinite(row["_prediction"]) for row in coming)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"folds": {"by": "begins"}}, "a forecast needs folds="),
        ({"forecast": None}, "a forecast needs forecast"),
        ({"key": ("begins",)}, "key lacks 'device'"),
        ({"features": {"last_1": "weather"}}, "adds the feature 'last_1'"),
        ({"forecast": PLAN | {"horizon": "90 min"}}, "not a whole number of steps"),
        (
            {"forecast": PLAN | {"step": "7 hours", "horizon": "7 hours", "season": ("7 hours",)}},
            "neither divides a day",
        ),
        ({"forecast": PLAN | {"lags": (0,)}}, "lags are 1 or more"),
        ({"test": {"group": "device = 'a'"}}, "tested on the last values"),
    ],
)
def test_a_forecast_that_cannot_be_is_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        day_ahead(**changes)


def test_the_metrics_are_those_of_the_papers_and_zeros_are_no_accident() -> None:
    observed = np.array([[10.0, 2.0], [0.0, 4.0], [0.0, 4.0], [5.0, 0.0]])
    predicted = np.array([12.0, 0.0, 2.0, 5.0])
    assert mae(observed, predicted) == 1.0
    assert rmse(observed, predicted) == pytest.approx(math.sqrt(2))
    assert mase(observed, predicted) == pytest.approx((1 + 0 + 0.5) / 3)  # the last series repeats exactly
    assert smape(observed, predicted) == pytest.approx((200 * 2 / 22 + 0 + 200 + 0) / 4)
    assert math.isnan(mase(observed[3:], predicted[3:]))
