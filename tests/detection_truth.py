"""What detection must find, by joining tables with themselves in another engine, and random tables to find it in."""

from __future__ import annotations

import datetime as dt
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame

from effort import examples
from vertebra.declare.rules import NamedRule
from vertebra.denial import DenialConstraint, Shape, classify, parse
from vertebra.engine import Engine
from vertebra.trusted.detect import RuleCount, detect

COLUMNS = {"k": "int", "a": "int", "b": "int", "c": "bigint", "x": "double", "y": "double", "u": "string", "v": "string",
           "d": "date", "e": "date"}  # fmt: skip
SCHEMA = pa.schema(
    [("_rid", pa.int64()), ("k", pa.int32()), ("a", pa.int32()), ("b", pa.int32()), ("c", pa.int64()),
     ("x", pa.float64()), ("y", pa.float64()), ("u", pa.string()), ("v", pa.string()), ("d", pa.date32()),
     ("e", pa.date32())]
)  # fmt: skip

values = {
    "k": st.integers(0, 7),
    "a": st.none() | st.integers(-1, 1),
    "b": st.none() | st.integers(-1, 2),
    "c": st.none() | st.integers(-1, 2),
    "x": st.none() | st.sampled_from([0.0, -0.0, 1.5, -1.5, float("nan"), float("inf"), -float("inf")]),
    "y": st.none() | st.sampled_from([0.0, -0.0, 1.5, float("nan")]),
    "u": st.none() | st.sampled_from(["p", "q", "P", "é"]),
    "v": st.none() | st.sampled_from(["p", "q", ""]),
    "d": st.none() | st.integers(1, 4).map(lambda day: dt.date(2020, 1, day)),
    "e": st.none() | st.integers(1, 4).map(lambda day: dt.date(2020, 1, day)),
}
rows = st.fixed_dictionaries(values)


def made(chance: random.Random) -> dict[str, Any]:
    """A random row."""
    small = [None, -1, 0, 1, 2]
    days = [None, *(dt.date(2020, 1, day) for day in range(1, 5))]
    numbers = [None, 0.0, -0.0, 1.5, -1.5, float("nan"), float("inf"), -float("inf")]
    return {
        "k": chance.randrange(8), "a": chance.choice([None, -1, 0, 1]), "b": chance.choice(small),
        "c": chance.choice(small), "x": chance.choice(numbers), "y": chance.choice(numbers[:6]),
        "u": chance.choice([None, "p", "q", "P", "é"]), "v": chance.choice([None, "p", "q", ""]),
        "d": chance.choice(days), "e": chance.choice(days),
    }  # fmt: skip


# a batch checks every rule in many small tables at once, so a few examples are many tables
unhurried = settings(
    max_examples=examples(fast=2, thorough=4), deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


def table(records: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{"_rid": 10**10 + i, **r} for i, r in enumerate(records)], schema=SCHEMA)


def named(texts: dict[str, str], prefix: str = "") -> list[NamedRule]:
    return [NamedRule(name, "deny", parse(prefix + text, "r", COLUMNS)) for name, text in texts.items()]


def brute_force(rule: NamedRule, relations: dict[str, pa.Table]) -> set[tuple[int, ...]]:
    """The row ids that violate a rule, by joining the tables, in another engine."""
    constraint = rule.constraint
    assert isinstance(constraint, DenialConstraint)
    with duckdb.connect() as connection:
        connection.execute("set ieee_floating_point_ops = false; set error_on_division_by_zero = false")
        for name, data in relations.items():
            connection.register(name, data)
        over = ", ".join(f"{r} {v}" for v, r in zip(constraint.variables, constraint.relations, strict=True))
        ids = ", ".join(f"{v}._rid" for v in constraint.variables)
        text = constraint.text.replace(" rlike ", " ~ ").replace("cast(", "try_cast(")
        text = text.replace("datediff(t.e, t.d)", "(t.e - t.d)")
        if len(constraint.variables) == 2 and len(set(constraint.relations)) == 1:
            text += " and " + " <> ".join(f"{v}._rid" for v in constraint.variables)
        return set(connection.execute(f"select {ids} from {over} where {text}").fetchall())


def stored(data: pa.Table, file: Path, engine: Engine) -> DataFrame:
    pq.write_table(data, file)
    return engine.read_parquet([file], data.schema)


