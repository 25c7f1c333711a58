"""Every rewrite reaches the DataFrames of Python views: native functions give the same answer on both engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pytest

from vertebra.engine import Engine, SailEngine
from vertebra.spark_sql.rewrites import rules
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ROWS: Final = """select * from values
    (1, 2000000000, 9000000000000000000, tinyint(-128), 1.005D, double('NaN'), cast(1.49 as decimal(10,2)), ' 7 ',
     date'0001-01-01', timestamp'0001-01-01 10:20:30', array(1, 2), map('a', 1), true),
    (2, -7, 8, tinyint(3), 2.5D, -0.0D, 10.00, '٣', date'9999-12-31', timestamp'9999-12-31 23:59:59', array(3, null),
     map('b', 2), false)
    as t(id, i, b, tiny, x, y, d, s, dt, ts, a, m, flag)"""
FIRST, LAST = dt.date(1, 1, 1), dt.date(9999, 12, 31)


def F() -> Any:  # noqa: N802 - the name that PySpark's documentation uses
    from pyspark.sql import functions

    return functions


def col(name: str) -> Any:
    return F().col(name)


def window() -> Any:
    from pyspark.sql import Window

    return Window.partitionBy(F().lit(1)).orderBy("id")


COLUMNS: Final[dict[str, tuple[Callable[[], Column], list[Any]]]] = {
    "+": (lambda: col("b") - col("id"), [8999999999999999999, 6]),
    "/": (lambda: col("d") / 3, ["0.496667", "3.333333"]),
    "%": (lambda: col("d") % 3, ["1.49", "1.00"]),
    "<<": (lambda: F().shiftleft("tiny", 1), [-256, 6]),
    "~": (lambda: F().bitwise_not("tiny"), [127, -4]),
    "div": (lambda: F().expr("tiny div tinyint(-1)"), [128, -3]),
    "pmod": (lambda: F().pmod("tiny", F().lit(5).cast("tinyint")), [2, 3]),
    "negative": (lambda: F().negative("i"), [-2000000000, 7]),
    "positive": (lambda: F().positive("i"), [2000000000, -7]),
    "abs": (lambda: F().abs("i"), [2000000000, 7]),
    "cast": (lambda: col("d").cast("int") == 1, [True, False]),
    "try_cast": (lambda: F().try_to_number("s", F().lit("9")).isNull() | col("s").try_cast("int").isNull(), None),
    "int": (lambda: F().call_function("int", col("d")), [1, 10]),
    "=": (lambda: col("y") > 100, [True, False]),
    "in": (lambda: col("x").isin(2.5, 3.5), [False, True]),
    "between": (lambda: col("x").between(1, 2), [True, False]),
    "greatest": (lambda: F().greatest("x", "y"), ["nan", "2.5"]),
    "coalesce": (lambda: F().coalesce("i", "d"), ["2000000000.00", "-7.00"]),
    "nvl": (lambda: F().nvl("i", col("b")), [2000000000, -7]),
    "nvl2": (lambda: F().nvl2("s", col("i"), col("b")), [2000000000, -7]),
    "zeroifnull": (lambda: F().zeroifnull("d"), ["1.49", "10.00"]),
    "nullifzero": (lambda: F().nullifzero("y"), ["nan", None]),
    "case": (lambda: F().when(col("id") > 1, col("i")).otherwise(col("d")), ["1.49", "-7.00"]),
    "min": (lambda: F().min("y").over(window().rowsBetween(-1, 0)), ["nan", "-0.0"]),
    "flatten": (lambda: F().size(F().flatten(F().array("a", "a"))), [4, 4]),
    "element_at": (lambda: F().element_at("m", F().lit("a")), [1, None]),
    "slice": (lambda: F().slice("a", 1, 1)[0], [1, 3]),
    "array_union": (lambda: F().size(F().array_union("a", "a")), [2, 2]),
    "map": (lambda: F().create_map("s", "i")["٣"], [None, -7]),
    "element": (lambda: col("a")[col("id") - 1], [1, None]),
    "weekday": (lambda: F().weekday("dt"), [0, 4]),
    "extract": (lambda: F().extract(F().lit("dow"), "dt"), [2, 6]),
    "date_part": (lambda: F().date_part(F().lit("yearofweek"), "ts"), [1, 9999]),
    "trunc": (lambda: F().trunc("dt", "month"), [FIRST, dt.date(9999, 12, 1)]),
    "date_trunc": (lambda: F().date_trunc("hour", "ts").cast("string"), ["0001-01-01 10:00:00", "9999-12-31 23:00:00"]),
    "datediff": (lambda: F().datediff("dt", F().lit(FIRST)), [0, 3652058]),
    "weekofyear": (lambda: F().weekofyear("ts"), [1, 52]),
    "hour": (lambda: F().hour(F().lit("2024-02-29 12:30:45")), [12, 12]),
    "next_day": (lambda: F().next_day(F().lit(FIRST), "mon"), [dt.date(1, 1, 8)] * 2),
    "date_format": (lambda: F().date_format("dt", "yyyy-MM"), ["0001-01", "9999-12"]),
    "date_from_unix_date": (lambda: F().date_from_unix_date(F().lit(1).cast("tinyint")), [dt.date(1970, 1, 2)] * 2),
    "from_utc_timestamp": (lambda: F().hour(F().from_utc_timestamp("ts", "UTC")), [10, 23]),
    "rlike": (lambda: col("s").rlike(r"^\d$"), [False, False]),
    "regexp_count": (lambda: F().regexp_count("s", F().lit("7")), [1, 0]),
    "like": (lambda: col("s").like("%7%"), [True, False]),
    "sum": (lambda: F().sum("x").over(window().rowsBetween(-1, 0)), ["1.005", "3.505"]),
    "avg": (lambda: F().avg("d").over(window()), ["1.490000", "5.745000"]),
    "substring": (lambda: F().substring("s", 1, 2), [" 7", "٣"]),
    "ln": (lambda: F().ln("y") > 0, [True, None]),
    "pow": (lambda: F().pow(F().lit(2.0), F().lit(3)), ["8.0", "8.0"]),
    "round": (lambda: F().round("x", 2), ["1.01", "2.5"]),
    "rint": (lambda: F().rint("x"), ["1.0", "2.0"]),
    "isnan": (lambda: F().isnan("y"), [True, False]),
    "array_contains": (lambda: F().array_contains("a", 2), [True, None]),
    "factorial": (lambda: F().factorial("i"), [None, None]),
    "chr": (lambda: F().char("i"), ["\x00", ""]),
    "reverse": (lambda: F().reverse(col("id")), ["1", "2"]),
    "lag": (lambda: F().lag("id", 1, 0).over(window()), [0, 1]),
    "range": (lambda: F().sum("id").over(window().rangeBetween(-1, 0)), [1, 3]),
    "mod": (lambda: F().call_function("mod", col("d"), F().lit(3)), ["1.49", "1.00"]),
    "and": (lambda: (col("id") > 1) & (col("y") > -1), [False, True]),
    "or": (lambda: (col("id") > 1) | (col("x") > 2), [False, True]),
    "add_months": (lambda: F().add_months(F().lit(FIRST), 1), [dt.date(1, 2, 1)] * 2),
    "to_date": (lambda: F().to_date(F().lit("2024-02-29")), [dt.date(2024, 2, 29)] * 2),
    "ascii": (lambda: F().ascii("s"), [32, 1635]),
    "split_part": (lambda: F().split_part(F().lit("a-b"), F().lit("-"), F().lit(2)), ["b", "b"]),
    "xpath_int": (lambda: F().xpath_int(F().lit("<a>1</a>"), F().lit("a")), [1, 1]),
    "hypot": (lambda: F().hypot(F().lit(3.0), F().lit(4.0)), ["5.0", "5.0"]),
}
"""Columns of native functions, by the name of a function or operator, with Apache Spark's answers."""
REFUSED: Final[dict[str, tuple[Callable[[], Column], str]]] = {
    "max_by": (lambda: F().max_by("id", "y").over(window()), "max_by of int, double"),
    "approx_count_distinct": (lambda: F().approx_count_distinct("i"), "is an estimate"),
    "to_json": (lambda: F().to_json(F().struct("id")), "only available on Apache Spark"),
    "percentile": (lambda: F().percentile("i", 0.5, col("id")), "frequencies"),
    "lag": (lambda: F().lag("id", 1).over(window().rowsBetween(-1, 0)) + F().expr("lag(id, 1, i) over (order by id)"), "default"),
    "split": (lambda: F().split("s", "(?=a)"), "groups such as"),
    "round": (lambda: F().round("x", -1), "-1 digits"),
    "trunc": (lambda: F().trunc("dt", "decade"), "no unit"),
    "explode": (lambda: F().explode(F().lit("a")), "explode of string"),
    "map": (lambda: F().create_map("y", "i"), "keys that are floats"),
    "=": (lambda: col("dt") == col("i"), "cannot be compared"),
}  # fmt: skip


