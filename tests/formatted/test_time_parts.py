"""Dates and times in several cells, and 24:00."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from vertebra.declare.dataset import Dataset
from vertebra.formatted.why import row_origin
from vertebra.lake.batches import RECORDS_PER_BATCH

ONE = RECORDS_PER_BATCH


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_date_and_time_of_several_cells(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable, lake: Any, ledgers: Any
) -> None:
    dataset: Dataset = declared(
        {
            "a": {
                "type": "timestamp", "source": {"date": ["Datum", "D"], "time": "Uhrzeit"}, "format": "dd.MM.yyyy HH:mm",
                "zone": "Europe/Berlin",
            },
            "b": {"type": "timestamp", "source": {"year": "Y", "month": "M", "day": "T", "hour": "H"}},
            "c": {"type": "date", "source": {"month": "M", "year": "Y"}},
            "d": {"type": "timestamp", "source": {"date": "iso", "hour": "H", "minute": "N"}},
            "e": {"type": "timestamp", "source": {"date": "iso", "time": "clock"}, "format": "yyyy-MM-dd h:mm a"},
        },
        drift={"missing": "fail"},
    )  # fmt: skip
    land(
        1,
        {
            "Datum": ["31.03.2024", " 31.12.2024", "31.03.2024", "NA", "30.02.2024", None],
            "Uhrzeit": ["01:30", "24:00 ", "02:30", "01:00", "01:00", "01:00"],
            "Y": ["2024", "2024", "2024", "", "2024", "24"], "M": ["3", "12", "13", "1", "02", "1"],
            "T": ["1", "31", "1", "1", "30", "1"], "H": ["7", "24", "0", "1", "25", "1"], "N": ["5", "0", "60", "1", "x", " 1"],
            "iso": ["2024-03-01", "2024-12-31", "2024-01-01", "2024-1-1", "2024-01-01", "2024-01-01"],
            "clock": ["1:05 pm", "12:00 AM", "12:30 PM", "13:00 PM", "noon", "2:00 am"],
        },
    )  # fmt: skip
    formatted(dataset)
    found = rows()
    assert [row["a"] for row in found] == [at("2024-03-31T00:30"), at("2024-12-31T23:00"), None, None, None, None]
    assert [row["b"] for row in found] == [at("2024-03-01T07:00"), at("2025-01-01"), None, None, None, None]
    assert [row["c"] for row in found] == [date(2024, 3, 1), date(2024, 12, 1), None, None, date(2024, 2, 1), None]
    assert [row["d"] for row in found] == [
        at("2024-03-01T07:05"), at("2025-01-01"), None, None, None, at("2024-01-01T01:01"),
    ]  # fmt: skip
    assert [row["e"] for row in found] == [
        at("2024-03-01T13:05"), at("2024-12-31"), at("2024-01-01T12:30"), None, None, at("2024-01-01T02:00"),
    ]  # fmt: skip
    reasons = {(cell["record"], cell["column_name"]): (cell["raw"], cell["reason"]) for cell in rejected()}
    assert reasons[2, "a"] == (
        "31.03.2024 02:30",
        "does not exist in Europe/Berlin: the clocks were turned forward (received as Datum and D and Uhrzeit)",
    )
    assert reasons[4, "a"][0] == "30.02.2024 01:00"
    assert reasons[4, "b"] == ("2024-02-30 25", "is not a valid date and time (received as Y and M and T and H)")
    assert reasons[3, "d"][0] == "2024-1-1 1:1"
    assert not {(3, "a"), (3, "b"), (3, "c"), (5, "a")} & reasons.keys()  # a part is NULL
    cell = row_origin(dataset, lake, ledgers, ONE + 1, "a").cells["a"]
    assert cell.received == {"Datum": " 31.12.2024", "Uhrzeit": "24:00 "}
    assert "Datum and Uhrzeit were joined to '31.12.2024 24:00'" in cell.steps
    assert "one of the cells has no value" in row_origin(dataset, lake, ledgers, ONE + 3, "a").cells["a"].steps[0]


def test_repeated_hours_of_several_cells_and_small_batches(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    dataset = declared(
        {
            "at": {"type": "timestamp", "source": {"date": "D", "time": "T"}, "zone": "Europe/Berlin"},
            "k": "string", "date": {"type": "string", "source": "T"},
        },
        load="upsert", key=["k", "at"],
    )  # fmt: skip
    for batch in (1, 2):  # two small ones are gathered
        times = ["01:00", "02:00", "02:00", "03:00"]
        land(batch, {"D": ["2024-10-27"] * 4, "T": times, "k": [str(batch)] * 4})
    formatted(dataset)
    hours = [at(f"2024-10-26T{hour}") for hour in ("23:00",)] + [
        at(f"2024-10-27T{hour}:00") for hour in ("00", "01", "02")
    ]
    assert [row["at"] for row in rows()] == hours * 2


def test_24_00_is_the_midnight_that_ends_the_day(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    dataset = declared(
        {
            "a": {"type": "timestamp", "zone": "Europe/Berlin"},
            "b": {"type": "timestamp", "format": "dd.MM.yyyy H:mm[:ss]", "zone": "Europe/Berlin"},
            "c": {"type": "date", "format": "dd.MM.yyyy HH:mm", "round": True},
            "d": {"type": "date", "format": "dd.MM.yyyy HH:mm"},
        }
    )
    land(
        1,
        {
            "a": ["2016-11-02 24:00", "2016-10-29T24:00:00.000", "2016-11-02T24:00Z", "2016-11-02 24:01", "9999-12-31T24:00Z"],
            "b": ["02.11.2016 24:00", "29.02.2016 24:00:00", "30.02.2016 24:00", "02.11.2016 24:00:01", "31.12.2016 24:00"],
            "c": ["31.12.2016 24:00", "31.12.2016 23:59", None, None, None],
            "d": ["31.12.2016 24:00", "31.12.2016 00:00", None, None, None],
        },
    )  # fmt: skip
    formatted(dataset)
    found = rows()
    assert [row["a"] for row in found] == [at("2016-11-02T23:00"), at("2016-10-29T22:00"), at("2016-11-03"), None, None]
    assert [row["b"] for row in found] == [
        at("2016-11-02T23:00"),
        at("2016-02-29T23:00"),
        None,
        None,
        at("2016-12-31T23:00"),
    ]
    assert [row["c"] for row in found[:2]] == [date(2017, 1, 1), date(2016, 12, 31)]
    assert [row["d"] for row in found[:2]] == [None, date(2016, 12, 31)]
    assert len(rejected()) == 5
    assert rejected()[-1]["reason"].startswith("is outside of the years")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"type": "int", "source": {"date": "d", "time": "t"}}, "is a date or timestamp, and the type is int"),
        ({"type": "date", "source": {"date": "d", "time": "t"}}, "a date has no time; declare type: timestamp"),
        ({"type": "timestamp", "source": {"time": "t"}}, "the cells have no date"),
        ({"type": "timestamp", "source": {"date": "d", "year": "y"}}, "two ways to say the same"),
        ({"type": "timestamp", "source": {"year": "y", "hour": "h"}}, "hour without date or day"),
        ({"type": "timestamp", "source": {"date": "d", "hours": "h"}}, "hours"),
        ({"type": "timestamp", "source": {"date": ""}}, "date is the name of a column"),
    ],
)
def test_cells_that_make_no_time_are_refused(declared: Callable, column: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        declared({"at": column})
