"""Every refusal says what to write instead, and the page for users says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vertebra.spark_sql.alternatives import alternative
from vertebra.spark_sql.recorded import recorded_functions
from vertebra.spark_sql.translate import translate_expression, translate_query
from vertebra.spark_sql.types import parse_type

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sql-support.md"
GOOD, BAD = ("equal", "rewritten", "fails"), ("differs", "refuses", "refused", "invalid")
COLUMNS = {
    "x": parse_type("double"),
    "i": parse_type("int"),
    "s": parse_type("string"),
    "m": parse_type("map<string,int>"),
}


def signatures(entry: dict[str, Any], outcomes: tuple[str, ...]) -> list[tuple[str, ...]]:
    literal = entry.get("by_literal", {})
    return [
        *(tuple(types) for outcome in outcomes for types in entry.get(outcome, ())),
        *(tuple(types) for outcome in outcomes for types, _ in literal.get(outcome, ())),
    ]


def test_each_function_that_is_refused_has_an_alternative() -> None:
    functions = recorded_functions()
    refused = [name for name, entry in functions.items() if signatures(entry, BAD)]
    without = [
        name for name in refused if alternative(name, signatures(functions[name], GOOD)).startswith("compute it in a")
    ]
    assert len(refused) > 100
    assert not without


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("initcap(s)", "write upper(left(x, 1)) and lower(substring(x, 2, 100))"),
        ("time_bucket(interval 1 hour, cast(s as timestamp))", "write date_trunc('hour', x)"),
        ("approx_count_distinct(i)", "write count(distinct i)"),
        ("round(x, -1)", "write round(x, 2)"),
        ("to_json(m)", "concat(…)"),
        ("zip_with(array(i), array(i), (a, b) -> a + b)", "write transform(sequence(0, size(x) - 1)"),
    ],
)
def test_a_refusal_says_what_to_write_instead(text: str, instead: str) -> None:
    (problem,) = translate_expression(text, COLUMNS).problems
    assert instead in problem.remedy


@pytest.mark.parametrize(
    ("query", "fact", "instead"),
    [
        ("select i from t qualify row_number() over (order by i) = 1", "QUALIFY", "where r = 1"),
        ("select i, count(*) from t group by all", "GROUP BY ALL", "group by a, b"),
        ("from t |> where i = 1", "the operator |>", "select … from"),
        ("select i, i in (select i from t) from t", "a subquery of IN", "exists"),
        ("select x from t except all select x from t", "except all of floats", "without all"),
        ("select distinct m from t", "select distinct of map", "map_keys"),
        ("select i from t where i", "the condition of where is int", "x != 0"),
        ("select upper(str => s) from t", "the argument str by its name", "without names"),
        (
            "select sum(i) over (order by s range between 1 preceding and current row) from t",
            "of string",
            "an interval",
        ),
        ("select (select max(b.i) from t b where b.x = t.x) from t", "tied to its query", "left join"),
        ("select i from t union all select s from t", "the column i is int in one part and string", "cast it in both"),
    ],
)
def test_syntax_that_only_apache_spark_has_is_refused_with_an_alternative(query: str, fact: str, instead: str) -> None:
    problem = translate_query(query, {"t": COLUMNS}).problems[0]
    assert fact in problem.fact
    assert instead in problem.remedy


def test_the_page_says_the_same_words() -> None:
    page = PAGE.read_text("utf-8")
    for heading in ("Equal", "Rewritten", "Refused, and what to write instead", "Only Apache Spark"):
        assert f"\n## {heading}\n" in page
    for name in ("initcap", "time_bucket", "zip_with"):
        assert alternative(name, ()).removeprefix("write ") in page
