"""Integers are added and multiplied in a type in which they cannot overflow, the same on both engines."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from detection_truth import stored
from vertebra.declare.rules import NamedRule
from vertebra.denial import parse
from vertebra.engine import Engine
from vertebra.trusted.detect import detect

COLUMNS = {"a": "bigint", "b": "bigint", "i": "int", "j": "int", "k": "int"}
MOST = 2**31 - 1
ROWS = [
    {"a": 9 * 10**18, "b": 9 * 10**18, "i": MOST, "j": MOST, "k": MOST},
    {"a": -9 * 10**18, "b": -9 * 10**18, "i": -MOST - 1, "j": 7, "k": 9},
    {"a": 5, "b": 1, "i": 3, "j": 3, "k": 1},
]
RULES = {
    "t.a + t.b > 100": lambda r: r["a"] + r["b"] > 100,
    "t.a - t.b = 4": lambda r: r["a"] - r["b"] == 4,
    "t.a * t.b > 100": lambda r: r["a"] * r["b"] > 100,
    "-t.a < 0": lambda r: -r["a"] < 0,
    "t.i * t.j > 100": lambda r: r["i"] * r["j"] > 100,
    "t.i * t.j * t.k > 100": lambda r: r["i"] * r["j"] * r["k"] > 100,
    "t.i + 9000000000000000000 > 0": lambda r: r["i"] + 9 * 10**18 > 0,
    "t.i * 9000000000000 > 100": lambda r: r["i"] * 9 * 10**12 > 100,
    "abs(t.i - t.j) > 2147483647": lambda r: abs(r["i"] - r["j"]) > MOST,
    "(t.i) * (t.j + 1) > 2147483647": lambda r: r["i"] * (r["j"] + 1) > MOST,
    "t.j + t.k > 5 and t.i / 2 > 1.4": lambda r: r["j"] + r["k"] > 5 and r["i"] / 2 > 1.4,
    "abs(t.i) > 5": lambda r: abs(r["i"]) > 5,
    "negative(t.i) > 5": lambda r: -r["i"] > 5,
}


def test_no_sum_or_product_wraps_around(engine: Engine, tmp_path: Path) -> None:
    types = {"bigint": pa.int64(), "int": pa.int32()}
    schema = pa.schema([("_rid", pa.int64()), *((name, types[kind]) for name, kind in COLUMNS.items())])
    table = pa.Table.from_pylist([{"_rid": number, **row} for number, row in enumerate(ROWS)], schema=schema)
    rules = [NamedRule(text, "deny", parse(text, "r", COLUMNS)) for text in RULES]
    detection = detect("r", {"r": stored(table, tmp_path / "r.parquet", engine)}, rules, engine, tmp_path)
    found = {count.rule: count.violating_tuples for count in detection.counts}
    assert found == {text: sum(map(holds, ROWS)) for text, holds in RULES.items()}


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("t.i > 3", "(`i` > 3)"),
        ("t.i + 1 > 3", "(cast(`i` as bigint) + 1 > 3)"),
        ("t.a + 1 > 3", "(cast(`a` as decimal(20,0)) + 1 > 3)"),
        ("t.a / 2 + t.b > 3", "(`a` / 2 + `b` > 3)"),
        ("coalesce(t.i, 0) * 2 > 3", "(COALESCE(CAST(`i` AS BIGINT), TRY_CAST(0 AS BIGINT)) * 2 > 3)"),
        ("abs(t.a) > 3", "(abs(cast(`a` as decimal(20,0))) > 3)"),
    ],
)
def test_only_what_is_added_or_multiplied_is_widened(text: str, sql: str) -> None:
    (predicate,) = parse(text, "r", COLUMNS).predicates
    assert predicate.sql == sql
