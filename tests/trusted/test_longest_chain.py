"""Repair of rules about the order of tuples: the longest chain stays, the others get the nearest value it allows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import combinations, product
from random import Random
from typing import Any, Final

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import examples, spread
from trusted.zones import Zone, declared, rid
from vertebra.declare.dataset import Dataset
from vertebra.declare.repair import repair_method_of
from vertebra.declare.rules import rules_of
from vertebra.errors import RuleError
from vertebra.trusted.decide import Deciding, accept_proposal
from vertebra.trusted.repair.order_method import OrderMethod
from vertebra.trusted.repair.orders.chain import Sorting, repaired

Row = tuple[int, int]
RULES: Final = {
    f"t.a {one} s.a and t.b {two} s.b": (one, two) for one, two in product(("<", "<=", ">", ">="), repeat=2)
}
COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": lambda x, y: x < y, "<=": lambda x, y: x <= y, ">": lambda x, y: x > y, ">=": lambda x, y: x >= y,
}  # fmt: skip


def table(rule: str, kind: str = "int", **more: Any) -> Dataset:
    about = {"deny": f"t.g = s.g and {rule}", "on_violation": "repair"} | more
    return declared("t", {"g": "int", "a": "int", "b": kind, "c": "int"}, rules={"order": about})


def sorting(rule: str, kind: str = "int") -> Sorting:
    dataset = table(rule, kind)
    (compiled,) = rules_of(dataset)
    order, _ = OrderMethod().order(compiled, dataset)
    return Sorting(order.descending, order.free, order.strict, order.type)


def violates(rows: Sequence[Row], one: str, two: str) -> bool:
    """Whether two of the rows violate the rule, by the words of the rule."""
    return any(
        COMPARE[one](t[0], s[0]) and COMPARE[two](t[1], s[1])
        for pair in combinations(rows, 2)
        for t, s in (pair, pair[::-1])
    )


def longest_chains(rows: Sequence[Row], one: str, two: str) -> list[frozenset[int]]:
    for size in range(len(rows), -1, -1):
        found = [
            frozenset(chosen)
            for chosen in combinations(range(len(rows)), size)
            if not violates([rows[i] for i in chosen], one, two)
        ]
        if found:
            return found
    raise AssertionError("no row violates the rule with itself")


def proposed(
    groups: Sequence[Sequence[Row]], of: Sorting, silent: Collection[int] = (), pinned: Collection[int] = ()
) -> dict[tuple[int, int], dict[str, Any]]:
    """What the worker proposes for rows of groups that all violate the rule: by group and row.

    Args:
        groups: the rows of each group.
        of: how they have to be sorted.
        silent: rows whose value is known to be wrong.
        pinned: rows whose value a person decided about.
    """
    flat = [(g, i, a, b) for g, rows in enumerate(groups) for i, (a, b) in enumerate(rows)]
    number = pa.float64() if of.floating else pa.int64()
    given = pa.table(
        {
            "grp": pa.array([one[0] for one in flat], pa.int64()),
            "rid": pa.array([one[1] for one in flat], pa.int64()),
            "a": pa.array([one[2] for one in flat], pa.int32()),
            "b": pa.array([one[3] for one in flat], number),
            "votes": [one[1] not in silent for one in flat], "pinned": [one[1] in pinned for one in flat],
            "before": pa.nulls(len(flat), number), "before_rid": pa.nulls(len(flat), pa.int64()),
            "after": pa.nulls(len(flat), number), "after_rid": pa.nulls(len(flat), pa.int64()),
        }
    )  # fmt: skip
    return {(row["grp"], row["rid"]): row for row in repaired(given, of).to_pylist()}


GROUPS = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=6), min_size=1, max_size=4
)


@settings(max_examples=examples(fast=60, thorough=2000), deadline=None)
@given(groups=GROUPS, rule=st.sampled_from(sorted(RULES)))
def test_the_fewest_tuples_change_and_ties_are_left(groups: list[list[Row]], rule: str) -> None:
    one, two = RULES[rule]
    found = proposed(groups, sorting(rule))
    for number, rows in enumerate(groups):
        chains = longest_chains(rows, one, two)
        every, some = frozenset.intersection(*chains), frozenset.union(*chains)
        mine = {row: change for (group, row), change in found.items() if group == number}
        assert {row for row, change in mine.items() if change["kind"] == "tie"} == some - every
        changed = {row for row, change in mine.items() if change["kind"] != "tie"}
        assert changed <= set(range(len(rows))) - some
        if some == every:
            assert len(rows) - len(changed) == len(chains[0]), "nothing else changes, and nothing less"
        left = [(rows[i][0], mine[i]["new"] if i in changed else rows[i][1]) for i in sorted(changed | every)]
        assert not violates([row for row in left if row[1] is not None], one, two)


@settings(max_examples=examples(fast=60, thorough=2000), deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=7),
    rule=st.sampled_from(sorted(RULES)),
)
def test_no_smaller_change_is_enough(rows: list[Row], rule: str) -> None:
    """With the same tuples kept, no values nearer to the old ones meet the rule."""
    one, two = RULES[rule]
    found = {row: change for (_, row), change in proposed([rows], sorting(rule)).items()}
    if not 0 < len(found) <= 3 or any(change["kind"] != "change" or change["new"] is None for change in found.values()):
        return
    cost = sum(abs(change["new"] - rows[row][1]) for row, change in found.items())
    for values in product(range(-4, 11), repeat=len(found)):
        tried = list(rows)
        for row, value in zip(found, values, strict=True):
            tried[row] = (rows[row][0], value)
        if not violates(tried, one, two):
            assert sum(abs(value - rows[row][1]) for row, value in zip(found, values, strict=True)) >= cost


FLAGS = st.sampled_from(["", "", "", "silent", "pinned"])


@settings(max_examples=examples(fast=40, thorough=2000), deadline=None)
@given(
    drawn=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), FLAGS), min_size=2, max_size=7),
    rule=st.sampled_from(sorted(RULES)),
)
def test_what_people_decided_stays_and_what_is_known_to_be_wrong_does_not(
    drawn: list[tuple[int, int, str]], rule: str
) -> None:
    one, two = RULES[rule]
    rows = [(a, b) for a, b, _ in drawn]
    silent, pinned = ({i for i, row in enumerate(drawn) if row[2] == flag} for flag in ("silent", "pinned"))
    found = {row: change for (_, row), change in proposed([rows], sorting(rule), silent, pinned).items()}
    assert not pinned & set(found)
    if violates([rows[i] for i in pinned], one, two):
        return
    may_stay = [i for i in range(len(rows)) if i not in silent]
    chains = [
        frozenset(may_stay[place] for place in chain)
        for size in range(len(may_stay), -1, -1)
        for chain in combinations(range(len(may_stay)), size)
        if pinned <= {may_stay[place] for place in chain}
        and not violates([rows[may_stay[place]] for place in chain], one, two)
    ]
    longest = [chain for chain in chains if len(chain) == len(chains[0])]
    every, some = frozenset.intersection(*longest), frozenset.union(*longest)
    changed = {row for row, change in found.items() if change["kind"] == "change"}
    assert {row for row, change in found.items() if change["kind"] == "tie"} == some - every
    assert not changed & some
    left = [(rows[i][0], found[i]["new"] if i in changed else rows[i][1]) for i in sorted(changed | every)]
    assert not violates([row for row in left if row[1] is not None], one, two)


def test_many_tuples_are_chained_in_little_time() -> None:
    rows = [(i, i if i % 10 else 0) for i in range(1, 20_000)]
    found = proposed([rows], sorting("t.a < s.a and t.b > s.b"))
    assert len(found) == 1999
    assert found[0, 9]["new"] == 9


# -- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "values", "wrong", "new"),
    [
        ("double", [1.5, 2.5, 3.5], 0.0, 2.5), ("double", [-3.5, -2.5, -1.5], -9.0, -2.5),
        ("float", [1.5, 2.5, 3.5], 0.0, 2.5),
    ],
)  # fmt: skip
def test_numbers_with_fractions_get_the_value_of_a_neighbour(
    kind: str, values: list[float], wrong: float, new: float
) -> None:
    rows: Any = [(0, values[0]), (1, values[1]), (2, wrong), (3, values[2]), (4, values[2])]
    assert proposed([rows], sorting("t.a < s.a and t.b > s.b", kind))[0, 2]["new"] == new


def test_a_strict_rule_gets_the_next_value_of_the_type() -> None:
    import numpy as np

    strict = "t.a < s.a and t.b >= s.b"
    rows: Any = [(0, 1.0), (1, 2.0), (2, 0.0), (3, 4.0), (4, 5.0)]
    assert proposed([rows], sorting(strict, "double"))[0, 2]["new"] == np.nextafter(2.0, 3.0)
    assert proposed([rows], sorting(strict, "float"))[0, 2]["new"] == np.nextafter(np.float32(2), np.float32(3))
    down: Any = [(0, 5.0), (1, 4.0), (2, 9.0), (3, -0.0), (4, -5.0), (5, -6.0)]
    assert proposed([down], sorting("t.a < s.a and t.b <= s.b", "double"))[0, 2]["new"] == np.nextafter(4.0, 3.0)


def test_where_no_value_is_left_the_cell_is_emptied() -> None:
    rows = [(0, 1), (1, 2), (2, 9), (3, 3), (4, 4)]
    (found,) = proposed([rows], sorting("t.a < s.a and t.b >= s.b")).values()
    assert (found["kind"], found["new"], found["before"], found["after"]) == ("change", None, 2, 3)


# -- in the engine ------------------------------------------------------------------------------------------------

EVERY: Final = {
    "b": ("int", "t.a < s.a and t.b > s.b", lambda value: value),
    "d": ("date", "t.a < s.a and t.d < s.d", lambda value: date(1970, 1, 1) + timedelta(days=value)),
    "m": ("decimal(10,2)", "t.a <= s.a and t.m >= s.m", lambda value: Decimal(value).scaleb(-2)),
    "x": ("double", "t.a > s.a and s.x >= t.x", float),
    "w": ("timestamp", "t.a <= s.a and t.w > s.w", lambda value: datetime.fromtimestamp(value / 10**6, UTC)),
}
"""Column → type, rule, and the value that a number of its smallest unit stands for."""


def in_table(zone: Zone, name: str) -> list[dict[str, Any]]:
    table = zone.lake.table(name)
    rows = table.arrow().to_table().to_pylist() if table.exists() else []
    return sorted(rows, key=lambda row: row["_rid"] if "_rid" in row else (row["rid"], row["column_name"]))


def test_every_type_is_repaired_as_the_longest_chains_say(zone: Zone) -> None:
    # on Apache Spark each rule takes many seconds
    every = EVERY if zone.engine.capabilities.dialect == "sail" else spread(EVERY, fast=2)
    random = Random(7)
    groups = [[(random.randint(0, 6), random.randint(0, 6)) for _ in range(random.randint(2, 7))] for _ in range(24)]
    dataset = declared(
        "t",
        {"g": "int", "a": "int"} | {name: kind for name, (kind, _, _) in every.items()},
        rules={
            f"order_{name}": {"deny": f"t.g = s.g and {rule}", "on_violation": "repair", "confidence": 0}
            for name, (_, rule, _) in every.items()
        },
    )
    rows = [
        {"g": g, "a": a} | {name: value(b) for name, (_, _, value) in every.items()}
        for g, group in enumerate(groups)
        for a, b in group
    ]
    empty = [
        {"g": 0, "a": 3, **dict.fromkeys(every)},
        {"g": 0, "a": None, **{name: of(0) for name, (*_, of) in every.items()}},
    ]
    zone.run(dataset, [*rows, *empty])
    trusted = {row["_rid"]: row for row in in_table(zone, "trusted.t")}
    left = {(row["rid"], row["column_name"]) for row in in_table(zone, "governance.proposals")}
    first = {g: sum(map(len, groups[:g])) for g in range(len(groups))}
    expected = {rid(number): dict(row) for number, row in enumerate([*rows, *empty])}
    ties = set()
    for name, (kind, rule, value) in every.items():
        of = sorting(rule.replace(f".{name}", ".b"), kind)
        for (g, row), change in proposed(groups, of).items():
            if change["kind"] == "change":
                new = change["new"]
                expected[rid(first[g] + row)][name] = None if new is None else new if kind == "double" else value(new)
            else:
                ties.add((rid(first[g] + row), name))
    assert left == ties
    assert trusted == {key: {**row, "_rid": key} for key, row in expected.items()}
    assert {row["method"] for row in in_table(zone, "governance.repairs")} == {"longest_chain"}


def test_quarantine_keeps_the_tuples_that_every_longest_chain_has(zone: Zone) -> None:
    dataset = declared(
        "t", {"g": "string", "a": "int", "b": "int"},
        rules={"order": {"deny": "t.g = s.g and t.a < s.a and t.b > s.b", "on_violation": "quarantine"}},
    )  # fmt: skip
    rows = [{"g": "x", "a": a, "b": 999 if a == 5 else a} for a in range(10)]
    zone.run(dataset, [*rows, {"g": "y", "a": 1, "b": 7}, {"g": "y", "a": 2, "b": 3}, {"g": "z", "a": 1, "b": None}])
    kept = sorted((row["g"], row["a"]) for row in in_table(zone, "trusted.t"))
    assert kept == [*(("x", a) for a in range(10) if a != 5), ("z", 1)]
    assert len(zone.rows("governance.quarantine", "rid")) == 3


def test_what_is_known_to_be_wrong_or_right_decides(sail_zone: Zone) -> None:
    """Without a vote: a value that another rule forbids, and a row that leaves. With the last word: a person."""
    dataset = declared(
        "t",
        {"a": "int", "b": "int"},
        rules={
            "order": {"deny": "t.a < s.a and t.b > s.b", "on_violation": "repair"},
            "low": {"deny": "t.b = 1", "on_violation": "report"},
            "gone": {"deny": "t.a = 9", "on_violation": "quarantine"},
        },
    )
    rows = [
        {"a": a, "b": b} for a, b in [(1, 5), (2, 6), (3, 1), (4, 1), (5, 1), (6, 7), (9, 0), (9, 0), (9, 0), (9, 0)]
    ]
    sail_zone.run(dataset, rows)
    assert [row["b"] for row in in_table(sail_zone, "trusted.t")] == [5, 6, 6, 6, 6, 7]
    (first, *_) = in_table(sail_zone, "governance.repairs")
    assert first["evidence"] == f"between 6 and 7 of rows {rid(1)} and {rid(5)}; 3 of 6 rows of the table keep theirs"
    assert first["confidence"] > 0.9


def test_an_accepted_tie_decides_about_the_other_tuple(sail_zone: Zone) -> None:
    dataset = declared(
        "t", {"a": "int", "b": "int"}, rules={"order": {"deny": "t.a < s.a and t.b > s.b", "on_violation": "repair"}}
    )
    sail_zone.run(dataset, [{"a": 1, "b": 7}, {"a": 2, "b": 3}, {"a": 3, "b": 9}])
    assert [(row["rid"], row["new"], row["reason"], row["confidence"]) for row in in_table(sail_zone, "governance.proposals")] == [
        (rid(0), "3", "tie", 0.5), (rid(1), "7", "tie", 0.5)
    ]  # fmt: skip
    accept_proposal(Deciding(sail_zone.lake, dataset, "ana", datetime(2026, 1, 1, tzinfo=UTC)), rid(1), "b")
    sail_zone.trust(dataset)
    assert [row["b"] for row in in_table(sail_zone, "trusted.t")] == [7, 7, 9]
    assert in_table(sail_zone, "governance.proposals") == []


@pytest.mark.parametrize(
    ("rule", "more", "said"),
    [
        ("t.a < s.a and t.b > s.b", {"set": {"b": None}}, "does not say which tuple is repaired"),
        ("t.a < s.a and t.b > s.b", {"set": {"b": None}, "repair_method": "longest_chain"}, "has `set`"),
        ("t.a < s.a and t.b > s.b", {"fill": True}, "has `fill`, which the repair method longest_chain does not know"),
        ("t.a < s.a and t.b > s.b", {"repair_method": "majority"}, "cannot be repaired by majority"),
        ("t.a < s.a and t.b > s.b and t.c < s.c", {}, "of the class {=, <, >, <}"),
        ("t.a < s.a and t.b > s.b and t.c != s.c", {}, "of the class {=, <, >, ≠}"),
        ("t.a < s.b and t.b > s.a", {}, "not compared by the same values"),
        ("t.a < s.a and t.b > s.b and t.c > 0", {}, "under the same conditions"),
        ("t.a < s.a and t.b + t.c > s.b + s.c", {}, "is computed, and a repair changes the cells of a column"),
        ("t.a + t.b < s.a + s.b and t.b > s.b", {}, "b is also in another predicate"),
        ("t.a < s.a and t.n > s.n", {}, "n is a string, and the nearest value is one of numbers, dates and times"),
        ("t.a < s.a and t.z > s.z", {}, "z is a decimal(20,2), and only decimals of at most 18 digits are repaired"),
        ("t.b != s.b", {"repair_method": "longest_chain"}, "of the class {=, ≠}"),
    ],
)
def test_what_has_no_longest_chain_is_refused(rule: str, more: dict[str, Any], said: str) -> None:
    about = {"deny": f"t.g = s.g and {rule}", "on_violation": "repair"} | more
    columns = {"g": "int", "a": "int", "b": "int", "c": "int", "n": "string", "z": "decimal(20,2)"}
    dataset = declared("t", columns, rules={"order": about})
    with pytest.raises(RuleError) as refused:
        repair_method_of(rules_of(dataset)[0], dataset)
    assert said in str(refused.value)
