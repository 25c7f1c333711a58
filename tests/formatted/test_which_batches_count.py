"""Which batches count, which of two records with one key is kept, and what is recorded of the others."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effort import examples
from vertebra.declare.dataset import FILE_VERSIONS as DECLARED
from vertebra.engine import Engine
from vertebra.formatted.format import format_dataset
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.retractions import Retraction, record_retraction
from vertebra.lake.batches import RECORDS_PER_BATCH
from vertebra.lake.effective_batches import FILE_VERSIONS

ONE, TWO, THREE = (number * RECORDS_PER_BATCH for number in (1, 2, 3))
UPSERT: dict[str, Any] = {"load": "upsert", "key": ["k"]}
COLUMNS = {"k": "int", "v": "string"}


def test_versions_by_file_are_those_that_can_be_declared() -> None:
    assert tuple(FILE_VERSIONS) == DECLARED


def test_bytes_that_were_received_before_undo_no_correction(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    dataset = declared(COLUMNS, **UPSERT)
    land(1, {"k": ["1", "2"], "v": ["wrong", "b"]}, url="file:a.csv", sha256="a" * 64)
    land(2, {"k": ["1"], "v": ["right"]}, url="file:a-corrected.csv", sha256="b" * 64)
    formatted(dataset)
    land(3, {"k": ["1", "2"], "v": ["wrong", "b"]}, url="file:a (1).csv", sha256="a" * 64)
    outcome = formatted(dataset)
    assert outcome.facts.batches_left_out == 1
    assert [(row["_rid"], row["v"]) for row in rows()] == [(ONE + 1, "b"), (TWO, "right")]


def test_a_file_that_lands_again_after_another_load_mode_counts_once(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    land(1, {"k": ["1"], "v": ["a"]}, url="file:a.csv", sha256="a" * 64)
    land(2, {"k": ["1"], "v": ["a"]}, url="file:a.csv", sha256="a" * 64, part="file:a.csv")
    land(3, {"k": ["1"], "v": ["a"]}, url="file:b.csv", sha256="a" * 64)
    formatted(declared(COLUMNS))
    assert [row["_rid"] for row in rows()] == [ONE, THREE]  # two files of equal bytes are two files


@pytest.mark.parametrize(("load", "warned"), [("append", 1), ("snapshot", 1), ("upsert", 0)])
def test_files_are_named_that_may_count_twice(
    load: str, warned: int, declared: Callable, land: Callable, formatted: Callable
) -> None:
    dataset = declared(COLUMNS, load=load, key=["k"])
    for number, (name, digest, values) in enumerate([("a", "a", ["x"]), ("b", "a", ["x"]), ("c", "c", [])], 1):
        columns = {"k": ["1" for _ in values], "v": values}
        land(number, columns, url=f"file:{name}.csv", part=f"file:{name}.csv", sha256=digest * 64)
    warnings = formatted(dataset).facts.warnings
    assert len(warnings) == warned
    assert all("batch 2 (file:b.csv) has the bytes of batch 1 (file:a.csv)" in one for one in warnings)
    land(4, {"k": [], "v": []}, url="file:d.csv", part="file:d.csv", sha256="c" * 64)
    assert formatted(dataset).facts.warnings == (warnings if load == "snapshot" else ())
    land(5, {"k": ["2"], "v": ["y"]}, url="file:b.csv", part="file:b.csv", sha256="e" * 64)
    (*changed,) = formatted(dataset).facts.warnings
    assert len(changed) == (load == "append")
    assert all("batch 5 has file:b.csv again, which has changed since batch 2" in one for one in changed)


def test_batches_under_another_source_are_named(declared: Callable, land: Callable, formatted: Callable) -> None:
    land(1, {"k": ["1"], "v": ["a"]})
    assert formatted(declared(COLUMNS)).facts.warnings == ()
    land(1, {"k": ["2"], "v": ["b"]}, source="renamed")
    (warning,) = formatted(declared(COLUMNS, source="renamed")).facts.warnings
    assert "1 batch of cells landed under the source test, which do not count; next:" in warning


def test_an_address_that_returns_to_earlier_bytes_has_changed(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    for number, (value, digest) in enumerate([("a", "a"), ("b", "b"), ("a", "a"), ("b", "b")], 1):
        land(number, {"k": ["1"], "v": [value]}, url="file:prices.csv", sha256=digest * 64)
        formatted(declared(COLUMNS, **UPSERT))
        assert [(row["_rid"], row["v"]) for row in rows()] == [(number * RECORDS_PER_BATCH, value)]


@pytest.mark.parametrize("load", ["append", "upsert"])
def test_equal_answers_to_other_questions_all_count(
    load: str, declared: Callable, land: Callable, formatted: Callable
) -> None:
    """An incremental source, or one with parts or periods, may give equal bytes that mean something else."""
    places = [{"cursor": "1"}, {"cursor": "2"}, {"part": "station=A"}, {"part": "station=B"}, {"period": "2026-01"}]
    for number, place in enumerate(places, 1):
        land(number, {"k": ["1"], "v": ["a"]}, url="https://s/", sha256="a" * 64, **place)
    outcome = formatted(declared(COLUMNS, load=load, key=["k"]))
    assert (outcome.facts.batches, outcome.facts.batches_left_out) == (len(places), 0)


def test_of_one_version_from_one_address_the_later_one_wins(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    source = {"from": "http", "url": "https://s/"}
    dataset = declared(COLUMNS | {"at": "date"}, version="at", collect=source, **UPSERT)
    for number, value in enumerate("cab", 1):
        land(number, {"k": ["1"], "v": [value], "at": ["2026-01-01"]}, url=f"https://s/?since={11 - number}")
        formatted(dataset)
    assert [row["v"] for row in rows()] == ["b"]


def test_replaced_records_are_counted_and_kept_in_the_ledger(
    declared: Callable, land: Callable, formatted: Callable, ledgers: Ledgers
) -> None:
    dataset = declared(COLUMNS, **UPSERT)
    land(1, {"k": ["1", "2", "1", "NA"], "v": ["a", "b", "c", "d"]})
    facts = formatted(dataset).facts
    assert (facts.records_replaced, facts.replaced_in_batch, facts.records_repeated) == (1, 1, 0)
    land(2, {"k": ["2", "1", "NA"], "v": ["b", "e", "d"]})
    facts = formatted(dataset).facts
    assert (facts.records_replaced, facts.replaced_in_batch, facts.records_repeated) == (1, 0, 1)

    def superseded() -> list[tuple[int, int]]:
        rows = ledgers.read("superseded").sort_by("rid").to_pylist()
        assert all(row["batch"] == row["rid"] // RECORDS_PER_BATCH for row in rows)
        assert all(row["replaced_by_batch"] == row["replaced_by"] // RECORDS_PER_BATCH for row in rows)
        return [(row["rid"], row["replaced_by"]) for row in rows]

    assert superseded() == [(ONE, ONE + 2), (ONE + 2, TWO + 1)]
    formatted(dataset, full_refresh=True)
    assert superseded() == [(ONE, TWO + 1), (ONE + 2, TWO + 1)]
    formatted(declared(COLUMNS))
    assert superseded() == []


def test_the_higher_version_wins_whichever_batch_it_came_in(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    dataset = declared(COLUMNS | {"at": "date"}, version="at", **UPSERT)
    land(1, {"k": ["1", "2"], "v": ["new", "old"], "at": ["2026-02-01", "2026-01-01"]})
    formatted(dataset)
    land(2, {"k": ["1", "2", "3"], "v": ["late", "new", "only"], "at": ["2026-01-01", "2026-02-01", "NA"]})
    formatted(dataset)
    land(3, {"k": ["3", "2"], "v": ["dated", "undated"], "at": ["2026-01-01", "NA"]})
    formatted(dataset)
    assert {row["k"]: row["v"] for row in rows()} == {1: "new", 2: "new", 3: "dated"}


MOMENTS = [datetime(2026, 1, day, tzinfo=UTC).isoformat() for day in range(1, 4)]


@st.composite
def files(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Files with records of few keys, versions and values, so that there are ties of every kind."""
    cell = st.sampled_from(["1", "2", "3"])
    found = []
    for number in range(draw(st.integers(1, 4))):
        count = draw(st.integers(1, 3))
        found.append(
            {
                "columns": {name: draw(st.lists(cell, min_size=count, max_size=count)) for name in ("k", "v", "at")},
                "sha256": draw(st.sampled_from([f"{number:064x}", "f" * 64])),
                "url": f"file:{number}.csv",
                "headers": {"modified": draw(st.sampled_from(MOMENTS))},
                "period": None,
            }
        )
    same = next((one for one in found if one["sha256"] == "f" * 64), None)
    for one in found:
        if same is not None and one["sha256"] == same["sha256"]:
            one["columns"] = same["columns"]  # equal bytes are equal records
    return found


