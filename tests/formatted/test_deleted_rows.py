"""Rows of an upserted dataset that were deleted at the source: kept, removed by a snapshot, or marked by a column."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from effort import examples
from vertebra.engine import Engine
from vertebra.errors import LakeError
from vertebra.formatted.format import format_dataset
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.retractions import Retraction, record_retraction
from vertebra.lake.batches import RECORDS_PER_BATCH
from vertebra.lake.catalog import Lake

ONE, TWO, THREE, FOUR = (number * RECORDS_PER_BATCH for number in (1, 2, 3, 4))
COLUMNS = {"k": "int", "v": "string"}
WHOLE: dict[str, Any] = {"load": "upsert", "key": ["k"], "deleted": "by snapshot"}
MARKED: dict[str, Any] = {"load": "upsert", "key": ["k"], "deleted": {"column": "op", "values": ["D"]}}


def noted(ledgers: Ledgers) -> list[tuple[int, int | None, int, str]]:
    rows = ledgers.read("superseded").sort_by([("rid", "ascending"), ("replaced_by_batch", "ascending")]).to_pylist()
    return [(row["rid"], row["replaced_by"], row["replaced_by_batch"], row["action"]) for row in rows]


def test_a_snapshot_removes_the_keys_that_it_lacks(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, ledgers: Ledgers
) -> None:
    dataset = declared(COLUMNS, **WHOLE)
    land(1, {"k": ["1", "2", "NA"], "v": ["a", "b", "c"]})
    formatted(dataset)
    land(2, {"k": ["1", "3"], "v": ["A", "d"]})
    facts = formatted(dataset).facts
    assert (facts.records_replaced, facts.records_deleted, facts.records_repeated) == (1, 2, 0)
    assert [row["_rid"] for row in rows()] == [TWO, TWO + 1]
    assert noted(ledgers) == [(ONE, TWO, 2, "replaced"), (ONE + 1, None, 2, "deleted"), (ONE + 2, None, 2, "deleted")]
    land(3, {"k": ["1", "2", "3"], "v": ["A", "b", "d"]})
    facts = formatted(dataset).facts
    assert (facts.records_replaced, facts.records_deleted, facts.records_repeated) == (0, 0, 2)
    assert [row["_rid"] for row in rows()] == [THREE, THREE + 1, THREE + 2]
    formatted(dataset, full_refresh=True)
    assert [row["_rid"] for row in rows()] == [THREE, THREE + 1, THREE + 2]


def test_a_retracted_snapshot_deletes_nothing(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, ledgers: Ledgers
) -> None:
    from datetime import UTC, datetime

    dataset = declared(COLUMNS, **WHOLE)
    land(1, {"k": ["1", "2"], "v": ["a", "b"]})
    land(2, {"k": ["1"], "v": ["a"]})
    formatted(dataset)
    assert [row["k"] for row in rows()] == [1]
    record_retraction(ledgers, Retraction(datetime.now(UTC), "ada", "retract", "test", "cells", 2, "cut off"))
    formatted(dataset)
    assert [row["_rid"] for row in rows()] == [ONE, ONE + 1]
    assert noted(ledgers) == []


def test_a_source_that_returns_to_an_earlier_state_has_its_rows_again(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    dataset = declared(COLUMNS, **WHOLE)
    for number, keys in enumerate((["1", "2"], ["1"], ["1", "2"]), 1):
        digest = str(len(keys)) * 64
        land(number, {"k": keys, "v": ["a"] * len(keys)}, url=f"file:day-{number}.csv", sha256=digest)
        formatted(dataset)
        assert [row["k"] for row in rows()] == [int(key) for key in keys]


@pytest.mark.parametrize("place", ["part", "period"])
def test_a_batch_is_a_snapshot_of_its_part_or_period(
    place: str, declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    dataset = declared(COLUMNS, **WHOLE)
    for number, (value, keys) in enumerate((("x", ["1", "2"]), ("y", ["3", "4"]), ("x", ["1"]), ("y", ["4"])), 1):
        land(number, {"k": keys, "v": [value] * len(keys)}, **{place: value})
        formatted(dataset)
    assert [row["_rid"] for row in rows()] == [THREE, FOUR]


def test_a_late_older_snapshot_deletes_nothing(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    dataset = declared(COLUMNS, version="file.name", **WHOLE)
    land(1, {"k": ["1", "2"], "v": ["a", "b"]}, url="file:2026-02.csv")
    formatted(dataset)
    land(2, {"k": ["1", "3"], "v": ["old", "gone"]}, url="file:2026-01.csv")
    formatted(dataset)
    assert [(row["_rid"], row["v"]) for row in rows()] == [(ONE, "a"), (ONE + 1, "b")]


def test_a_marked_record_removes_the_row_and_a_later_one_restores_it(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, ledgers: Ledgers
) -> None:
    dataset = declared(COLUMNS | {"op": "string"}, **MARKED)
    land(1, {"k": ["1", "2", "3"], "v": ["a", "b", "c"], "op": ["I", "I", "NA"]})
    formatted(dataset)
    land(2, {"k": ["2", "NA", "9"], "v": ["NA", "z", "NA"], "op": ["D", "D", "D"]})
    facts = formatted(dataset).facts
    assert (facts.records_replaced, facts.records_deleted) == (0, 1)
    assert [row["_rid"] for row in rows()] == [ONE, ONE + 2, TWO + 1]  # a record without a key deletes nothing
    assert noted(ledgers) == [
        (ONE + 1, TWO, 2, "deleted"),
        (TWO, None, 2, "marks deleted"),
        (TWO + 2, None, 2, "marks deleted"),
    ]
    land(3, {"k": ["2"], "v": ["again"], "op": ["I"]})
    formatted(dataset)
    assert [row["_rid"] for row in rows()] == [ONE, ONE + 2, TWO + 1, THREE]
    formatted(dataset, full_refresh=True)
    assert [row["_rid"] for row in rows()] == [ONE, ONE + 2, TWO + 1, THREE]


def test_a_boolean_column_needs_no_values(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    columns = COLUMNS | {"gone": {"type": "boolean", "true_values": ["yes"], "false_values": ["no"]}}
    dataset = declared(columns, load="upsert", key=["k"], deleted={"column": "gone"})
    land(1, {"k": ["1", "2", "3"], "v": ["a", "b", "c"], "gone": ["yes", "no", "NA"]})
    formatted(dataset)
    assert [row["k"] for row in rows()] == [2, 3]


@pytest.mark.parametrize("deleted", ["by snapshot", {"column": "op", "values": ["D"]}])
@pytest.mark.parametrize("version", [None, "file.name", "at"])
def test_formatting_batch_by_batch_equals_formatting_all_at_once(
    deleted: Any, version: str | None, declared: Callable, land: Callable, lake: Lake, sail: Engine, context: Callable
) -> None:
    """Against the simplest oracle: every batch, one after the other or in declared order, into a dict."""
    name = itertools.count()

    batches = st.lists(
        st.lists(st.tuples(st.integers(1, 3), st.sampled_from("ab"), st.sampled_from("IID"), st.integers(1, 2))),
        min_size=1,
        max_size=4,
    )

    @given(batches, st.randoms())
    @settings(
        max_examples=examples(fast=8, thorough=40),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def check(found: list[list[tuple[int, str, str, int]]], random: Any) -> None:
        columns = COLUMNS | {"op": "string", "at": "int"}
        dataset = declared(columns, name=f"d{next(name)}", load="upsert", key=["k"], deleted=deleted, version=version)
        files = list(range(len(found)))
        random.shuffle(files)
        for number, file in enumerate(files, 1):
            texts = {
                "k": [str(one[0]) for one in found[file]],
                "v": [one[1] for one in found[file]],
                "op": [one[2] for one in found[file]],
                "at": [str(one[3]) for one in found[file]],
            }
            land(number, texts, dataset=dataset.name, url=f"file:{file}.csv")
            if random.random() < 0.6 or number == len(files):
                format_dataset(dataset, context(f"formatted.{dataset.name}", engine=sail))
        table = lake.table(f"formatted.{dataset.name}").arrow().to_table().to_pylist()
        order = sorted(files) if version == "file.name" else files
        newest: dict[int, tuple[Any, tuple[int, str, str, int]]] = {}
        for file in order:
            for place, record in enumerate(found[file]):
                at = record[3] if version == "at" else 0
                rank = file if version is not None else files.index(file)
                if record[0] not in newest or newest[record[0]][0] <= (at, rank, place):
                    newest[record[0]] = ((at, rank, place), record)
        if deleted == "by snapshot":
            there = {record[0] for record in found[order[-1]]}
            expected = {record[:2] for _, record in newest.values() if record[0] in there}
        else:
            expected = {record[:2] for _, record in newest.values() if record[2] != "D"}
        assert {(row["k"], row["v"]) for row in table} == expected

    check()


def test_a_batch_of_what_was_new_removes_nothing(declared: Callable, land: Callable, formatted: Callable) -> None:
    land(1, {"k": ["1"], "v": ["a"]}, cursor="1")
    with pytest.raises(LakeError, match="batch 1 of cells is no whole snapshot"):
        formatted(declared(COLUMNS, **WHOLE))


@pytest.mark.parametrize("deleted", ["retract", "snapshot", {"by": "snapshot", "column": "op"}, {"values": ["D"]}])
def test_other_forms_are_refused(deleted: Any, declared: Callable) -> None:
    with pytest.raises(ValidationError, match="deleted"):
        declared(COLUMNS, load="upsert", key=["k"], deleted=deleted)
