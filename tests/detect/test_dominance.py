"""Rules with several order predicates beside each other and beside ``≠``, against brute force over random tables."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection_truth import COLUMNS, check, made, named, rows, table, unhurried
from effort import cases, spread
from vertebra.declare.rules import NamedRule
from vertebra.denial import classify, parse, parse_between
from vertebra.denial.classify import MAX_INEQUALITIES, MAX_ORDER_PREDICATES
from vertebra.engine import Engine
from vertebra.trusted.detect import divide_and_conquer

KEYED = {
    "three": "t.a = s.a and t.b < s.b and t.x > s.x and t.d < s.d",
    "three_with_ties": "t.a = s.a and t.b <= s.b and t.x >= s.x and t.d <= s.d",
    "three_of_texts": "t.u < s.u and t.b >= s.b and t.d <= s.d",
    "three_across": "t.a = s.a and t.b < s.c and t.x >= s.y and t.d <= s.e",
    "three_with_a_condition": "t.b < s.b and t.x > s.x and t.d <= s.e and t.u = 'p'",
    "three_and_a_difference": "t.b <= s.b and t.x > s.x and t.d <= s.d and t.u != s.u",
    "three_and_two_differences": "t.b <= s.b and t.x >= s.x and t.d >= s.e and t.u != s.u and t.a != s.a",
    "three_across_and_a_difference": "t.b <= s.c and t.x >= s.y and t.d <= s.e and t.u != s.v",
    "four": "t.b < s.b and t.x >= s.x and t.d <= s.e and t.u <= s.v",
    "four_with_ties": "t.b <= s.b and t.x >= s.x and t.d <= s.d and t.e >= s.e",
    "two_and_two_differences": "t.b < s.b and t.x >= s.x and t.d != s.d and t.u != s.u",
    "two_and_three_differences": "t.b <= s.b and t.x >= s.x and t.d != s.d and t.u != s.u and t.e != s.e",
    "two_and_a_difference_from_itself": "t.b <= s.c and t.x >= s.y and t.d != s.e",
    "two_and_two_differences_from_itself": "t.a = s.a and t.b <= s.c and t.x >= s.y and t.d != s.e and t.u != s.v",
    "four_differences": "t.a != s.a and t.b != s.b and t.u != s.u and t.d != s.d",
    "interval_within_interval": "t.d <= s.d and s.e <= t.e and t.x > s.x",
}
UNKEYED = {
    "no_key_three": "t.b < s.b and t.x > s.x and t.d <= s.e",
    "no_key_four": "t.b <= s.b and t.x >= s.x and t.d <= s.d and t.u <= s.v",
    "no_key_two_and_two_differences": "t.b <= s.b and t.x > s.x and t.d != s.d and t.u != s.u",
}


@pytest.fixture(params=[1, 6])
def leaf(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How small blocks are compared directly: small tables must be divided too."""
    monkeypatch.setattr(divide_and_conquer, "LEAF_BITS", request.param)


@pytest.mark.usefixtures("leaf")
@unhurried
@given(records=st.lists(rows, min_size=60, max_size=80))
def test_with_equality_keys(records: list[dict[str, Any]], sail: Engine) -> None:
    check(named(spread(KEYED, fast=6), "t.k = s.k and "), {"r": table(records)}, sail)


@pytest.mark.usefixtures("leaf")
@unhurried
@given(records=st.lists(rows, max_size=40))
def test_without_a_key(records: list[dict[str, Any]], sail: Engine) -> None:
    check(named(UNKEYED), {"r": table(records)}, sail)


@unhurried
@given(data=st.data(), records=st.lists(rows, min_size=20, max_size=60))
def test_with_operators_drawn_at_random(data: st.DataObject, records: list[dict[str, Any]], sail: Engine) -> None:
    texts = {}
    for number in range(6):
        ordered = data.draw(st.lists(st.sampled_from(["b", "x", "d", "u", "c"]), min_size=2, max_size=4, unique=True))
        differing = data.draw(st.lists(st.sampled_from(["a", "v", "e"]), max_size=3, unique=True))
        other = {"x": "y", "d": "e", "u": "v", "b": "c", "c": "b"}
        parts = ["t.a = s.a"] if data.draw(st.booleans()) else []
        for column in ordered:
            second = other[column] if data.draw(st.booleans()) else column
            parts.append(f"t.{column} {data.draw(st.sampled_from(['<', '<=', '>', '>=']))} s.{second}")
        parts += [f"t.{column} != s.{column}" for column in differing]
        texts[f"drawn_{number}"] = " and ".join(parts)
    check(named(texts), {"r": table(records)}, sail)


@pytest.mark.parametrize("size", [0, 1, 2, 70])
def test_of_empty_and_tiny_tables_and_of_equal_rows(size: int, sail: Engine) -> None:
    record = {"k": 1, "a": 1, "b": 1, "c": 1, "x": float("nan"), "y": 0.0, "u": "p", "v": "q", "d": None, "e": None}
    texts = {
        "strict": "t.a < s.a and t.b > s.b and t.c < s.c",
        "ties": "t.a <= s.a and t.b >= s.b and t.c <= s.c and t.x <= s.x",
        "null": "t.a <= s.a and t.b >= s.b and t.d <= s.d",
    }
    counts = check(named(texts), {"r": table([record] * size)}, sail)
    assert counts["ties"].violating_pairs == size * (size - 1)


def test_between_two_relations(sail: Engine) -> None:
    records = [made(random.Random(seed)) for seed in range(60)]
    others = [made(random.Random(seed)) for seed in range(100, 150)]
    texts = {
        "three": "t.a = p.a and t.b <= p.b and t.x > p.y and t.d < p.e",
        "two_differ": "t.b <= p.b and t.x > p.y and t.d != p.e and t.u != p.v",
        "one_side": "t.b <= p.b and t.x > p.y and t.d < p.e and p.u = 'p'",
    }
    relations = {"r": COLUMNS, "q": COLUMNS}
    rules = [NamedRule(name, "deny", parse_between("r t, q p", text, relations)) for name, text in texts.items()]
    rules += [NamedRule("turned", "deny", parse_between("q p, r t", texts["three"], relations))]
    check(rules, {"r": table(records), "q": table(others)}, sail)


@pytest.mark.spark
@pytest.mark.slow
def test_on_apache_spark_too(apache_spark: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divide_and_conquer, "LEAF_BITS", 1)
    records = [made(random.Random(seed)) for seed in range(60)]
    chosen = {name: KEYED[name] for name in cases(list(KEYED)[1::5], fast=list(KEYED)[1::10])}
    check(named(chosen, "t.k = s.k and "), {"r": table(records)}, apache_spark)


def test_what_no_plan_takes_is_refused_with_the_nearest_form() -> None:
    columns = dict.fromkeys("abcdefgh", "int")
    orders = " and ".join(f"t.{c} < s.{c}" for c in "abcdefgh"[: MAX_ORDER_PREDICATES + 1])
    differences = " and ".join(f"t.{c} != s.{c}" for c in "abcdefgh"[: MAX_INEQUALITIES + 1])
    for text, most in ((orders, MAX_ORDER_PREDICATES), (differences, MAX_INEQUALITIES)):
        refusal = classify(parse(text, "r", columns)).unsupported
        assert refusal is not None
        assert f"the maximum is {most}" in refusal
        assert "nearest rule" in refusal
