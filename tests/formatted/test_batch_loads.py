"""Append, snapshot and upsert: each batch exactly once, whatever happens in between."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from vertebra.errors import LakeError
from vertebra.formatted.digest import declaration_digest
from vertebra.formatted.format import format_dataset
from vertebra.governance.step_facts import FormattedFacts
from vertebra.lake.batches import RECORDS_PER_BATCH
from vertebra.lake.catalog import Lake
from vertebra.lake.table import LakeTable

ONE, TWO, THREE = (number * RECORDS_PER_BATCH for number in (1, 2, 3))


class DiedError(Exception):
    """Stands for a process that ends here."""


def test_append_formats_each_batch_once(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable, lake: Lake
) -> None:
    dataset = declared({"a": "int", "b": "string"})
    land(1, {"a": ["1", "x"], "b": ["p", "q"]})
    land(2, {"b": ["r"], "a": ["y"]})
    assert formatted(dataset).facts == FormattedFacts(batches=2, cells_rejected=2)
    land(3, {"a": ["3", "z"], "b": ["s", "NA"]})
    outcome = formatted(dataset)
    assert (outcome.rows, outcome.facts.batches, outcome.facts.cells_rejected) == (5, 1, 1)
    assert formatted(dataset).facts.batches == 0
    assert lake.table("formatted.cells").version() == outcome.version == 1
    assert [tuple(row.values()) for row in rows()] == [
        (ONE, 1, "p"), (ONE + 1, None, "q"), (TWO, None, "r"), (THREE, 3, "s"), (THREE + 1, None, None),
    ]  # fmt: skip
    assert [(cell["rid"], cell["raw"]) for cell in rejected()] == [(ONE + 1, "x"), (TWO, "y"), (THREE + 1, "z")]


def test_snapshot_keeps_the_latest_batch_and_its_rejects(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    dataset = declared({"a": "int"}, load="snapshot")
    land(1, {"a": ["1", "x"]})
    formatted(dataset)
    land(2, {"a": ["2", "y", "3"]})
    land(3, {"a": ["4", "z"]})
    assert formatted(dataset).facts == FormattedFacts(batches=1, cells_rejected=1)
    assert rows() == [{"_rid": THREE, "a": 4}, {"_rid": THREE + 1, "a": None}]
    assert [cell["raw"] for cell in rejected()] == ["z"]


def test_snapshot_keeps_the_latest_batch_of_each_period_and_part(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    dataset = declared({"a": "int"}, load="snapshot")
    land(1, {"a": ["0"]})
    places = [{"period": month, "part": f"station={name}"} for month in ("2013-01", "2013-02") for name in ("A", "B")]
    for number, place in enumerate(places, 2):
        land(number, {"a": [str(number), "x"]}, **place)
    assert formatted(dataset).facts == FormattedFacts(batches=4, cells_rejected=4)
    land(6, {"a": ["6"]}, **places[1])
    assert formatted(dataset).facts == FormattedFacts(batches=4, cells_rejected=3)
    assert [row["a"] for row in rows()] == [2, None, 4, None, 5, None, 6]
    assert len(rejected()) == 3
    assert formatted(dataset).facts.batches == 0


def test_upsert_keeps_the_last_record_of_each_key_and_every_row_without_one(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    dataset = declared({"k": "int", "v": "string"}, load="upsert", key=["k"])
    land(1, {"k": ["1", "2", "1", "NA", "x"], "v": ["a", "b", "c", "d", "e"]})
    formatted(dataset)
    land(2, {"k": ["2", "3", "NA"], "v": ["f", "g", "h"]})
    outcome = formatted(dataset)
    assert outcome.facts.rows_without_key == 3
    incremental = rows()
    assert [(row["_rid"], row["k"], row["v"]) for row in incremental] == [
        (ONE + 2, 1, "c"), (ONE + 3, None, "d"), (ONE + 4, None, "e"), (TWO, 2, "f"), (TWO + 1, 3, "g"), (TWO + 2, None, "h"),
    ]  # fmt: skip
    assert [cell["raw"] for cell in rejected()] == ["x"]
    formatted(dataset, full_refresh=True)
    assert rows() == incremental
    assert [cell["raw"] for cell in rejected()] == ["x"]


def test_a_changed_declaration_formats_all_batches_again_with_the_same_row_ids(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable, lake: Lake
) -> None:
    land(1, {"a": ["1", "x"], "b": ["2013-01-05", "?"]})
    land(2, {"a": ["1.5"], "b": ["2013-02-30"]})
    formatted(declared({"a": "int", "b": "string"}))
    assert len(rejected()) == 2
    changed = declared({"b": "date", "a": {"type": "double", "null": ["x"]}})
    outcome = formatted(changed)
    assert outcome.facts == FormattedFacts(batches=2, cells_rejected=2)
    assert [(row["_rid"], row["a"]) for row in rows()] == [(ONE, 1.0), (ONE + 1, None), (TWO, 1.5)]
    assert list(rows()[0]) == ["_rid", "b", "a"]
    assert [(cell["column_name"], cell["raw"]) for cell in rejected()] == [("b", "?"), ("b", "2013-02-30")]
    # the last batch stays the table's application transaction
    assert formatted(changed).facts.batches == 0
    # the earlier version is still there
    assert [row["a"] for row in rows(version=0)] == [1, None, None]
    assert lake.table("formatted.cells").transaction_version("formatted.cells") == 2


def test_records_that_were_parsed_again_are_formatted_again(
    declared: Callable, land: Callable, sail: Any, context: Callable, rows: Callable, lake: Any
) -> None:
    dataset = declared({"a": "int"})
    land(1, {"a": ["1"]})
    format_dataset(dataset, context("formatted.cells", engine=sail))
    folder = next((lake.landing / "test" / "cells").iterdir())
    shutil.rmtree(folder)
    land(1, {"a": ["1", "2"]})
    receipt = folder / "receipt.json"
    receipt.write_text(receipt.read_text().replace('"parse": {}', '"parse": {"member": "*.csv"}'))
    format_dataset(dataset, context("formatted.cells", engine=sail))
    assert [row["a"] for row in rows()] == [1, 2]


def test_a_rule_or_a_description_does_not_format_a_table_again(declared: Callable) -> None:
    plain = declared({"a": "int"}, key=["a"])
    judged = declared(
        {"a": {"type": "int", "description": "x", "required": True, "range": [1, 2], "unit": "mile"}},
        rules={"r": {"deny": "t.a > 1"}},
        tags=["x"],
    )
    assert declaration_digest(plain) == declaration_digest(judged)
    others = [
        declared({"a": "bigint"}), declared({"a": {"type": "int", "source": "A"}}), declared({"a": "int"}, null=["-"]),
        declared({"a": {"type": "int", "null": ["-"]}}), declared({"a": "int"}, load="snapshot"),
        declared({"a": "int"}, drift={"missing": None}), declared({"a": {"type": "int", "thousands": ","}}),
    ]  # fmt: skip
    digests = {declaration_digest(dataset) for dataset in (plain, *others)}
    assert len(digests) == len(others) + 1


@pytest.mark.parametrize("load", ["append", "snapshot", "upsert"])
@pytest.mark.parametrize("where", ["stage", "ledger", "commit"])
def test_a_run_that_dies_is_finished_by_the_next(
    load: str, where: str, declared: Callable, land: Callable, sail: Any, context: Callable, rows: Callable,
    rejected: Callable, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    dataset = declared({"k": "int", "a": "int"}, load=load, key=["k"] if load == "upsert" else [])

    def run(**options: Any) -> Any:
        return format_dataset(dataset, context("formatted.cells", engine=sail), **options)

    def dies(when: str, after: bool, action: Callable[[], Any]) -> None:
        """Run a step that dies at, or just after, staging, writing the ledger or committing the table."""
        with monkeypatch.context() as patch:
            _die_at(patch, when, after)
            with pytest.raises(DiedError):
                action()

    land(1, {"k": ["1", "2"], "a": ["1", "x"]})
    run()
    land(2, {"k": ["2", "3"], "a": ["y", "z"]})
    dies(where, True, run)
    # one more batch arrives before the next run, and a full refresh dies as well
    land(3, {"k": ["4", "2"], "a": ["w", "5"]})
    dies(where, False, lambda: run(full_refresh=True))
    dies(where, True, run)
    run()
    found, ledger = rows(), [(cell["rid"], cell["raw"]) for cell in rejected()]

    run(full_refresh=True)
    assert rows() == found
    assert [(cell["rid"], cell["raw"]) for cell in rejected()] == ledger
    everything = [(ONE + 1, "x"), (TWO, "y"), (TWO + 1, "z"), (THREE, "w")]
    assert ledger == (everything if load != "snapshot" else everything[3:])
    expected = {
        "append": [ONE, ONE + 1, TWO, TWO + 1, THREE, THREE + 1],
        "snapshot": [THREE, THREE + 1],
        "upsert": [ONE, TWO + 1, THREE, THREE + 1],
    }
    assert [row["_rid"] for row in found] == expected[load]


def _die_at(patch: pytest.MonkeyPatch, when: str, after: bool) -> None:
    method = "stage" if when == "stage" else "commit"
    zone = "governance" if when == "ledger" else "formatted"
    original = getattr(LakeTable, method)

    def deadly(self: LakeTable, *args: Any, **kwargs: Any) -> Any:
        hit = self.name.startswith(zone)
        if hit and not after:
            raise DiedError
        result = original(self, *args, **kwargs)
        if hit:
            raise DiedError
        return result

    patch.setattr(LakeTable, method, deadly)


def test_a_commit_that_succeeded_is_not_repeated(
    declared: Callable, land: Callable, sail: Any, context: Callable, rows: Callable, lake: Lake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    dataset = declared({"a": "int"})
    land(1, {"a": ["1"]})
    with monkeypatch.context() as patch:
        _die_at(patch, "commit", after=True)
        with pytest.raises(DiedError):
            format_dataset(dataset, context("formatted.cells", engine=sail))
    assert format_dataset(dataset, context("formatted.cells", engine=sail)).facts.batches == 0
    assert len(rows()) == 1
    assert lake.table("formatted.cells").version() == 0


def test_many_batches_are_formatted_in_few_jobs(
    declared: Callable, land: Callable, sail: Any, context: Callable, rows: Callable, rejected: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for number in range(1, 131):
        land(number, {"a": [str(number), "x"], "b": [None, "y"]})
    jobs = []
    write = type(sail).write_parquet
    monkeypatch.setattr(type(sail), "write_parquet", lambda *args: jobs.append(args) or write(*args))
    format_dataset(declared({"a": "int", "b": "string"}), context("formatted.cells", engine=sail))
    assert [row["a"] for row in rows()] == [value for n in range(1, 131) for value in (n, None)]
    assert len(rejected()) == 130
    # one for the rows, one for the rejects, one for their ledger
    assert len(jobs) == 3


def test_a_batch_without_records_is_a_batch(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    dataset = declared({"a": "int"})
    land(1, {"a": []})
    assert formatted(dataset).rows == 0
    # an empty JSON array has no columns, which is no drift
    land(2, {})
    assert formatted(dataset).facts == FormattedFacts(batches=1, cells_rejected=0)
    land(3, {"a": ["1"]})
    assert formatted(dataset).rows == 1
    assert rows() == [{"_rid": THREE, "a": 1}]


def test_reading_stops_at_the_batch_the_run_was_planned_with(
    declared: Callable, land: Callable, sail: Any, context: Callable, rows: Callable
) -> None:
    land(1, {"a": ["1"]})
    land(2, {"a": ["2"]})
    format_dataset(declared({"a": "int"}), context("formatted.cells", {"landing.cells": 1}, sail))
    assert [row["a"] for row in rows()] == [1]


def test_a_dataset_that_was_never_collected_is_an_error_with_a_remedy(
    declared: Callable, sail: Any, context: Callable
) -> None:
    with pytest.raises(LakeError, match="no batch of cells") as caught:
        format_dataset(declared({"a": "int"}), context("formatted.cells", engine=sail))
    assert caught.value.remedy == "vertebra collect cells"


@pytest.mark.parametrize("load", ["append", "snapshot", "upsert"])
def test_a_restored_table_is_formatted_again_from_all_its_batches(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, lake: Lake, load: str
) -> None:
    dataset = declared({"a": "int"}, load=load, **({"key": ["a"]} if load == "upsert" else {}))
    for number in (1, 2):
        land(number, {"a": [str(number)]})
        formatted(dataset)
    before = rows()
    lake.table("formatted.cells").restore(0)
    assert rows() != before
    formatted(dataset)
    assert rows() == before
    assert formatted(dataset).facts.batches == 0
