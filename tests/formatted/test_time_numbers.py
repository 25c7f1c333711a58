"""Times that are numbers: since 1970, or days as Excel counts them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_numbers_since_1970_and_days_of_excel(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    dataset = declared(
        {
            "s": {"type": "timestamp", "format": "epoch seconds"},
            "ms": {"type": "timestamp", "format": "epoch milliseconds"},
            "us": {"type": "timestamp", "format": "epoch microseconds", "round": True},
            "x": {"type": "timestamp", "format": "excel", "zone": "Europe/Berlin"},
            "d": {"type": "date", "format": "excel"},
            "r": {"type": "date", "format": "excel", "round": True},
        }
    )
    land(
        1,
        {
            "s": ["0", "1577836800.5", "-1.25", "1577836800.1234567", "253402300800", "2020-01-01", "1e9", "NA"],
            "ms": ["1577836800000", "1577836800000.0010", "-1", "1.0001", "9" * 17, "", "x", None],
            "us": [
                "1577836800000000",
                "1.5",
                "-1.5",
                "1.4",
                "-62135596800000000",
                "9" * 17,
                "-62135596800000001",
                None,
            ],
            "x": ["43831", "43831.5", "43831.041666666664", "45382.104166666664", "60", "61", "43831,5", "2958465"],
            "d": ["43831", "43831.0", "43831.5", "60.0", "-1", "1e5", "2958466", None],
            "r": ["43831", "43831.999", None, None, None, None, None, None],
        },
    )
    formatted(dataset)
    found = rows()
    assert [row["s"] for row in found] == [
        at("1970-01-01"), at("2020-01-01T00:00:00.5"), at("1969-12-31T23:59:58.75"), *[None] * 5,
    ]  # fmt: skip
    assert [row["ms"] for row in found[:3]] == [
        at("2020-01-01"), at("2020-01-01T00:00:00.000001"), at("1969-12-31T23:59:59.999"),
    ]  # fmt: skip
    assert [row["us"] for row in found] == [
        at("2020-01-01"), at("1970-01-01T00:00:00.000002"), at("1969-12-31T23:59:59.999998"), at("1970-01-01T00:00:00.000001"),
        at("0001-01-01"), at("5138-11-16T09:46:39.999999"), None, None,
    ]  # fmt: skip
    assert [row["x"] for row in found] == [
        at("2019-12-31T23:00"), at("2020-01-01T11:00"), at("2020-01-01T00:00"), None, None, at("1900-02-28T23:00"), None,
        at("9999-12-30T23:00"),
    ]  # fmt: skip
    assert [row["d"] for row in found[:4]] == [date(2020, 1, 1), date(2020, 1, 1), None, None]
    assert [row["r"] for row in found[:2]] == [date(2020, 1, 1), date(2020, 1, 1)]
    reasons = {(cell["record"], cell["column_name"]): cell["reason"] for cell in rejected()}
    assert reasons[3, "s"].startswith("is finer than a microsecond")
    assert reasons[4, "s"].startswith("is outside of the years")
    assert reasons[5, "s"] == "is not a number of seconds"
    assert reasons[3, "x"].startswith("does not exist in Europe/Berlin")
    assert reasons[2, "d"].startswith("has a time of day")


def test_numbers_that_make_no_sense_are_refused(declared: Callable) -> None:
    for column, words in (
        ({"type": "date", "format": "epoch seconds"}, "declare type: timestamp"),
        ({"type": "timestamp", "format": "epoch seconds", "zone": "Europe/Berlin"}, "zone changes nothing"),
        ({"type": "timestamp", "format": "epoch"}, "numbers are epoch seconds, epoch milliseconds"),
    ):
        with pytest.raises(ValidationError, match=words):
            declared({"a": column})
