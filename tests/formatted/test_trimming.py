"""Blanks around texts: strings keep them unless ``trim`` is declared, and a run says what trimming did."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from vertebra.formatted.why import row_origin
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.batches import RECORDS_PER_BATCH
from vertebra.lake.catalog import Lake
from vertebra.report.step_facts import phrases

CODES = ["A1", "A1 ", " A1"]


def test_keys_that_differ_by_blanks_stay_apart(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    land(1, {"code": CODES, "v": ["1", " 2 ", "3"]})
    outcome = formatted(declared({"code": "string", "v": "int"}, load="upsert", key=["code"]))
    assert [(row["code"], row["v"]) for row in rows()] == [("A1", 1), ("A1 ", 2), (" A1", 3)]
    assert (outcome.facts.cells_trimmed, outcome.facts.keys_merged) == ((), 0)


def test_a_run_counts_trimmed_cells_and_names_the_keys_that_became_equal(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, lake: Lake, ledgers: Ledgers
) -> None:
    columns = {"code": "string", "day": "int", "note": {"type": "string", "trim": False}}
    about = {"parse": {"format": "csv", "trim": True}, "load": "upsert", "key": ["code", "day"]}
    dataset = declared(columns, **about)
    land(1, {"code": [*CODES, "B", "C "], "day": ["1", "1", "1 ", "1", "1"], "note": [" x ", None, "", "", "y"]})
    first = formatted(dataset)
    assert first.facts.cells_trimmed == (("code", 3),)
    assert first.facts.merged == ("code 'A1', day 1 (written ' A1', 'A1' and 'A1 ')",)
    assert "1 key merged by trimming: code 'A1', day 1 (written" in "; ".join(phrases(first.facts))

    # what the table has is compared as it was written, also where the new text has no blanks
    land(2, {"code": ["C", "A1\u00a0", " A1", "D"], "day": ["1", "2", "1", "1"], "note": ["z", "z", "z", "z"]})
    second = formatted(dataset)
    assert second.facts.cells_trimmed == (("code", 2),)
    assert (second.facts.keys_merged, second.facts.merged) == (1, ("code 'C', day 1 (written 'C' and 'C ')",))
    assert [(row["code"], row["day"], row["note"]) for row in rows()] == [
        ("B", 1, ""), ("C", 1, "z"), ("A1", 2, "z"), ("A1", 1, "z"), ("D", 1, "z"),
    ]  # fmt: skip
    cell = row_origin(dataset, lake, ledgers, 2 * RECORDS_PER_BATCH + 1, "code").cells["code"]
    assert (cell.raw, cell.value, cell.steps[0]) == ("A1\u00a0", "A1", "trimmed")

    again = formatted(dataset, full_refresh=True)
    assert (again.facts.keys_merged, again.facts.cells_trimmed) == (2, (("code", 5),))


def test_typed_formats_keep_empty_and_blank_text(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    dataset = declared(
        {"id": "int", "t": "string", "n": {"type": "int", "source": "t"}, "e": {"type": "int", "source": "t", "null": [""]}},
        parse={"format": "jsonl"},
    )  # fmt: skip
    land(1, {"id": ["1", "2", "3", "4"], "t": ["", "  ", " 7 ", None]})
    formatted(dataset)
    assert [(row["t"], row["n"], row["e"]) for row in rows()] == [
        ("", None, None), ("  ", None, None), (" 7 ", 7, 7), (None, None, None),
    ]  # fmt: skip
    assert [(one["record"], one["column_name"], one["reason"]) for one in rejected()] == [
        (0, "n", "is empty; list '' under null if it means NULL"),
        (1, "n", "is empty; list '' under null if it means NULL"),
    ]


def test_trim_is_for_strings(declared: Callable) -> None:
    with pytest.raises(ValidationError, match="trim is for a string, and the type is int"):
        declared({"n": {"type": "int", "trim": False}})
