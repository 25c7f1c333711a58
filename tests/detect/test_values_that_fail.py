"""A value that cannot be cast or divided gives NULL, which violates nothing; what does fail names the rule."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from detection_truth import stored
from vertebra.declare.rules import NamedRule
from vertebra.denial import parse
from vertebra.engine import Engine
from vertebra.errors import RuleError
from vertebra.trusted.detect import detect

COLUMNS = {"code": "string", "n": "int", "by": "int"}
ROWS = [
    {"code": "12", "n": 12, "by": 0},
    {"code": "twelve", "n": 12, "by": 5},
    {"code": "2013-02-30", "n": 7, "by": 3},
    {"code": "2013-02-28", "n": 7, "by": 0},
    {"code": None, "n": None, "by": None},
]
RULES = {
    "cast(t.code as int) = t.n": 1,
    "int(t.code) = t.n": 1,
    "bigint(t.code) > 3": 1,
    "t.n / t.by > 2": 2,
    "t.n % t.by = 2": 1,
    "mod(t.n, t.by) = 1": 1,
    "pmod(t.n, t.by) >= 0": 2,
    "t.n div t.by = 2": 2,
}


def test_gives_null_and_the_other_rows_are_judged(engine: Engine, tmp_path: Path) -> None:
    schema = pa.schema([("_rid", pa.int64()), ("code", pa.string()), ("n", pa.int32()), ("by", pa.int32())])
    table = pa.Table.from_pylist([{"_rid": number, **row} for number, row in enumerate(ROWS)], schema=schema)
    rules = [NamedRule(text, "deny", parse(text, "r", COLUMNS)) for text in RULES]
    detection = detect("r", {"r": stored(table, tmp_path / "r.parquet", engine)}, rules, engine, tmp_path)
    assert {count.rule: count.violating_tuples for count in detection.counts} == RULES


def test_what_fails_all_the_same_names_the_rule_and_the_cause(engine: Engine, tmp_path: Path) -> None:
    schema = pa.schema([("_rid", pa.int64()), ("code", pa.string()), ("n", pa.int32()), ("by", pa.int32())])
    table = pa.Table.from_pylist([{"_rid": number, **row} for number, row in enumerate(ROWS)], schema=schema)
    frame = stored(table, tmp_path / "r.parquet", engine)
    rule = NamedRule("code_is_a_day", "deny", parse("to_date(t.code) > date'2013-01-01'", "r", COLUMNS))
    with pytest.raises(RuleError, match="the engine failed on the rule code_is_a_day of r") as refused:
        detect("r", {"r": frame}, [rule], engine, tmp_path)
    assert "twelve" in (refused.value.cause or "") or "12" in (refused.value.cause or "")
    assert "try_to" in (refused.value.remedy or "")
