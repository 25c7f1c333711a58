"""What becomes of users' SQL, and that both engines give the same answer to it."""

from __future__ import annotations

from typing import Any

import pytest

from vertebra.engine import Engine
from vertebra.errors import EngineError
from vertebra.spark_sql.translate import translate_expression, translate_functions
from vertebra.spark_sql.types import parse_type

COLUMNS = {name: parse_type(kind) for name, kind in {
    "i": "int", "b": "bigint", "x": "double", "d": "decimal(10,2)", "big": "decimal(38,10)", "s": "string", "dt": "date",
}.items()}  # fmt: skip
ROWS = """select * from values
    (1, 2000000000, 9000000000000000000, cast(3.50 as decimal(10,2)), date'2024-01-01', 1.5D, 'a1'),
    (2, 1500000000, 8000000000000000000, 10.00, date'2024-02-29', double('NaN'), 'b'),
    (3, 7, 7, 0.05, date'2024-03-31', 2.5D, null),
    (4, 8, 8, 1.50, date'2024-06-30', 3D, 'd4') as t(id, i, b, d, dt, x, s)"""


def answer(engine: Engine, text: str) -> list[Any]:
    """What an engine answers to a query over the rows, as it answers users."""
    rows = engine.session.sql(ROWS)
    translation = engine.translate_query(text, {"t": rows})
    assert not translation.problems, translation.problems
    rows.createOrReplaceTempView("t")
    return [row[0] for row in engine.session.sql(translation.text).collect()]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sum(i) over (order by dt range between interval 7 days preceding and current row)", [2000000000, 1500000000, 7, 8]),
        ("d / 3", ["1.166667", "3.333333", "0.016667", "0.500000"]),
        ("weekday(dt)", [0, 3, 6, 6]),
        ("extract(dow from dt)", [2, 5, 1, 1]),
        ("rint(x)", ["2.0", "nan", "2.0", "3.0"]),
        ("sum(case when id = 1 then double('NaN') else id end) over (order by id rows between 1 preceding and current row)", ["nan", "nan", "5.0", "7.0"]),
        ("x > 2", [False, True, True, True]),
        ("max(x) over ()", ["nan"] * 4),
        ("avg(d) over ()", ["3.762500"] * 4),
        ("avg(if(id > 9, d, null)) over ()", [None] * 4),
        ("cast(if(id = 2, x, null) as decimal(10,2))", [None] * 4),
        ("case when id < 3 then id else d end", ["1.00", "2.00", "0.05", "1.50"]),
        ("s rlike '^[a-z]\\\\d$'", [True, False, None, True]),
        ("array_contains(array(id, null), 1)", [True, None, None, None]),
        ("cast(1.005D as decimal(10,2))", ["1.01"] * 4),
        ("transform(array(id), e -> e * 2)[0]", [2, 4, 6, 8]),
        ("round(1.005D, 2)", ["1.01"] * 4),
        ("cast(d as int) = 3", [True, False, False, False]),
        ("cast(d as decimal(10,1)) = 0.1", [False, False, True, False]),
        ("d / 3 = 3.333333", [False, True, False, False]),
        ("case id when 1 then 'a' else 'b' end", ["a", "b", "b", "b"]),
        ("percentile_cont(0.5) within group (order by id desc) over ()", ["2.5"] * 4),
        ("cast(dt + interval 1 month as string)", ["2024-02-01", "2024-03-29", "2024-04-30", "2024-07-30"]),
        ("date_format(dt, 'yyyy-MM')", ["2024-01", "2024-02", "2024-03", "2024-06"]),
        ("trunc(date'9999-12-31', 'quarter')", ["9999-10-01"] * 4),
        ("array(id, 7, 8, 9)[id - 1]", [1, 7, 8, 9]),
        ("x in (x, id)", [True, True, True, True]),
        ("if(id > 1, null, id) / (id - 2)", ["-1.0", None, None, None]),
        ("if(id > 1, null, id) % (id - 2)", [0, None, None, None]),
        ("sum(if(id > 9, i, null)) over () / count(if(id > 9, i, null)) over ()", [None] * 4),
        ("cast(cast(concat(' ', dt, if(id = 2, 'T12:30', ' ')) as date) as string)", ["2024-01-01", "2024-02-29", "2024-03-31", "2024-06-30"]),
        ("id != 2 and 6 / (id - 2) > 1", [False, False, True, True]),
        ("not (id = 2 or 6 / (id - 2) > 1)", [True, False, False, False]),
        ("if(id = 2, null, 6 % (id - 2) = 0)", [True, None, True, True]),
        ("case when id = 2 then true when id > 2 then 6 / (id - 2) > 4 end", [None, True, True, False]),
        ("sign(concat(' ', id, ' '))", ["1.0"] * 4),
        ("count(*) over (order by id range between 1 preceding and current row)", [1, 2, 2, 2]),
    ],
)  # fmt: skip
def test_an_answer_is_the_same_on_both_engines(engine: Engine, expression: str, expected: list[Any]) -> None:
    found = answer(engine, f"select {expression} from t order by id")
    assert [one if isinstance(one, bool | int | None) else str(one) for one in found] == expected