def check(rules: Sequence[NamedRule], relations: dict[str, pa.Table], engine: Engine) -> dict[str, RuleCount]:
    """Compare detection with brute force: tuples, roles, evidence and counts."""
    with tempfile.TemporaryDirectory() as folder:
        frames = {name: stored(data, Path(folder) / f"{name}.parquet", engine) for name, data in relations.items()}
        detection = detect("r", frames, rules, engine, Path(folder))
        found: dict[str, list[tuple[int, str, int | None]]] = {rule.name: [] for rule in rules}
        for row in detection.violations.collect():
            found[row["rule"]].append((row["rid"], row["role"], row["partner"]))
    counts = {count.rule: count for count in detection.counts}
    assert list(counts) == [rule.name for rule in rules]
    for rule in rules:
        compare_with(brute_force(rule, relations), rule, found[rule.name], counts[rule.name], relations)
    return counts


def compare_with(
    truth: set[tuple[int, ...]], rule: NamedRule, found: list[tuple[int, str, int | None]], count: RuleCount,
    relations: dict[str, pa.Table],
) -> None:  # fmt: skip
    constraint = rule.constraint
    assert isinstance(constraint, DenialConstraint)
    shape = classify(constraint)
    variables = constraint.variables[:1] if shape.symmetric else constraint.variables
    checked = [(place, v) for place, v in enumerate(variables) if constraint.relations[place] == "r"]
    expected = {(pair[place], variable) for place, variable in checked for pair in truth}
    assert {(rid, role) for rid, role, _ in found} == expected, rule.name
    assert len(found) == len(expected), f"{rule.name} lists a tuple twice"
    assert count.rows == relations["r"].num_rows
    assert count.violating_tuples == len({rid for rid, _ in expected}), rule.name
    if shape.single:
        assert count.g3_rows == len(expected)
        return
    for rid, role, partner in found:
        assert partner is not None, rule.name
        pair = (rid, partner) if role == constraint.variables[0] else (partner, rid)
        assert pair in truth, f"{rule.name}: {pair} is no evidence"
    pairs = {frozenset(pair) for pair in truth} if shape.symmetric else truth
    assert count.violating_pairs == len(pairs), rule.name
    check_removal(truth, rule, count)


def check_removal(truth: set[tuple[int, ...]], rule: NamedRule, count: RuleCount) -> None:
    """Compare what must be removed with the least of all removals, where there are few to try."""
    assert isinstance(rule.constraint, DenialConstraint)
    shape = classify(rule.constraint)
    assert count.g3_low is not None
    assert count.g3_high is not None
    assert (count.g3_rows is None) == (count.g3_low < count.g3_high), rule.name
    if not shape.one_relation:
        assert count.g3_rows == count.violating_tuples
    elif shape.key or shape.dependency:
        assert count.g3_rows == fewest_by_group(truth), rule.name
    elif len({row for pair in truth for row in pair}) <= 14:
        assert count.g3_low <= fewest(truth) <= count.g3_high, rule.name
        if exactly_known(shape):
            assert count.g3_rows == fewest(truth), rule.name


def exactly_known(shape: Shape) -> bool:
    """Whether the least removal is found in near-linear time: tuples look alike, at most two attributes compare."""
    alike = set(shape.conditions[0]) == set(shape.conditions[1]) and all(p.same for p in shape.join_predicates)
    order, differ = len(shape.ordered), len(shape.unequal)
    return alike and ((order == 2 and not differ) or (order < 2 and order + differ <= 2))


def fewest(truth: set[tuple[int, ...]]) -> int:
    """The least vertex cover, by branching on a pair: one of its tuples goes."""
    if not truth:
        return 0
    one, other = next(iter(truth))
    return 1 + min(fewest({pair for pair in truth if gone not in pair}) for gone in (one, other))


def fewest_by_group(truth: set[tuple[int, ...]]) -> int:
    """Rows outside the largest set without violations, which for a key or dependency is found group by group."""
    neighbours: dict[int, set[int]] = {}
    for one, other in truth:
        neighbours.setdefault(one, set()).add(other)
    kept, seen = 0, set()
    for start in neighbours:
        if start in seen:
            continue
        group = {start} | neighbours[start] | {n for m in neighbours[start] for n in neighbours[m]}
        seen |= group
        # in a group, the tuples that agree have the same neighbours: keep the largest set of them
        sizes: dict[frozenset[int], int] = {}
        for one in group:
            sizes[frozenset(neighbours[one])] = sizes.get(frozenset(neighbours[one]), 0) + 1
        kept += max(sizes.values())
    return len(seen) - kept