def translated(engine: Engine, build: Callable[[DataFrame], DataFrame]) -> DataFrame:
    rows = engine.session.sql(ROWS)
    return engine.translate_frame(build(rows), [rows])


def shown(value: Any) -> Any:
    return str(value) if isinstance(value, float) or type(value).__name__ == "Decimal" else value


def test_native_functions_give_the_same_answers_on_both_engines(engine: Engine) -> None:
    asked = {name: made for name, (make, expected) in COLUMNS.items() if expected and (made := make()) is not None}
    frame = translated(engine, lambda t: t.select("id", *[made.alias(name) for name, made in asked.items()]))
    found = sorted(frame.collect(), key=lambda row: row["id"])
    answers = {name: [shown(row[name]) for row in found] for name in asked}
    assert answers == {name: COLUMNS[name][1] for name in asked}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_native_functions_are_refused_as_in_sql(sail: SailEngine, name: str) -> None:
    make, fact = REFUSED[name]
    with pytest.raises(UnsupportedError, match=fact):
        translated(sail, lambda t: t.select(make()))


def test_each_rule_is_asked_through_a_dataframe() -> None:
    asked = {rules()[name] for name in {*COLUMNS, *REFUSED} if name in rules()}
    missing = {name for name, rule in rules().items() if rule not in asked}
    assert not missing


def test_rows_are_sorted_as_apache_spark_sorts_them(engine: Engine) -> None:
    frame = translated(engine, lambda t: t.orderBy(col("y").desc()).select("id"))
    assert [row["id"] for row in frame.collect()] == [1, 2]


@pytest.mark.parametrize(
    ("build", "fact"),
    [
        (lambda t: t.select("i").union(t.select("b")), "the column i is int in one part and bigint in the other"),
        (lambda t: t.select("i").unionByName(t.select(col("d").alias("i"))), "the column i is int in one part"),
        (lambda t: t.select("y").exceptAll(t.select("y")), "except all of floats"),
        (lambda t: t.select("m").intersect(t.select("m")), "intersect of map"),
        (lambda t: t.orderBy("m"), "order by of map"),
    ],
)
def test_operations_of_frames_are_refused_as_in_sql(sail: SailEngine, build: Any, fact: str) -> None:
    with pytest.raises(UnsupportedError, match=fact):
        translated(sail, build)
