"""Floating-point numbers compared with literals, each other and themselves: the same on both engines, NaN or not."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from detection_truth import stored
from vertebra.declare.rules import NamedRule
from vertebra.denial import parse
from vertebra.engine import Engine
from vertebra.trusted.detect import detect

COLUMNS = {"x": "float", "d": "double", "i": "int"}
SCHEMA = pa.schema([("_rid", pa.int64()), ("x", pa.float32()), ("d", pa.float64()), ("i", pa.int32())])
ROWS = [{"x": 0.1, "d": 0.1, "i": 0}, {"x": 0.5, "d": 0.5, "i": 1}, {"x": float("nan"), "d": float("nan"), "i": 2}]
RULES = {
    "t.x = 0.1": 0,
    "t.d = 0.1": 1,
    "t.d > 0.1": 2,
    "t.d > .1 and t.d < 1.5e0": 1,
    "t.d in (0.1, 0.2)": 1,
    "t.d not between 0.1 and 0.6": 1,
    "t.d * 0.5 = 0.05 and t.i = 0": 1,
    "t.d + 0.2 = 0.3": 0,
    "t.d = 0.1D": 1,
    "t.x = 0.5": 1,
    "t.x > 0.1": 3,
    "t.x = t.d": 2,
    "t.x * 2 = 1": 1,
    "t.x in (0.1, 0.5)": 1,
    "round(t.x, 1) = 0.1": 1,
    "t.x = s.d": 0,
    "t.x < s.x": 3,
}


def test_is_compared_as_a_double(engine: Engine, tmp_path: Path) -> None:
    table = pa.Table.from_pylist([{"_rid": number, **row} for number, row in enumerate(ROWS)], schema=SCHEMA)
    rules = [NamedRule(text, "deny", parse(text, "r", COLUMNS)) for text in RULES]
    detection = detect("r", {"r": stored(table, tmp_path / "r.parquet", engine)}, rules, engine, tmp_path)
    found = {count.rule: count.violating_tuples for count in detection.counts}
    assert found == RULES
