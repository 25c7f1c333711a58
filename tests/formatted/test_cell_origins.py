"""From a row id back to the landing record, without an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vertebra.errors import LakeError
from vertebra.formatted.format import format_dataset
from vertebra.formatted.why import row_origin
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.batches import RECORDS_PER_BATCH
from vertebra.lake.catalog import Lake


@pytest.fixture
def dataset(declared: Callable, land: Callable, sail: Any, context: Callable) -> Any:
    columns = {
        "n": {"type": "int", "source": "Number"},
        "wind": {"type": "double", "convert": {"from": "mph", "to": "km/h"}},
        "at": {"type": "timestamp", "zone": "Europe/Madrid"},
        "gone": "string",
    }
    made = declared(columns, drift={"missing": "null"}, load="upsert", key=["n"])
    land(1, {"Number": ["1", "2"], "wind": ["10", "11"], "at": ["2013-07-01 12:00:00", "NA"]})
    land(2, {"Number": ["2", " x"], "wind": ["", None], "at": ["?", "2013-07-01"]})
    land(3, {"Number": ["3"], "wind": ["1"], "at": ["NA"], "gone": ["it came late"]})
    format_dataset(made, context("formatted.cells", engine=sail))
    return made


def test_every_cell_says_how_it_was_read(dataset: Any, lake: Lake, ledgers: Ledgers) -> None:
    cells = row_origin(dataset, lake, ledgers, RECORDS_PER_BATCH).cells
    assert (cells["n"].source, cells["n"].raw, cells["n"].value) == ("Number", "1", 1)
    assert cells["wind"].value == pytest.approx(16.09344)
    assert cells["wind"].steps == ("cast to double", "converted from mph to km/h")
    assert "local time of Europe/Madrid" in cells["at"].steps[0]
    assert cells["gone"].steps == ("the batch has no column gone, so it is NULL",)


def test_a_refused_cell_says_why(dataset: Any, lake: Lake, ledgers: Ledgers) -> None:
    origin = row_origin(dataset, lake, ledgers, 2 * RECORDS_PER_BATCH + 1, "n")
    assert list(origin.cells) == ["n"]
    cell = origin.cells["n"]
    assert (cell.raw, cell.value, cell.rejected) == (" x", None, "is not a whole number")
    assert cell.steps[0] == "trimmed"
    assert row_origin(dataset, lake, ledgers, 2 * RECORDS_PER_BATCH + 1).cells["wind"].steps == (
        "the record has no value, so it is NULL",
    )


def test_a_row_that_a_later_batch_replaced_can_still_be_looked_up(dataset: Any, lake: Lake, ledgers: Ledgers) -> None:
    origin = row_origin(dataset, lake, ledgers, RECORDS_PER_BATCH + 1)
    assert not origin.in_table
    assert origin.cells["n"].raw == "2"


@pytest.mark.parametrize(
    ("rid", "column", "message"),
    [(5 * RECORDS_PER_BATCH, None, "has no row 50000000000"), (RECORDS_PER_BATCH + 9, None, "no record 9"), (RECORDS_PER_BATCH, "m", "no column m")],
)  # fmt: skip
def test_what_does_not_exist_is_said(
    rid: int, column: str | None, message: str, dataset: Any, lake: Lake, ledgers: Ledgers
) -> None:
    with pytest.raises(LakeError, match=message):
        row_origin(dataset, lake, ledgers, rid, column)
