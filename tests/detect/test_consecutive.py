"""Rules about consecutive tuples find exactly the pairs of their definition: ties, NULLs, composite and falling orders."""

from __future__ import annotations

import datetime as dt
import random
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from detection_truth import COLUMNS, SCHEMA, made, stored, table
from effort import cases
from vertebra.declare.rules import NamedRule
from vertebra.denial import DenialConstraint, parse
from vertebra.engine import Engine
from vertebra.trusted.detect import RuleCount, detect, explain

RULES = {
    "falls": "next(t) s by k order by c: s.b < t.b",
    "falls_of_all": "next(t) s order by c: s.b < t.b",
    "back": "next(t) s by k order by c desc: s.b < t.b",
    "two_keys": "next(t) s by k, u order by d, c desc: s.x <= t.x and s.a != t.a",
    "known": "next(t) s by k order by c where b is not null: s.b < t.b",
    "jump": "next(t) s by k order by c where b is not null and a > -1: s.b > t.b + 1 and t.u = 'p'",
    "gap": "next(t) s by k order by d: date_add(t.d, 1) < s.d",
    "overlap": "next(t) s by a order by d: s.d < t.e and s.v = t.v",
    "numbers": "next(t) s by x order by y: s.c > t.c",
    "expressions": "next(t) s by lower(u) order by c % 2, d: t.a = s.b",
    "only_conditions": "next(t) s by k order by c: t.a = 1 and s.b = 2",
}


def rules() -> list[NamedRule]:
    return [NamedRule(name, "deny", parse(text, "r", COLUMNS)) for name, text in RULES.items()]


def successors(constraint: DenialConstraint, connection: duckdb.DuckDBPyConnection) -> list[tuple[int, int]]:
    """The pairs of consecutive rows, by the definition: no value of the order lies between theirs."""
    found = constraint.succession
    assert found is not None
    by = [f"lower({one.columns[0]})" if "lower" in one.text else one.text for one in found.by]
    order = [key.operand.text for key in found.order]
    where = found.among_text or "true"
    rows = connection.execute(f"select _rid, [{', '.join(f'({one})::varchar' for one in by)}], * from (select *, "
                              f"{', '.join(f'{one} as q{i}' for i, one in enumerate(order))} from r where {where})")  # fmt: skip
    names = [one[0] for one in rows.description or ()]
    groups: dict[tuple[Any, ...], dict[tuple[Any, ...], list[int]]] = {}
    for row in rows.fetchall():
        group = tuple("-0.0" if part == "0.0" else part for part in row[1])
        place = tuple(row[names.index(f"q{i}")] for i in range(len(order)))
        if None in group or None in place:
            continue
        groups.setdefault(group, {}).setdefault(tuple(_rank(part) for part in place), []).append(row[0])
    pairs = []
    for values in groups.values():
        ordered = sorted(values, key=lambda place: tuple(
            -part if key.descending else part for part, key in zip(place, found.order, strict=True)
        ))  # fmt: skip
        for one, other in pairwise(ordered):
            pairs += [(t, s) for t in values[one] for s in values[other]]
    return pairs


def _rank(value: Any) -> float:
    if isinstance(value, dt.date):
        return float(value.toordinal())
    return 1e300 * 1e10 if value != value else min(max(value + 0.0, -1e300), 1e300)  # NaN is the greatest


def truth(rule: NamedRule, data: pa.Table) -> tuple[set[tuple[int, int]], int]:
    constraint = rule.constraint
    assert isinstance(constraint, DenialConstraint)
    with duckdb.connect() as connection:
        connection.register("r", data)
        pairs = successors(constraint, connection)
        made_pairs = pa.table({"f": pa.array([t for t, _ in pairs], pa.int64()),
                               "g": pa.array([s for _, s in pairs], pa.int64())})  # fmt: skip
        connection.register("pairs", made_pairs)
        text = " and ".join(one.text for one in constraint.predicates)
        text = text.replace("date_add(t.d, 1)", "t.d + 1")
        found = connection.execute(
            f"select f, g from pairs join r t on t._rid = f join r s on s._rid = g where {text}"
        ).fetchall()
    return set(found), len(pairs)


def checked(data: pa.Table, engine: Engine, chosen: list[NamedRule]) -> dict[str, RuleCount]:
    with tempfile.TemporaryDirectory() as folder:
        frame = stored(data, Path(folder) / "r.parquet", engine)
        detection = detect("r", {"r": frame}, chosen, engine, Path(folder))
        found: dict[str, list[tuple[int, str, int]]] = {rule.name: [] for rule in chosen}
        for row in detection.violations.collect():
            found[row["rule"]].append((row["rid"], row["role"], row["partner"]))
    counts = {count.rule: count for count in detection.counts}
    for rule in chosen:
        expected, _ = truth(rule, data)
        own = found[rule.name]
        assert sorted((rid, role) for rid, role, _ in own) == sorted(
            {(t, "t") for t, _ in expected} | {(s, "s") for _, s in expected}
        ), rule.name
        assert {(rid, partner) if role == "t" else (partner, rid) for rid, role, partner in own} <= expected
        count = counts[rule.name]
        assert count.violating_pairs == len(expected), rule.name
        assert count.violating_tuples == len({rid for pair in expected for rid in pair}), rule.name
        assert (count.g3_low or 0) <= (count.g3_high or 0)
        assert bool(count.g3_low) == bool(expected)
    return counts


@pytest.mark.parametrize("seed", cases(range(8), fast=[0, 3]))
def test_finds_exactly_the_consecutive_pairs(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    size = chance.choice([0, 1, 60, 200]) if seed else 150
    checked(table([made(chance) for _ in range(size)]), engine, rules())


def test_no_ties_is_one_pass_and_rows_in_any_order_give_the_same(engine: Engine) -> None:
    chance = random.Random(5)
    records = [{**made(chance), "k": i % 3, "c": i, "b": chance.randrange(4)} for i in range(60)]
    chance.shuffle(records)
    chosen = [rule for rule in rules() if rule.name in ("falls", "back", "only_conditions")]
    counts = checked(table(records), engine, chosen)
    assert counts["falls"].lhs_pairs == 57
    assert counts["falls"].groups == 3
    assert counts["falls"].constraint_class == "{next, >}"


def test_tied_rows_are_each_followed_by_all_of_the_next_value(engine: Engine) -> None:
    records = [{"k": 1, "c": c, "b": b} for c, b in ((1, 5), (1, 1), (2, 3), (2, 2), (3, 9))]
    (falls,) = [rule for rule in rules() if rule.name == "falls"]
    empty = dict.fromkeys(SCHEMA.names[1:])
    count = checked(table([{**empty, **one} for one in records]), engine, [falls])["falls"]
    assert (count.violating_pairs, count.lhs_pairs, count.violating_tuples) == (2, 6, 3)
    assert count.g3_low == 1


def test_explains_that_rules_share_a_sort() -> None:
    plans = explain("r", {"r"}, [rule for rule in rules() if rule.name in ("falls", "only_conditions", "back")])
    assert plans[0].shares == (("the sort", ("only_conditions",)),)
    assert not plans[1].shares
    assert plans[2].shares == (("the sort", ("falls",)),)
    assert plans[0].steps[0].startswith("sort the rows by k order by c, and compare each with the next one")
