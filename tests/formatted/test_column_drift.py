"""Columns that come, go and are renamed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vertebra.declare.dataset import Dataset
from vertebra.errors import DriftError
from vertebra.formatted.drift import match_columns
from vertebra.lake.batches import Batch, batches
from vertebra.lake.catalog import Lake


@pytest.fixture
def batch(land: Callable, lake: Lake) -> Callable[..., Batch]:
    """A batch with columns of these names."""

    def make(*columns: str) -> Batch:
        land(1, {column: ["1"] for column in columns})
        return batches(lake.landing, "test", "cells")[0]

    return make


def test_columns_are_read_by_their_source_whatever_its_name(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    odd = ["Codi Districte", 'a.b"c`d', "Demanda_ocupació", "_record_"]
    land(1, {name: [str(place)] for place, name in enumerate(odd)})
    land(2, {"CODI": ["9"], odd[1]: ["8"], odd[2]: ["7"], odd[3]: ["6"]})
    columns = {f"c{place}": {"type": "int", "source": name} for place, name in enumerate(odd)}
    columns["c0"]["source"] = ["CODI", odd[0]]
    # one column of the payload may become two
    columns["again"] = {"type": "string", "source": odd[1]}
    outcome = formatted(declared(columns))
    assert not outcome.facts.columns_ignored
    assert [list(row.values())[1:] for row in rows()] == [[0, 1, 2, 3, "1"], [9, 8, 7, 6, "8"]]


def test_undeclared_columns_are_left_out_and_reported(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    land(1, {"a": ["1"], "new": ["x"], "Other": ["y"]})
    outcome = formatted(declared({"a": "int"}))
    assert outcome.facts.columns_ignored == ("new", "Other")
    assert list(rows()[0]) == ["_rid", "a"]


def test_missing_columns_are_null_where_that_is_declared(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    # YAML reads an unquoted null as no value
    dataset = declared({"a": "int", "b": "double"}, drift={"missing": None})
    land(1, {"a": ["1"], "b": ["2"]})
    land(2, {"a": ["3"]})
    outcome = formatted(dataset)
    assert outcome.facts.columns_missing == ("b",)
    assert [row["b"] for row in rows()] == [2.0, None]


def test_a_column_that_no_batch_ever_had_is_an_error_with_near_names(
    declared: Callable, land: Callable, formatted: Callable
) -> None:
    dataset = declared({"a": "int", "b": {"type": "int", "source": "valeu"}}, drift={"missing": "null"})
    land(1, {"a": ["1"], "value": ["2"]})
    with pytest.raises(DriftError, match="has ever had the column 'valeu' of b") as caught:
        formatted(dataset)
    assert "write source: value in datasets/cells.yaml" in caught.value.remedy
    land(2, {"a": ["1"], "valeu": ["2"]})
    assert formatted(dataset).rows == 2


def test_the_first_source_a_batch_has_is_taken(declared: Callable, batch: Callable) -> None:
    dataset = declared({"a": {"type": "int", "source": ["x", "y"]}})
    match = match_columns(dataset, batch("y", "x"))
    assert match.sources == {"a": "x"}
    assert match.extra == ("y",)


@pytest.mark.parametrize(
    ("wanted", "present", "line"),
    [
        ("codi_districte", "CODI_DISTRICTE", "codi_districte: {type: int, source: [codi_districte, CODI_DISTRICTE]}"),
        ("codi_districte", "Codi districte", 'source: [codi_districte, "Codi districte"]'),
        ("demanda_ocupacio", "Demanda_ocupació", 'source: [demanda_ocupacio, "Demanda_ocupació"]'),
        ("dep_time", "DepTime", "source: [dep_time, DepTime]"),
        ("sched_dep_time", "schd_dep_time", "source: [sched_dep_time, schd_dep_time]"),
    ],
)  # fmt: skip
def test_a_renamed_column_is_recognised_in_the_remedy(
    wanted: str, present: str, line: str, declared: Callable, batch: Callable
) -> None:
    with pytest.raises(DriftError) as caught:
        match_columns(declared({wanted: "int"}), batch(present, "other"))
    assert caught.value.fact == f"batch 1 has no column {wanted!r}"
    assert "drift: {missing: fail}" in caught.value.cause
    assert line in caught.value.remedy
    assert "datasets/cells.yaml" in caught.value.remedy


def test_the_remedy_for_undeclared_columns_can_be_pasted(declared: Callable, batch: Callable) -> None:
    import yaml

    dataset: Dataset = declared({"a": "int"}, drift={"extra": "fail"})
    with pytest.raises(DriftError) as caught:
        match_columns(dataset, batch("a", "new", "Àrea (m²)", "2nd", "no"))
    remedy = caught.value.remedy
    lines = remedy.partition("under columns: ")[2].partition(", or leave")[0].split("; ")
    columns: dict[str, Any] = {}
    for line in lines:
        columns |= yaml.safe_load(line)
    pasted = declared({"a": "int"} | columns, drift={"extra": "fail"})
    assert len(pasted.columns) == 5


def test_drift_stops_the_step_before_anything_is_written(
    declared: Callable, land: Callable, formatted: Callable, lake: Lake
) -> None:
    land(1, {"a": ["1"]})
    land(2, {"b": ["1"]})
    with pytest.raises(DriftError, match="batch 2"):
        formatted(declared({"a": "int"}))
    assert not lake.table("formatted.cells").exists()
