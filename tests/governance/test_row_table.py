"""Rows of ledgers as Arrow tables, compared with pyarrow's own conversions."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import examples
from vertebra.governance.row_table import row_table, rows_of

_SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("share", pa.float64()),
        ("name", pa.string()),
        ("chosen", pa.bool_()),
        ("at", pa.timestamp("us", "UTC")),
        ("columns", pa.list_(pa.string())),
    ]
)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "number": st.none() | st.integers(-(2**63), 2**63 - 1),
            "share": st.none() | st.floats(allow_nan=False),
            "name": st.none() | _TEXT,
            "chosen": st.none() | st.booleans(),
            "at": st.none()
            | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=-30))])),
            "columns": st.none() | st.lists(st.none() | _TEXT, max_size=3),
        },
    ),
    max_size=4,
)


@settings(max_examples=examples(fast=60, thorough=1000))
@given(_ROWS)
def test_the_table_and_the_rows_are_those_of_pyarrow(rows: list[dict[str, Any]]) -> None:
    expected = pa.Table.from_pylist(rows, schema=_SCHEMA)
    made = row_table(rows, _SCHEMA)
    assert made.schema.equals(_SCHEMA)
    assert made.equals(expected)
    assert rows_of(made) == expected.to_pylist()


def test_a_row_may_be_longer_than_a_block_of_the_json_reader() -> None:
    rows = [{"name": "x" * (3 << 20)}, {"name": "y"}]
    assert row_table(rows, _SCHEMA).column("name").to_pylist() == [row["name"] for row in rows]


def test_nan_is_a_value() -> None:
    assert str(row_table([{"share": float("nan")}], _SCHEMA).column("share").to_pylist()) == "[nan]"


@pytest.mark.parametrize(
    "row", [{"colour": "red"}, {"number": 1.5}, {"number": 2**63}, {"chosen": "yes"}, {"at": "soon"}]
)
def test_what_has_no_place_in_the_columns_is_an_error(row: dict[str, Any]) -> None:
    with pytest.raises(pa.ArrowInvalid):
        row_table([row], _SCHEMA)