NUMBERS = itertools.count()


@pytest.mark.parametrize("version", ["at", "file.time", "file.name"])
@settings(
    max_examples=examples(fast=5, thorough=20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_order_and_grouping_gives_the_same_table_where_a_version_is_declared(
    data: st.DataObject,
    version: str,
    declared: Callable,
    land: Callable,
    context: Callable,
    sail: Engine,
    rows: Callable,
) -> None:
    given_files = data.draw(files())

    def table(ordered: list[dict[str, Any]], cuts: set[int]) -> set[tuple[Any, ...]]:
        name = f"cells_{next(NUMBERS)}"
        dataset = declared({"k": "int", "v": "int", "at": "int"}, name=name, version=version, **UPSERT)
        for number, file in enumerate(ordered, 1):
            land(number, file["columns"], dataset=name, **{key: file[key] for key in file if key != "columns"})
            if number in cuts or number == len(ordered):
                format_dataset(dataset, context(f"formatted.{name}", engine=sail))
        return {(row["k"], row["v"], row["at"]) for row in rows(name)}

    at_once = table(given_files, set())
    shuffled = data.draw(st.permutations(given_files))
    cuts = data.draw(st.sets(st.integers(1, len(given_files))))
    assert table(list(shuffled), cuts) == at_once


def test_of_files_of_equal_bytes_the_first_by_name_counts(
    declared: Callable, land: Callable, context: Callable, sail: Engine, rows: Callable
) -> None:
    """Found by chance: the one that came first counted, and its name decided between equal versions."""
    files = [("0.csv", "1", "0" * 64), ("1.csv", "2", "f" * 64), ("2.csv", "1", "2" * 64), ("3.csv", "2", "f" * 64)]
    for number, ordered in enumerate((files, [files[3], files[1], files[2], files[0]])):
        name = f"ties_{number}"
        dataset = declared({"k": "int", "v": "int", "at": "int"}, name=name, version="at", **UPSERT)
        for place, (file, value, sha256) in enumerate(ordered, 1):
            columns = {"k": ["1"], "v": [value], "at": ["1"]}
            land(place, columns, dataset=name, sha256=sha256, url=f"file:{file}", headers={"modified": MOMENTS[0]})
        format_dataset(dataset, context(f"formatted.{name}", engine=sail))
        assert [row["v"] for row in rows(name)] == [1]


def retract(ledgers: Ledgers, batch: int, action: Any = "retract") -> None:
    at = datetime(2026, 1, 20, tzinfo=UTC)
    record_retraction(ledgers, Retraction(at, "ada", action, "test", "cells", batch, "the wrong file"))


@pytest.mark.parametrize("load", ["append", "snapshot", "upsert"])
def test_a_retracted_batch_counts_no_more_until_it_is_restored(
    load: str, declared: Callable, land: Callable, formatted: Callable, rows: Callable, ledgers: Ledgers
) -> None:
    dataset = declared(COLUMNS, load=load, key=["k"])
    land(1, {"k": ["1", "2"], "v": ["a", "b"]})
    formatted(dataset)
    without = rows()
    land(2, {"k": ["1", "x"], "v": ["wrong", "cell"]})
    formatted(dataset)
    with_it = rows()
    assert with_it != without
    retract(ledgers, 2)
    formatted(dataset)
    assert rows() == without
    assert ledgers.read("rejects").num_rows == ledgers.read("superseded").num_rows == 0
    assert formatted(dataset).facts.batches == 0
    retract(ledgers, 2, "restore")
    formatted(dataset)
    assert rows() == with_it


@pytest.mark.parametrize("load", ["append", "snapshot", "upsert"])
def test_a_table_of_which_every_batch_is_retracted_is_empty(
    load: str, declared: Callable, land: Callable, formatted: Callable, rows: Callable, ledgers: Ledgers
) -> None:
    dataset = declared(COLUMNS, load=load, key=["k"])
    land(1, {"k": ["1", "x"], "v": ["a", "b"]})
    formatted(dataset)
    retract(ledgers, 1)
    formatted(dataset)
    assert rows() == []
    assert ledgers.read("rejects").num_rows == 0
    land(2, {"k": ["2"], "v": ["c"]})
    formatted(dataset)
    assert [row["v"] for row in rows()] == ["c"]


def test_a_snapshot_in_another_format_replaces_the_files_of_the_former_one(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    land(1, {"k": ["1"], "v": ["a"]}, part="file:a.csv", parse={"format": "csv"})
    land(2, {"k": ["1"], "v": ["a"]}, part="file:a.jsonl", parse={"format": "jsonl"})
    formatted(declared(COLUMNS, load="snapshot"))
    assert [row["_rid"] for row in rows()] == [TWO]
