"""Large groups are looked at slice by slice first: what is left holds every violating tuple and its partners."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection_truth import check, made, named, rows, stored, table, unhurried
from effort import cases, spread
from vertebra.denial import classify, parse
from vertebra.engine import Engine
from vertebra.trusted.detect import detection, slices
from vertebra.trusted.detect.plan import Planned
from vertebra.trusted.detect.roles import Pairs, analysed

RULES = {
    "strict": "t.b < s.b and t.x > s.x",
    "same_way": "t.b < s.b and t.x < s.x",
    "descending": "t.b > s.b and t.x < s.x",
    "ties_of_the_first": "t.b <= s.b and t.x > s.x",
    "ties_of_the_second": "t.b < s.b and t.x >= s.x",
    "ties": "t.b >= s.b and t.x <= s.x",
    "across": "t.b < s.c and t.x > s.y",
    "across_with_ties": "t.b <= s.c and t.x >= s.y",
    "a_condition_on_one": "t.b < s.b and t.x > s.x and t.u = 'p'",
    "conditions_on_both": "t.b < s.b and t.x > s.x and t.u = 'p' and s.u = 'q'",
    "a_difference": "t.b < s.b and t.x > s.x and t.u != s.u",
    "a_difference_and_ties": "t.b <= s.b and t.x >= s.x and t.u != s.u",
    "dates": "t.d < s.d and t.x > s.x",
    "dates_second": "t.b < s.b and t.d > s.d",
    "texts_first": "t.u < s.u and t.b > s.b",
    "texts_second": "t.b < s.b and t.u > s.u",
    "floats_first": "t.x < s.x and t.y > s.y",
    "three": "t.b < s.b and t.x > s.x and t.d < s.d",
    "three_with_ties": "t.b <= s.b and t.x >= s.x and t.d <= s.d",
    "two_differences": "t.b < s.b and t.x > s.x and t.u != s.u and t.d != s.d",
    "keyed": "t.k = s.k and t.b < s.b and t.x > s.x",
    "keyed_with_ties": "t.k = s.k and t.b <= s.b and t.x >= s.x",
    "keyed_across": "t.k = s.a and t.b < s.c and t.x > s.y",
    "keyed_and_a_condition": "t.k = s.k and t.b > s.b and t.x > s.x and s.u = 'p'",
}


@pytest.fixture(autouse=True, params=[(4, 1_024), (64, 3)], ids=["few slices", "few ends"])
def eager(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of any size are sliced, however many rows are left."""
    monkeypatch.setattr(detection, "WORTH_SLICING", 0)
    monkeypatch.setattr(detection, "_FEW", 2.0)
    number, ends = request.param
    monkeypatch.setattr(slices, "SLICES", number)
    monkeypatch.setattr(slices, "_MOST_ENDS", ends)


@unhurried
@given(records=st.lists(rows, min_size=30, max_size=50))
def test_nothing_is_lost_on_random_rows(records: list[dict[str, Any]], sail: Engine) -> None:
    check(named(spread(RULES, fast=12)), {"r": table(records)}, sail)


@unhurried
@given(
    wrong=st.lists(st.tuples(st.integers(0, 79), st.integers(-200, 200)), max_size=4),
    step=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_nothing_is_lost_where_few_rows_are_out_of_order(
    wrong: list[tuple[int, int]], step: int, seed: int, sail: Engine
) -> None:
    records = [in_order(n, step) for n in range(80)]
    for place, by in wrong:
        records[place]["x"] += by
    random.Random(seed).shuffle(records)
    every = ["strict", "ties_of_the_first", "ties", "across", "a_condition_on_one", "three", "keyed", "dates"]
    chosen = cases(every, fast=["strict", "ties", "a_condition_on_one", "keyed"])
    check(named({name: RULES[name] for name in chosen}), {"r": table(records)}, sail)


@pytest.mark.parametrize("size", [0, 1, 2])
def test_tiny_tables(size: int, sail: Engine) -> None:
    check(named(spread(RULES, fast=8)), {"r": table([made(random.Random(7))] * size)}, sail)


@pytest.mark.spark
@pytest.mark.slow
def test_on_apache_spark_too(apache_spark: Engine) -> None:
    chosen = cases(list(RULES)[::4], fast=["strict", "a_condition_on_one", "keyed"])
    check(
        named({name: RULES[name] for name in chosen}),
        {"r": table([made(random.Random(seed)) for seed in range(40)])},
        apache_spark,
    )


def test_few_rows_are_left_of_a_table_in_which_few_are_wrong(sail: Engine, tmp_path: Path) -> None:
    size = 4000
    records = [in_order(n, 1) for n in range(size)]
    for place in (500, 2500):
        records[place]["x"] -= 3
    random.Random(1).shuffle(records)
    frame = stored(table(records), tmp_path / "r.parquet", sail)
    (rule,) = named({"strict": RULES["strict"]})
    constraint = parse(RULES["strict"], "r", {"b": "int", "x": "double"})
    pairs = Pairs(Planned(rule, constraint, classify(constraint)), (frame, frame), analysed([rule], {"r": frame}))
    (tmp_path / "slices").mkdir()
    found = slices.sliced(pairs, size, 0.25 * size, sail, tmp_path / "slices")
    assert found is not None
    assert found[0].count() < 30, "the two, and those they are in conflict with"
    (tmp_path / "none").mkdir()
    assert slices.sliced(pairs, size, 1, sail, tmp_path / "none") is None


def in_order(number: int, step: int) -> dict[str, Any]:
    """A row of a table that violates no order, but for ties."""
    at = number // step
    day = dt.date(2020, 1, 1) + dt.timedelta(days=at)
    return {"k": 1, "a": 1, "b": at, "c": at, "x": float(at), "y": float(at), "u": "pq"[number % 2], "v": "p", "d": day,
            "e": day}  # fmt: skip


def test_equal_values_are_in_one_slice_and_greater_ones_not_in_an_earlier_one(sail: Engine) -> None:
    values = [float("-inf"), -2.0, -0.0, 0.0, 1.5, 1.5, 7.0, float("inf"), float("nan")]
    frame = sail.session.createDataFrame(pa.table({"o": values}).to_pandas())
    found = slices._in_slices(frame, "o", "cast({} as double)", [-2.0, 0.0, 1.5, 7.0])
    assert [row["slice"] for row in found.collect()] == [0, 1, 2, 2, 3, 3, 4, 4, 4]
    found = slices._in_slices(frame, "o", "cast({} as double)", [-2.0, 0.0, 1.5, 7.0], from_bound=False)
    assert [row["slice"] for row in found.collect()] == [0, 0, 1, 1, 2, 2, 3, 4, 4]
