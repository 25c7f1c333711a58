"""Names that do not exist are answered with similar ones, and names in SQL are quoted for their engine."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from vertebra.formatting import counted, joined, percentage, shortened
from vertebra.quoting import duckdb_identifier, duckdb_text, duckdb_texts, spark_identifier
from vertebra.suggestions import did_you_mean, did_you_mean_table, nearest, similar_tables

TABLES = ["formatted.flights", "formatted.planes", "trusted.flights", "trusted.planes", "exploitation.departures"]


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1))
def test_a_quoted_name_is_one_identifier_of_its_engine(name: str) -> None:
    assert sqlglot.parse_one(f"select {spark_identifier(name)}", read="spark").selects[0].name == name
    assert duckdb.sql(f"select 1 as {duckdb_identifier(name)}").columns == [name]
    assert duckdb.sql(f"select {duckdb_text(name)}").fetchall() == [(name,)]


def test_no_value_is_null_and_several_are_separated_by_commas() -> None:
    assert duckdb_text(None) == "NULL"
    assert duckdb_texts(["it's", 1]) == "'it''s', '1'"


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("colums", "columns"),
        ("COLUMNS", "columns"),
        ("Rules", "rules"),
        ("zone", None),
        (7, None),
    ],
)
def test_the_nearest_name_is_found_whatever_its_case(word: object, found: str | None) -> None:
    assert nearest(word, ["columns", "key", "rules"]) == found
    expected = f"did you mean {found}?" if found else "look it up"
    assert did_you_mean(word, ["columns", "key", "rules"], "look it up") == expected


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("trusted.fligths", ["trusted.flights"]),
        ("flights", ["formatted.flights", "trusted.flights"]),
        ("landing.planes", ["formatted.planes", "trusted.planes"]),
        ("departure", ["exploitation.departures"]),
        ("nothing", []),
    ],
)
def test_a_table_is_found_in_other_zones_and_by_similar_names(word: str, found: list[str]) -> None:
    assert similar_tables(word, TABLES)[: len(found)] == found
    assert bool(similar_tables(word, TABLES)) == bool(found)
    expected = f"did you mean {' or '.join(similar_tables(word, TABLES))}?" if found else "vertebra ls"
    assert did_you_mean_table(word, TABLES, "vertebra ls") == expected


def test_counts_lists_and_shares_in_sentences() -> None:
    assert [counted(n, "batch", "batches") for n in (0, 1, 1200)] == ["0 batches", "1 batch", "1,200 batches"]
    assert [joined(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert [shortened("abcd", most) for most in (4, 3)] == ["a, b, c, d", "a, b, c and 1 more"]
    shares = (0, 1e-9, 0.00009, 0.0001, 0.5, 0.12345, 0.9999, 0.99999, 1)
    shown = ["0 %", "<0.01 %", "<0.01 %", "0.01 %", "50 %", "12.35 %", "99.99 %", ">99.99 %", "100 %"]
    assert [percentage(share) for share in shares] == shown
