"""Rules that compare columns of different types: in the type that holds both, never in that of one of them."""

from __future__ import annotations

import datetime as dt
import random
import tempfile
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import types as T

from detection_truth import brute_force, compare_with, stored
from effort import cases
from vertebra.declare.rules import NamedRule
from vertebra.denial import Inclusion, parse
from vertebra.engine import Engine
from vertebra.errors import RuleError
from vertebra.trusted.detect import detect
from vertebra.trusted.detect.common_type import common_type

COLUMNS = {
    "k": "int",
    "i": "int",
    "l": "bigint",
    "x": "double",
    "m": "decimal",
    "n": "decimal",
    "d": "date",
    "u": "string",
}
LARGE = 2**40
WHOLE = [-1, 0, 1, 2, 3]


def made(chance: random.Random) -> dict[str, object]:
    return {
        "k": chance.randrange(3), "i": chance.choice([None, *WHOLE]),
        "l": chance.choice([None, *WHOLE, LARGE, -LARGE, LARGE + 1]), "x": chance.choice([None, 0.5, 1.0, 1.5, 1e300]),
        "m": chance.choice([None, *map(Decimal, WHOLE)]),
        "n": chance.choice([None, Decimal("0.25"), Decimal("1.00"), Decimal("2.75")]),
        "d": dt.date(2020, 1, 1 + chance.randrange(3)), "u": "p",
    }  # fmt: skip


def table(rows: int) -> pa.Table:
    chance = random.Random(7)
    schema = pa.schema([
        ("_rid", pa.int64()), ("k", pa.int32()), ("i", pa.int32()), ("l", pa.int64()), ("x", pa.float64()),
        ("m", pa.decimal128(10, 0)), ("n", pa.decimal128(10, 2)), ("d", pa.date32()), ("u", pa.string()),
    ])  # fmt: skip
    return pa.Table.from_pylist([{"_rid": number, **made(chance)} for number in range(rows)], schema=schema)


RULES = {
    "key": "t.i = s.l",
    "keys": "t.l = s.m and t.i != s.x",
    "order": "t.k = s.k and t.i < s.l",
    "order_of_doubles": "t.k = s.k and t.l >= s.x",
    "order_of_decimals": "t.k = s.k and t.i > s.n",
    "two_orders": "t.k = s.k and t.i < s.l and t.m >= s.n",
    "two_orders_and_a_difference": "t.i < s.l and t.m > s.n and t.k != s.k",
    "three_orders": "t.k <= s.k and t.i < s.l and t.m >= s.n",
    "three_orders_turned": "t.l < s.i and t.n >= s.m and t.x > s.i",
    "difference": "t.k = s.k and t.i != s.l",
    "two_differences": "t.k = s.k and t.i != s.l and t.m != s.n",
}


def test_are_compared_in_the_type_of_both(sail: Engine) -> None:
    check(list(RULES), sail)


@pytest.mark.spark
def test_are_on_apache_spark_too(apache_spark: Engine) -> None:
    check(cases(list(RULES), fast=["keys", "order_of_decimals", "two_orders", "three_orders"]), apache_spark)


def check(chosen: list[str], engine: Engine) -> None:
    data = table(60)
    rules = [NamedRule(name, "deny", parse(RULES[name], "r", COLUMNS)) for name in chosen]
    with tempfile.TemporaryDirectory() as folder:
        frames = {"r": stored(data, Path(folder) / "r.parquet", engine)}
        detection = detect("r", frames, rules, engine, Path(folder))
        rows = [(row["rule"], (row["rid"], row["role"], row["partner"])) for row in detection.violations.collect()]
    counts = {count.rule: count for count in detection.counts}
    for rule in rules:
        found = [one for name, one in rows if name == rule.name]
        compare_with(brute_force(rule, {"r": data}), rule, found, counts[rule.name], {"r": data})
        assert found, rule.name


@pytest.mark.parametrize("text", ["nullif(t.u, 'q') = s.i + 1", "t.k = s.k and nullif(t.d, t.d) < abs(s.l)"])
def test_are_refused_where_no_type_holds_both(sail: Engine, tmp_path: Path, text: str) -> None:
    frames = {"r": stored(table(3), tmp_path / "r.parquet", sail)}
    with pytest.raises(RuleError, match=r"rule one compares (string|date|int|bigint) with"):
        detect("r", frames, [NamedRule("one", "deny", parse(text, "r", COLUMNS))], sail, tmp_path)


def test_a_reference_from_a_text_to_a_number_is_refused(sail: Engine, tmp_path: Path) -> None:
    frames = {"r": stored(table(3), tmp_path / "r.parquet", sail)}
    frames["q"] = frames["r"]
    rule = NamedRule("one", "references", Inclusion("r", ("u",), "q", ("i",)))
    with pytest.raises(RuleError, match="rule one compares string with int"):
        detect("r", frames, [rule], sail, tmp_path)


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        (T.IntegerType(), T.LongType(), T.LongType()),
        (T.LongType(), T.FloatType(), T.DoubleType()),
        (T.DecimalType(10, 2), T.IntegerType(), T.DecimalType(12, 2)),
        (T.DecimalType(38, 0), T.DecimalType(38, 10), None),
        (T.DateType(), T.TimestampType(), T.TimestampType()),
        (T.StringType(), T.StringType(), T.StringType()),
        (T.BooleanType(), T.IntegerType(), None),
    ],
)
def test_the_common_type(one: T.DataType, two: T.DataType, both: T.DataType | None) -> None:
    assert common_type(one, two) == both
    assert common_type(two, one) == both
