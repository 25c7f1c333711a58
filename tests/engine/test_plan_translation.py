"""DataFrames of users give the same answer on both engines, or are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from vertebra.engine import Engine, SailEngine
from vertebra.errors import EngineError
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS = """select * from values
    (1, 2000000000, 9000000000000000000, cast(3.50 as decimal(10,2)), date'2024-01-01', 1.5D),
    (2, 7, 80, 10.00, date'2024-02-29', double('NaN')),
    (3, 7, 7, 0.05, date'2024-03-31', 2.5D),
    (4, 8, 8, 1.50, date'2024-06-30', 3D) as t(id, i, b, d, dt, x)"""


def functions() -> Any:
    from pyspark.sql import functions as F

    return F


def window() -> Any:
    from pyspark.sql import Window

    return Window.partitionBy(functions().lit(1)).orderBy("id").rowsBetween(-1, 0)


def made(engine: Engine, build: Callable[[DataFrame], DataFrame]) -> DataFrame:
    rows = engine.session.sql(ROWS)
    return engine.translate_frame(build(rows), [rows])


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda t: t.where("id > 1").select((functions().col("i") + functions().col("i")).alias("q")), [14, 14, 16]),
        (lambda t: t.select((functions().col("d") / 3).alias("q")), ["1.166667", "3.333333", "0.016667", "0.500000"]),
        (lambda t: t.select(functions().sum("x").over(window()).alias("q")), ["1.5", "nan", "nan", "5.5"]),
        (lambda t: t.where("id > 1").groupBy("i").sum("b").orderBy("i").select("sum(b)"), [87, 8]),
        (lambda t: t.selectExpr("i div 2 as q"), [1000000000, 3, 3, 4]),
        (lambda t: t.alias("l").join(t.alias("r"), functions().expr("l.id = r.id + 1")).orderBy("l.id").select(functions().col("l.id") * 2), [4, 6, 8]),
        (lambda t: t.select(functions().when(functions().col("id") > 2, functions().col("d")).otherwise(0)), ["0.00", "0.00", "0.05", "1.50"]),
        (lambda t: t.select(functions().weekday("dt")), [0, 3, 6, 6]),
        (lambda t: t.select(functions().transform(functions().array("id"), lambda e: e + 1)[0]), [2, 3, 4, 5]),
    ],
)  # fmt: skip
def test_a_frame_gives_the_same_answer_on_both_engines(engine: Engine, build: Any, expected: list[Any]) -> None:
    found = [row[0] for row in made(engine, build).collect()]
    assert [one if isinstance(one, int) else str(one) for one in found] == expected


def test_a_rewritten_column_keeps_its_name(sail: SailEngine) -> None:
    frame = made(sail, lambda t: t.groupBy("i").sum("b").withColumnRenamed("sum(b)", "total"))
    assert frame.columns == ["i", "total"]


def test_an_overflow_stops_the_query(engine: Engine) -> None:
    frame = made(engine, lambda t: t.select(functions().col("i") + functions().col("i")))
    with pytest.raises(EngineError):
        engine.attempt(frame.collect)


@pytest.mark.parametrize(
    ("build", "fact"),
    [
        (lambda t: t.sample(0.5), "sample"),
        (lambda t: t.groupBy("id").pivot("i", [7, 8]).sum("b"), "pivot"),
        (lambda t: t.unpivot("id", ["i"], "name", "value"), "unpivot"),
        (lambda t: t.select(functions().percentile_approx("i", 0.5)), "percentile_approx"),
        (lambda t: t.select(functions().udf(lambda v: v, "int")("id") + 1), "cannot be checked for overflow"),
        (lambda t: t.select(functions().sum(functions().col("d").cast("decimal(38,10)"))), "38 digits"),
    ],
)  # fmt: skip
def test_what_the_embedded_engine_cannot_compute_is_refused(sail: SailEngine, build: Any, fact: str) -> None:
    with pytest.raises(UnsupportedError, match=fact):
        made(sail, build)


def test_the_plans_of_inputs_are_not_inspected(sail: SailEngine) -> None:
    rows = sail.session.sql(ROWS).sample(1.0)
    frame = rows.select("id")
    assert sail.translate_frame(frame, [rows]) is frame