@pytest.mark.parametrize(
    "expression", ["i + i", "sum(b) over ()", "b * 2", "cast('1.5' as int)", "transform(array(i), e -> e + e)"]
)
def test_what_does_not_fit_stops_the_query(engine: Engine, expression: str) -> None:
    with pytest.raises(EngineError):
        engine.attempt(lambda: answer(engine, f"select {expression} from t order by id"))


@pytest.mark.parametrize(
    ("expression", "fact", "part"),
    [
        ("1 + sum(big)", "can have more than 38 digits", "sum"),
        ("i + big * 2", "can have more than 38 digits", "big * 2"),
        ("percentile_approx(i, 0.5)", "percentile_approx is an estimate", "percentile_approx"),
        ("uper(s)", "uper is not a function", "uper"),
        ("s rlike '(?=a)'", "groups such as", "s rlike '(?=a)'"),
        ("s rlike s", "is not a text", "s rlike s"),
        ("split(s, '')", "matches the empty text", "split"),
        ("dt - dt", "is an interval", "dt - dt"),
        ("substring(s, 0, 2)", "not a literal from 1", "s, 0, 2"),
        ("upper('it''s')", "written as two quotes", "'it''s'"),
        ("if(i > 1, i, 'none')", "where a number is expected", "i > 1, i, 'none'"),
        ("round(d, i)", "are not a literal", "round"),
        ("row_number() over (partition by i)", "without an order", "row_number() over (partition by i"),
        ("i + 9999999999999999999", "greater than any bigint", "9999999999999999999"),
        ("i > 'abc'", "where a number is expected", "i > 'abc'"),
        ("dt > 'abc'", "where a date is expected", "dt > 'abc'"),
        ("i / 0", "of a number by 0", "i / 0"),
        ("coalesce(i, 1 % 0)", "of a number by 0", "1 % 0"),
        ("s rlike '[('", "cannot be read", "s rlike '[('"),
        ("regexp_extract(s, '(l)', 2)", "group 2 of the pattern", "regexp_extract"),
        ("split_part(s, ',', 0)", "part 0", "split_part"),
        ("element_at(array(i), 0)", "at position 0", "element_at"),
        ("mode() within group (order by d)", "mode of decimal", "mode() within group (order by d"),
        ("lower(cast(s as binary))", "lower of binary", "lower"),
        ("try_make_timestamp(2024, 2, i, 1, 2, 3)", "try_make_timestamp", "try_make_timestamp"),
    ],
)  # fmt: skip
def test_what_the_embedded_engine_cannot_compute_is_refused_with_its_place(
    expression: str, fact: str, part: str
) -> None:
    (problem,) = translate_expression(expression, COLUMNS).problems
    assert fact in problem.fact
    assert expression[problem.start : problem.end] == part
    assert problem.cause
    assert problem.remedy


def test_an_unknown_type_is_refused_only_where_all_columns_are_known() -> None:
    columns = COLUMNS | {"z": None}
    assert translate_expression("z + 1", columns, complete=False).problems == ()
    assert "not known" in translate_expression("z + 1", columns).problems[0].fact


def test_what_needs_no_change_is_sent_as_it_was_written() -> None:
    text = "select  upper(s) -- as it is\n from t where s = 'a'"
    from vertebra.spark_sql.translate import translate_query

    assert translate_query(text, {"t": COLUMNS}).text == text


def test_a_rule_keeps_its_own_arithmetic() -> None:
    assert translate_functions("i + i", COLUMNS).text == "i + i"
    assert "DAYOFWEEK" in translate_functions("weekday(dt) = 6", COLUMNS).text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select id as p, p + 1 as q, q * 2 as r from t order by id", [(1, 2, 4), (2, 3, 6), (3, 4, 8), (4, 5, 10)]),
        ("select * except (i, b, d, dt, x, s) from t order by id", [(1,), (2,), (3,), (4,)]),
        ("from t select id where id = 1", [(1,)]),
        ("select id, sum(i) from t where id > 9 group by rollup(id)", []),
        ("select id from t where id = 1 union all select b from t where id = 1", [(1,), (9000000000000000000,)]),
        ("select null as e union all select dt from t where id = 1", None),
    ],
)
def test_a_query_gives_the_same_rows_on_both_engines(engine: Engine, query: str, expected: list[Any] | None) -> None:
    rows = engine.session.sql(ROWS)
    translation = engine.translate_query(query, {"t": rows})
    assert not translation.problems, translation.problems
    rows.createOrReplaceTempView("t")
    found = [tuple(row) for row in engine.session.sql(translation.text).collect()]
    assert expected is None or sorted(found) == expected


def test_a_frame_beyond_the_edge_of_an_integer_stops_the_query(engine: Engine) -> None:
    text = "select sum(1) over (order by -2147483648 + id - id range between 1 preceding and current row) from t"
    with pytest.raises(EngineError):
        engine.attempt(lambda: answer(engine, text))
