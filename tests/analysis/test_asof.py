"""Point-in-time features hold what was known strictly before the prediction, and nothing else."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effort import examples
from vertebra.analysis.asof import History, add_as_of
from vertebra.declare.analysis import AsOf
from vertebra.engine import Engine

START = datetime(2013, 1, 1, tzinfo=UTC)
AGGREGATES = ("mean", "sum", "count", "min", "max", "last", "median", "std", "difference")
EXTREMES = ("min", "max", "last")
SCHEMA_EXAMPLES = "id int, place string, at timestamp"
MICROSECOND = 1 / 60_000_000
"""One microsecond in minutes."""

SCHEMA_HISTORY = "place string, known timestamp, planned timestamp, value double"


@dataclass(frozen=True)
class Past:
    place: str | None
    known: float | None
    planned: float
    value: float | None


places = st.sampled_from(["a", "b", None])
minutes = st.integers(0, 12)
values = st.one_of(st.none(), st.integers(-3, 3).map(float), st.just(math.inf), st.just(math.nan))
pasts = st.lists(st.builds(Past, places, st.one_of(st.none(), minutes), minutes, values), max_size=15)
examples_ = st.lists(st.tuples(places, minutes), max_size=10)


def moment(minute: float | None) -> datetime | None:
    return None if minute is None else START + timedelta(minutes=minute)


def oracle(
    place: str | None, at: int, past: list[Past], window: int, aggregate: str, until: bool = False, lag: int = 0
) -> float | None:
    """What the definition says, by looking at every row of the past."""
    seen = []
    for row in past:
        if row.known is None or row.place is None or row.place != place:
            continue
        known = max(row.known, row.planned + MICROSECOND if until else row.planned)
        inside = at - window < known <= at if until else at - window <= known < at
        if inside and row.value is not None:
            seen.append((known, row.value))
    finite = [value for _, value in seen if math.isfinite(value)]
    match aggregate:
        case "count":
            return float(len(seen))
        case "mean":
            return sum(finite) / len(finite) if finite else None
        case "sum":
            return sum(finite) if finite else None
        case "min":
            return min(finite, default=None)
        case "max":
            return max(finite, default=None)
        case "median":
            return statistics.median(finite) if finite else None
        case "std":
            return statistics.stdev(finite) if len(finite) > 1 else None
        case "difference":
            ordered = sorted((known, value) for known, value in seen if math.isfinite(value))
            return ordered[-1][1] - ordered[-1 - (lag or 1)][1] if len(ordered) > (lag or 1) else None
        case _:
            return sorted(seen)[-1 - lag][1] if len(seen) > lag else None


@settings(
    max_examples=examples(fast=4, thorough=12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    past=pasts, asked=examples_, windows=st.lists(st.integers(1, 8), min_size=9, max_size=9),
    until=st.booleans(), lag=st.integers(0, 3),
)  # fmt: skip
def test_every_aggregate_equals_a_brute_force_search(
    engine: Engine, past: list[Past], asked: list[tuple[str | None, int]], windows: list[int], until: bool, lag: int
) -> None:
    # min, max and last see any value; NaN has no order that a search in Python shares
    features = {
        name: AsOf(
            history="h",
            by=("place",),
            value="if(abs(value) < 100, value, null)" if name in EXTREMES else "value",
            known_at="known",
            window=f"{window} minutes",
            aggregate=name,
            at="until" if until else "before",
            lag=lag if name in ("last", "difference") else 0,
        )
        for name, window in zip(AGGREGATES, windows, strict=True)
    }
    got = _features(engine, past, asked, features, ("place",))
    for index, (place, at) in enumerate(asked):
        for name, window in zip(AGGREGATES, windows, strict=True):
            usable = past
            if name in EXTREMES:
                usable = [p for p in past if p.value is None or math.isfinite(p.value)]
            back = lag if name in ("last", "difference") else 0
            expected = oracle(place, at, usable, window, name, until, back)
            assert got[index][name] == pytest.approx(expected), (name, place, at)


def test_no_aggregate_sees_a_value_that_becomes_known_at_the_prediction_time(engine: Engine) -> None:
    """Only strictly earlier values count: those known one microsecond before are seen, those known at the time are not."""
    at = 60.0
    past = [Past("a", at - MICROSECOND, 0, 7.0), Past("a", at, 0, 1000.0), Past("a", at, 0, -1000.0)]
    got = _features(engine, past, [("a", at), ("a", at + MICROSECOND)], every_aggregate("1 hour"), ("place",))
    expected = dict.fromkeys(("mean", "sum", "min", "max", "last", "median"), 7.0) | {"count": 1}
    assert {name: got[0][name] for name in AGGREGATES} == expected | dict.fromkeys(("std", "difference"))
    assert (got[1]["min"], got[1]["max"], got[1]["count"], got[1]["sum"]) == (-1000.0, 1000.0, 3, 7.0)


def test_every_aggregate_sees_a_value_that_became_known_when_its_window_begins(engine: Engine) -> None:
    at = 60.0
    for known, seen in ((at - 5, True), (at - 5 - MICROSECOND, False)):
        got = _features(engine, [Past("a", known, 0, 7.0)], [("a", at)], every_aggregate("5 minutes"), ("place",))[0]
        assert got["count"] == int(seen)
        of_one = [name for name in AGGREGATES if name not in ("count", "std", "difference")]
        assert {got[name] for name in of_one} == {7.0 if seen else None}


def every_aggregate(window: str) -> dict[str, AsOf]:
    about = {"history": "h", "by": ("place",), "value": "value", "known_at": "known", "window": window}
    return {name: AsOf.model_validate(about | {"aggregate": name}) for name in AGGREGATES}


def test_what_becomes_known_at_the_prediction_time_is_not_known(engine: Engine) -> None:
    past = [Past("a", 5, 0, 7.0)]
    features = {"n": AsOf(history="h", by=("place",), known_at="known", window="5 minutes", aggregate="count")}
    got = _features(engine, past, [("a", 5), ("a", 6), ("a", 10), ("a", 11)], features, ("place",))
    assert [row["n"] for row in got] == [0, 1, 1, 0]


def test_until_sees_what_becomes_known_at_the_prediction_time_and_not_when_its_window_begins(engine: Engine) -> None:
    at = 60.0
    for known, seen in ((at, True), (at + MICROSECOND, False), (at - 5, False), (at - 5 + MICROSECOND, True)):
        features = {name: one.model_copy(update={"at": "until"}) for name, one in every_aggregate("5 minutes").items()}
        got = _features(engine, [Past("a", known, 0, 7.0)], [("a", at)], features, ("place",))[0]
        assert got["count"] == int(seen)
        of_one = [name for name in AGGREGATES if name not in ("count", "std", "difference")]
        assert {got[name] for name in of_one} == {7.0 if seen else None}, known


def test_until_does_not_see_the_row_itself(engine: Engine) -> None:
    past = [Past("a", 4, 8, -4.0), Past("a", 8, 3, 3.0)]
    features = {name: one.model_copy(update={"at": "until"}) for name, one in every_aggregate("1 hour").items()}
    got = _features(engine, past, [("a", 8)], features, ("place",))[0]
    assert (got["last"], got["count"], got["median"]) == (3.0, 1, 3.0)


def test_a_row_is_not_known_before_its_own_prediction_time(engine: Engine) -> None:
    """A flight that leaves four minutes early has told its delay by its scheduled departure: it is not in its own past."""
    past = [Past("a", 4, 8, -4.0)]
    feature = AsOf(history="h", by=("place",), value="value", known_at="known", window="1 hour", aggregate="last")
    got = _features(engine, past, [("a", 8), ("a", 9)], {"v": feature}, ("place",))
    assert [row["v"] for row in got] == [None, -4.0]


def test_last_takes_values_of_any_type_and_no_link_means_the_whole_history(engine: Engine) -> None:
    past = [Past("a", 1, 0, 1.0), Past("b", 2, 0, 2.0)]
    feature = AsOf(history="h", value="place", known_at="known", window="1 hour", aggregate="last")
    got = _features(engine, past, [("a", 2), (None, 3)], {"v": feature}, ())
    assert [row["v"] for row in got] == ["a", "b"]


def _features(
    engine: Engine,
    past: list[Past],
    asked: list[tuple[str | None, float]],
    features: dict[str, AsOf],
    by: tuple[str, ...],
) -> list[dict[str, Any]]:
    session = engine.session
    history = session.createDataFrame(
        [(row.place, moment(row.known), moment(row.planned), row.value) for row in past], SCHEMA_HISTORY
    )
    examples = session.createDataFrame(
        [(index, place, moment(at)) for index, (place, at) in enumerate(asked)], SCHEMA_EXAMPLES
    )
    frame = add_as_of(examples, "at", [History(history, by, "known", "planned", features)])
    assert frame.columns == ["id", "place", "at", *features]
    rows = sorted(frame.toArrow().to_pylist(), key=lambda row: row["id"])
    assert [row["id"] for row in rows] == list(range(len(asked)))
    return rows
