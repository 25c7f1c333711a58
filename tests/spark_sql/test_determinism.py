"""Queries whose result is another one in each run are refused, on both engines; run_time() and run_date() are not."""

from __future__ import annotations

import re

import pytest

from vertebra.declare.sql_text import one_query
from vertebra.spark_sql.determinism import nondeterministic, of_function, run_functions


@pytest.mark.parametrize(
    ("expression", "marked", "remedy"),
    [
        ("current_date()", "current_date", r"run_date\(\)"),
        ("current_date", "current_date", r"run_date\(\)"),
        ("Now()", "now", r"run_time\(\)"),
        ("current_timestamp", "current_timestamp", r"run_time\(\)"),
        ("localtimestamp()", "localtimestamp", r"run_time\(\)"),
        ("datediff(current_date(), d)", "current_date", r"run_date\(\)"),
        ("date'today'", "'today'", r"run_date\(\)"),
        ("timestamp' NOW '", "' now '", r"run_time\(\)"),
        ("cast('yesterday' as date)", "'yesterday'", r"run_date\(\)"),
        ("to_date('tomorrow')", "to_date('tomorrow'", r"run_date\(\)"),
        ("rand()", "rand", "xxhash64"),
        ("random(3)", "random(3", "xxhash64"),
        ("uuid()", "uuid", "xxhash64"),
        ("shuffle(array(1, 2))", "shuffle(array(1, 2", "xxhash64"),
        ("monotonically_increasing_id()", "monotonically_increasing_id", "xxhash64"),
        ("version()", "version", "write the value"),
    ],
)
def test_what_differs_in_each_run_is_refused_with_what_to_write(expression: str, marked: str, remedy: str) -> None:
    sql = f"select d,\n  {expression} as x from trusted.t"
    [problem] = nondeterministic(one_query(sql, "v.sql"), sql)
    assert sql[problem.start : problem.end].lower() == marked
    assert re.search(remedy, problem.remedy)


@pytest.mark.parametrize(
    "expression",
    ["now", "t.version", "run_time()", "unix_timestamp(d)", "'today'", "cast(today as date)", "to_date('2024-01-01')"],
)
def test_what_depends_on_the_row_alone_is_allowed(expression: str) -> None:
    sql = f"select {expression} as x from trusted.t"
    assert list(nondeterministic(one_query(sql, "v.sql"), sql)) == []


def test_a_sample_of_a_table_is_refused() -> None:
    sql = "select d from trusted.t tablesample (10 percent)"
    [problem] = nondeterministic(one_query(sql, "v.sql"), sql)
    assert problem.fact.startswith("TABLESAMPLE")


def test_a_time_without_argument_is_the_clock() -> None:
    assert of_function("unix_timestamp", 0)
    assert of_function("unix_timestamp", 1) is None


def test_run_functions_are_found_in_any_case() -> None:
    assert run_functions(one_query("select Run_Time() x, run_date() y, run_time(a) z from trusted.t", "v")) == (
        "run_date",
        "run_time",
    )
