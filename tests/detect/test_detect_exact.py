"""Detection finds exactly what joining a table with itself would find, in every class of rule."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection_truth import COLUMNS, check, made, named, rows, stored, table, unhurried
from effort import cases, spread
from vertebra.declare.rules import NamedRule
from vertebra.denial import parse_between
from vertebra.engine import Engine
from vertebra.errors import RuleError
from vertebra.trusted.detect import detect

KEYED = {
    # {=}
    "key": "t.a = s.a",
    "key_of_two": "t.a = s.a and t.u = s.u",
    "key_of_doubles": "t.x = s.x",
    "key_of_expressions": "upper(t.u) = upper(s.u) and abs(t.a) = abs(s.a)",
    "conditional_key": "t.a = s.a and t.b > 0 and s.b > 0",
    "key_of_unlike_roles": "t.a = s.a and t.b > 0",
    "foreign_key_across_columns": "t.a = s.b",
    "across_columns_of_two_types": "t.a = s.c and t.u is not null",
    "across_doubles": "t.x = s.y",
    # {=, ≠}
    "dependency": "t.a = s.a and t.b != s.b",
    "dependency_of_doubles": "t.u = s.u and t.x != s.x",
    "dependency_on_an_expression": "t.a = s.a and t.b % 2 != s.b % 2",
    "conditional_dependency": "t.u = 'p' and s.u = 'p' and t.a = s.a and t.b != s.b",
    "dependency_of_unlike_roles": "t.u = 'p' and t.a = s.a and t.b != s.b",
    "different_across_columns": "t.a = s.a and t.b != s.c",
    "all_across_columns": "t.a = s.b and t.u != s.v",
    # {=, ≠×k}
    "two_differ": "t.a = s.a and t.b != s.b and t.u != s.u",
    "three_differ": "t.b != s.b and t.u != s.u and t.x != s.x",
    "two_differ_across": "t.a = s.a and t.b != s.c and t.u != s.v",
    # {=, <}
    "order": "t.a = s.a and t.b < s.b",
    "order_with_ties": "t.a = s.a and t.b <= s.b",
    "order_of_doubles": "t.u = s.u and t.x > s.x",
    "order_of_texts": "t.a = s.a and t.u >= s.v",
    "order_of_dates": "t.a = s.a and t.d < s.e",
    "order_across_types": "t.a = s.a and t.b <= s.c",
    "order_with_conditions": "t.a = s.a and t.x < s.y and t.u is not null and s.v in ('p', 'q')",
    # {=, <, ≠}
    "order_and_difference": "t.a = s.a and t.b < s.b and t.u != s.u",
    "order_and_difference_across": "t.a = s.a and t.b < s.c and t.u != s.v",
    "order_and_two_differences": "t.a = s.a and t.x <= s.x and t.b != s.b and t.u != s.u",
    # {=, <, >}
    "two_orders": "t.a = s.a and t.b < s.b and t.x > s.x",
    "two_orders_alike": "t.a = s.a and t.b < s.b and t.x < s.x",
    "two_orders_both_down": "t.a = s.a and t.d > s.d and t.u > s.u",
    "two_orders_with_ties": "t.a = s.a and t.b <= s.b and t.x >= s.x",
    "two_orders_one_tie": "t.a = s.a and t.b < s.b and t.x >= s.x",
    "two_orders_other_tie": "t.a = s.a and t.b >= s.b and t.x < s.x",
    "overlap": "t.a = s.a and t.d < s.d and s.d < t.e",
    "overlap_with_ties": "t.a = s.a and t.d <= s.d and s.d <= t.e",
    "overlap_both_ways": "t.a = s.a and t.d <= s.e and s.d <= t.e",
    "orders_across_columns": "t.a = s.a and t.b < s.c and t.x > s.y",
    "two_orders_with_conditions": "t.a = s.a and t.b < s.b and t.x > s.x and t.u = 'p'",
    "two_orders_same_conditions": "t.a = s.a and t.b < s.b and t.x > s.x and t.u is not null and s.u is not null",
    "two_orders_and_difference": "t.a = s.a and t.b < s.b and t.x > s.x and t.u != s.u",
    "two_orders_across_keys": "t.a = s.b and t.d < s.d and t.x > s.x",
    "two_orders_ties_and_difference": "t.a = s.a and t.b <= s.b and t.x >= s.x and t.u != s.u",
}
"""Rules that are checked in many small tables at once, ``k`` telling the tables apart."""

UNKEYED = {
    "no_key_constant": "t.a != s.a",
    "no_key_order": "t.a < s.b",
    "no_key_two_orders": "t.b < s.b and t.x > s.x",
    "no_key_overlap": "t.d < s.d and s.d < t.e",
    "no_key_two_orders_with_ties": "t.b <= s.b and t.x >= s.x",
    "no_key_order_and_difference": "t.b < s.b and t.u != s.u",
    "only_conditions": "t.a > 1 and s.b < 0",
}

SINGLE = {
    "is_null": "t.a is null",
    "range": "t.a not between 0 and 1",
    "nan": "t.x > 1e300",
    "zero": "t.x = 0",
    "across": "t.a > t.b and t.u != t.v",
    "pattern": "t.u rlike '^[pq]$'",
    "division": "t.a / t.b > 0.5",
    "cast": "cast(t.u as int) is null",
    "negation": "not (t.a = 1 or t.u = 'p')",
    "dates": "t.d > date '2020-01-02' and datediff(t.e, t.d) < 0",
}  # fmt: skip


@unhurried
@given(records=st.lists(rows, min_size=60, max_size=120))
def test_in_every_class_with_equality_keys(records: list[dict[str, Any]], sail: Engine) -> None:
    check(named(spread(KEYED, fast=15), "t.k = s.k and "), {"r": table(records)}, sail)


@unhurried
@given(records=st.lists(rows, max_size=40))
def test_in_every_class_without_a_key_and_for_one_tuple(records: list[dict[str, Any]], sail: Engine) -> None:
    check(named(UNKEYED) + named(SINGLE), {"r": table(records)}, sail)


@pytest.mark.parametrize("size", [0, 1, 2])
def test_of_empty_and_tiny_tables(size: int, sail: Engine) -> None:
    record = {"k": 1, "a": 1, "b": 1, "c": 1, "x": float("nan"), "y": 0.0, "u": "p", "v": "q", "d": None, "e": None}
    chosen = {name: KEYED[name] for name in ("key", "two_differ", "order_with_ties", "two_orders_with_ties", "overlap")}
    check(named(chosen) + named(spread(UNKEYED, fast=2)) + named(SINGLE), {"r": table([record] * size)}, sail)


@pytest.mark.spark
@pytest.mark.slow
def test_on_apache_spark_too(apache_spark: Engine) -> None:
    records = [made(random.Random(seed)) for seed in range(80)]
    chosen = {name: KEYED[name] for name in cases(list(KEYED)[::3], fast=list(KEYED)[::9])}
    check(named(chosen, "t.k = s.k and "), {"r": table(records)}, apache_spark)
    unkeyed = cases(list(UNKEYED), fast=["no_key_order", "no_key_overlap", "only_conditions"])
    check(named({name: UNKEYED[name] for name in unkeyed}) + named(SINGLE), {"r": table(records[:30])}, apache_spark)


def test_counts_what_could_violate_and_the_groups_that_do(sail: Engine) -> None:
    blank = dict.fromkeys(("k", "c", "x", "y", "u", "v", "d", "e"))
    values = [(1, 1), (1, 1), (1, 2), (1, None), (2, 5), (2, 6), (3, 7), (None, 1)]
    records = [blank | {"a": a, "b": b} for a, b in values]
    rules = named({
        "dependency": "t.a = s.a and t.b != s.b", "order": "t.a = s.a and t.b < s.b", "key": "t.a = s.a",
        "across": "t.a = s.b", "half": "t.a = s.a and t.b < s.b and t.b < 2",
    })  # fmt: skip
    counts = check(rules, {"r": table(records)}, sail)
    seen = {name: (c.violating_pairs, c.lhs_pairs, c.violating_groups, c.groups) for name, c in counts.items()}
    assert seen["dependency"] == (3, 4, 2, 3)
    assert seen["order"] == (3, 4, 2, 3)
    assert seen["key"] == (7, 7, 2, 3)
    assert seen["across"] == (12, 12, 2, 2)
    assert seen["half"] == (2, 3, 1, 1)


def test_a_rule_between_relations_joins_aggregates_on_the_keys(sail: Engine) -> None:
    records = [made(random.Random(seed)) for seed in range(40)]
    others = [made(random.Random(seed)) for seed in range(100, 140)]
    texts = {
        "equal": "t.a = p.b and p.u = 'p' and t.x is not null",
        "order": "t.a = p.a and t.b < p.c",
        "differ": "t.a = p.a and t.u != p.v",
        "two_orders": "t.a = p.a and t.b < p.b and t.x > p.y",
    }
    relations = {"r": COLUMNS, "q": COLUMNS}
    rules = [NamedRule(name, "deny", parse_between("r t, q p", text, relations)) for name, text in texts.items()]
    rules += [NamedRule("turned", "deny", parse_between("q p, r t", texts["order"], relations))]
    check(rules, {"r": table(records), "q": table(others)}, sail)


def test_a_rule_the_engine_refuses_is_named(sail: Engine, tmp_path: Path) -> None:
    frames = {"r": stored(table([]), tmp_path / "r.parquet", sail)}
    with pytest.raises(RuleError, match=r"no_such_function is not a function.*\n +no_such_function.*\n +\^{21}\n?"):
        named({"good": "t.a > 1", "odd": "no_such_function(t.a) > 1"})
    with pytest.raises(RuleError, match=r"abs.* is not a condition"):
        detect("r", frames, named({"number": "abs(t.a)"}), sail, tmp_path)


def test_no_rules_have_no_violations(sail: Engine, tmp_path: Path) -> None:
    frames = {"r": stored(table([]), tmp_path / "r.parquet", sail)}
    detection = detect("r", frames, [], sail, tmp_path)
    assert detection.counts == ()
    assert detection.violations.columns == ["rule", "rid", "role", "partner"]
    assert detection.violations.count() == 0
