"""The least number of rows to remove so that a rule holds, against trying all; bounds where it is not found."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection_truth import check, made, named, rows, stored, table, unhurried
from effort import cases, examples, spread
from vertebra.engine import Engine
from vertebra.trusted.detect import RuleCount, detect, least_removal, measure, removal_for_all

EXACT = {
    "order": "t.b < s.b",
    "order_with_ties": "t.b <= s.b",
    "order_and_difference": "t.b < s.b and t.u != s.u",
    "order_with_ties_and_difference": "t.b <= s.b and t.u != s.u",
    "two_differ": "t.b != s.b and t.x != s.x",
    "chain": "t.b < s.b and t.x > s.x",
    "chain_upwards": "t.x < s.x and t.u < s.u",
    "chain_of_days_and_texts": "t.d > s.d and t.u < s.u",
    "chain_tie_in_second": "t.b < s.b and t.x >= s.x",
    "chain_tie_in_first": "t.b <= s.b and t.u > s.u",
    "chain_ties": "t.b <= s.b and t.x <= s.x",
    "chain_ties_down": "t.d >= s.d and t.x <= s.x",
    "chain_on_a_condition": "t.b < s.b and t.x > s.x and t.a = 1 and s.a = 1",
}
BOUNDED = {
    "across": "t.b < s.c and t.x > s.y",
    "three_orders": "t.b < s.b and t.x > s.x and t.d <= s.d",
    "one_side": "t.b < s.b and t.a = 1",
    "key_on_one_side": "t.b = s.b and t.a = 1",
    "three_differ": "t.b != s.b and t.x != s.x and t.u != s.u",
    "key_across": "t.a = s.b",
}


@unhurried
@given(records=st.lists(rows, min_size=8, max_size=30))
def test_is_found_exactly_or_bounded(records: list[dict[str, Any]], sail: Engine) -> None:
    check(named(spread(EXACT | BOUNDED, fast=10), "t.k = s.k and "), {"r": table(records)}, sail)


@settings(parent=unhurried, max_examples=examples(fast=2, thorough=6))
@given(records=st.lists(rows, max_size=8))
def test_is_found_without_a_key(records: list[dict[str, Any]], sail: Engine) -> None:
    chosen = {name: EXACT[name] for name in ("order", "two_differ", "chain", "chain_tie_in_second", "chain_ties")}
    counts = check(named(chosen), {"r": table(records)}, sail)
    assert all(count.g3_rows is not None for count in counts.values())


@pytest.mark.spark
@pytest.mark.slow
def test_on_apache_spark_too(apache_spark: Engine) -> None:
    records = [made(random.Random(seed)) for seed in range(24)]
    every = ["order_and_difference", "chain", "chain_of_days_and_texts", "chain_tie_in_second", "three_orders"]
    chosen = cases(every, fast=["order_and_difference", "chain_tie_in_second", "three_orders"])
    texts = {name: (EXACT | BOUNDED)[name] for name in chosen}
    check(named(texts, "t.k = s.k and "), {"r": table(records)}, apache_spark)


def numbered(values: list[tuple[int, int]]) -> pa.Table:
    blank = dict.fromkeys(("k", "a", "x", "y", "u", "v", "d", "e"))
    return table([blank | {"b": b, "c": c} for b, c in values])


def counted(text: str, data: pa.Table, engine: Engine, folder: Path) -> RuleCount:
    frames = {"r": stored(data, folder / "r.parquet", engine)}
    (count,) = detect("r", frames, named({"rule": text}), engine, folder).counts
    return count


def test_a_thousand_rows_keep_their_longest_chain(sail: Engine, tmp_path: Path) -> None:
    chance = random.Random(1)
    wrong = set(chance.sample(range(1000), 40))
    values = [(i, 1_000_000 + i if i in wrong else i) for i in range(1000)]
    # the wrong rows are above all others, so each conflicts with every right one that follows
    count = counted("t.b < s.b and t.c > s.c", numbered(values), sail, tmp_path)
    last = max(i for i in range(1000) if i not in wrong)
    assert count.g3_rows == len([i for i in wrong if i < last])
    assert count.violating_tuples > 900


def test_groups_too_large_for_a_worker_are_bounded(
    sail: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "LONGEST_CHAIN", 10)
    values = [(i, -i) for i in range(30)]
    count = counted("t.b < s.b and t.c > s.c", numbered(values), sail, tmp_path)
    assert count.g3_rows is None
    assert count.g3_low is not None
    assert count.g3_high is not None
    assert 1 <= count.g3_low <= 29 <= count.g3_high < 30


def test_chains_of_many_groups_are_handed_over_in_bundles(
    sail: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(least_removal, "_CHAINS_TOGETHER", 7)
    blank = dict.fromkeys(("k", "x", "y", "u", "v", "d", "e"))
    records = [blank | {"a": group, "b": i, "c": -i if i < 3 else i} for group in range(10) for i in range(6)]
    frames = {"r": stored(table(records), tmp_path / "r.parquet", sail)}
    rules = named({"rule": "t.a = s.a and t.b < s.b and t.c > s.c"})
    (count,) = detect("r", frames, rules, sail, tmp_path).counts
    assert (count.g3_rows, count.violating_tuples) == (20, 30)


def test_of_all_rules_it_is_between_the_greatest_and_the_sum() -> None:
    known = RuleCount("one", "{=}", 100, 8, g3_rows=4)
    bounded = RuleCount("two", "{<, <, <}", 100, 30, g3_low=3, g3_high=9)
    assert removal_for_all([known, bounded]) == (4, 13)
    assert removal_for_all([known]) == (4, 4)
    assert removal_for_all([]) == (0, 0)
    assert removal_for_all(
        [RuleCount("all", "{}", 5, 5, g3_low=2, g3_high=4), RuleCount("b", "{}", 5, 5, g3_rows=3)]
    ) == (3, 5)
