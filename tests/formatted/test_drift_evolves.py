"""``drift: evolve``: what a source adds becomes a column of the table; and what ragged records become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from formatted.conftest import land_table
from vertebra.errors import DriftError
from vertebra.formatted.why import row_origin
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.step_facts import FormattedFacts
from vertebra.lake.catalog import Lake


def test_a_new_column_is_text_from_its_batch_on_and_null_before_and_after(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, lake: Lake
) -> None:
    dataset = declared({"a": "int"}, drift="evolve")
    land(1, {"a": ["1"]})
    assert not formatted(dataset).facts.columns_added
    land(2, {"a": ["2"], "Nova columna": ["007"]})
    assert formatted(dataset).facts.columns_added == ("nova_columna",)
    land(3, {"a": ["3"], "b.c": ["NA"]})
    outcome = formatted(dataset)
    assert outcome.facts == FormattedFacts(batches=1, cells_rejected=0, columns_added=("b_c",))
    expected = [
        {"a": 1, "nova_columna": None, "b_c": None},
        {"a": 2, "nova_columna": "007", "b_c": None},
        {"a": 3, "nova_columna": None, "b_c": None},
    ]
    assert [{name: row[name] for name in expected[0]} for row in rows()] == expected
    assert lake.table("formatted.cells").version() >= 2

    formatted(dataset, full_refresh=True)
    assert [{name: row[name] for name in expected[0]} for row in rows()] == expected


@pytest.mark.parametrize("load", ["snapshot", "upsert"])
def test_it_evolves_however_it_is_loaded(
    load: str, declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    dataset = declared({"k": "int", "a": "int"}, drift="evolve", load=load, key=["k"])
    land(1, {"k": ["1", "2"], "a": ["1", "1"]})
    formatted(dataset)
    land(2, {"k": ["2", "3"], "a": ["2", "2"], "new": ["x", "y"]})
    formatted(dataset)
    found = [(row["k"], row["a"], row["new"]) for row in rows()]
    assert found == ([(1, 1, None)] if load == "upsert" else []) + [(2, 2, "x"), (3, 2, "y")]


def test_names_are_made_that_no_column_has(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    land(1, {"a": ["1"], "Á": ["x"], "b-c": ["y"], "B c": ["w"], "2nd": ["z"]})
    formatted(declared({"a": "int"}, drift="evolve"))
    assert rows()[0] == {"_rid": 10**10, "a": 1, "a_2": "x", "b_c": "y", "b_c_2": "w", "c_2nd": "z"}


def test_a_cell_of_such_a_column_is_explained(
    declared: Callable, land: Callable, formatted: Callable, lake: Lake, ledgers: Ledgers
) -> None:
    dataset = declared({"a": "int"}, drift="evolve")
    land(1, {"a": ["1"], "New one": [" x "]})
    formatted(dataset)
    cell = row_origin(dataset, lake, ledgers, 10**10, "new_one").cells["new_one"]
    assert (cell.source, cell.raw, cell.value) == ("New one", " x ", " x ")


def test_drift_is_in_the_ledger_even_when_the_batch_is_refused(
    declared: Callable, land: Callable, formatted: Callable, ledgers: Ledgers
) -> None:
    land(1, {"a": ["1"]})
    land(2, {"a": ["1"], "new": ["x"]})
    with pytest.raises(DriftError, match="batch 2 has undeclared columns: 'new'"):
        formatted(declared({"a": "int"}, drift="fail"))
    (row,) = ledgers.read("drift").to_pylist()
    assert (row["dataset"], row["kind"], row["column_name"], row["first_batch"], row["policy"]) == (
        "cells", "added", "new", 2, "fail",
    )  # fmt: skip
    formatted(declared({"a": "int", "new": "string"}, drift={"missing": "null"}))
    assert [row["kind"] for row in ledgers.read("drift").to_pylist()] == ["missing"]


def test_a_ragged_record_is_a_row_of_nulls_and_in_the_ledger_with_its_text(
    declared: Callable, formatted: Callable, rows: Callable, rejected: Callable, lake: Lake, ledgers: Ledgers
) -> None:
    cells: dict[str, Any] = {"a": ["1", None, "3"], "b": ["x", None, "z"], "_ragged": [None, "2,y,?", None]}
    table = pa.table({"_record": pa.array(range(3), pa.int64())} | {n: pa.array(c, pa.string()) for n, c in cells.items()})  # fmt: skip
    land_table(lake.landing, "test", "cells", 1, table, ragged=1)
    dataset = declared({"a": "int", "b": "string"})
    assert formatted(dataset).facts.cells_rejected == 1
    assert [(row["a"], row["b"]) for row in rows()] == [(1, "x"), (None, None), (3, "z")]
    (row,) = rejected()
    assert (row["rid"], row["column_name"], row["raw"]) == (10**10 + 1, "_ragged", "2,y,?")
    (step,) = row_origin(dataset, lake, ledgers, 10**10 + 1, "a").cells["a"].steps
    assert "too few or too many cells" in step
