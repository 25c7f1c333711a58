"""Local times that occur twice when clocks are turned back: the order in the file or the declaration tells them apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from effort import examples
from vertebra.engine import Engine
from vertebra.formatted.format import format_dataset

ZONE = "Europe/Copenhagen"
NUMBERS = itertools.count()


def clock(**more: Any) -> dict[str, Any]:
    return {"type": "timestamp", "format": "yyyy-MM-dd HH:mm", "zone": ZONE} | more


def instants(texts: list[str], zone: str = ZONE) -> list[datetime]:
    """The instants of local times, of which a trailing ``*`` marks the second of two."""
    return [
        datetime.fromisoformat(text.rstrip("*")).replace(tzinfo=ZoneInfo(zone), fold=int("*" in text)).astimezone(UTC)
        for text in texts
    ]


LOCAL = ["2019-10-27 01:00", "2019-10-27 02:00", "2019-10-27 02:30", "2019-10-27 02:00*", "2019-10-27 02:30*", "2019-10-27 03:00"]  # fmt: skip
TEXTS = [text.rstrip("*") for text in LOCAL]


@pytest.mark.parametrize("load", ["append", "upsert", "snapshot"])
def test_the_order_in_the_file_tells_two_hours_apart(
    load: str, declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    dataset = declared({"at": clock(), "v": "int"}, load=load, key=["at"])
    land(1, {"at": TEXTS, "v": list("123456")})
    formatted(dataset)
    assert [row["at"] for row in rows()] == instants(LOCAL)
    assert rejected() == []


def test_each_series_of_a_file_has_an_order_of_its_own(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    dataset = declared({"device": "string", "at": clock()}, key=["device", "at"])
    two, three = "2019-10-27 02:00", "2019-10-27 03:00"
    land(1, {"device": list("ABABCABDD"), "at": [two, three, two, two, two, three, two, two, two]})
    land(2, {"device": ["C"], "at": [two]})
    formatted(dataset)
    first, second, third = instants(["2019-10-27 02:00", "2019-10-27 02:00*", three])
    assert [(row["device"], row["at"]) for row in rows()] == [
        ("A", first), ("B", third), ("A", second), ("B", second), ("C", None), ("A", third), ("B", first), ("D", None),
        ("D", None), ("C", None),
    ]  # fmt: skip
    # of C there is one record in each file, and nothing tells whether the records of D ascend
    assert {cell["reason"] for cell in rejected()} == {
        "occurs twice in Europe/Copenhagen, when the clocks are turned back, and the file does not tell which "
        "hour it is; declare repeated: first, or second"
    }
    assert [(cell["batch"], cell["record"]) for cell in rejected()] == [(1, 4), (1, 7), (1, 8), (2, 0)]


@pytest.mark.parametrize("minutes", [15, 30, 60])
@pytest.mark.parametrize("descending", [False, True])
def test_a_file_may_begin_with_its_newest_record(
    minutes: int, descending: bool, declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    begin = datetime(2019, 10, 26, 22, tzinfo=UTC)
    wanted = [begin + timedelta(minutes=minutes * step) for step in range(6 * 60 // minutes)]
    wanted = wanted[::-1] if descending else wanted
    land(1, {"at": [f"{one.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M}" for one in wanted]})
    formatted(declared({"at": clock()}, key=["at"]))
    assert [row["at"] for row in rows()] == wanted


@settings(
    max_examples=examples(fast=8, thorough=40),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(data=st.data())
def test_a_part_of_a_series_is_read_rightly_or_rejected(
    data: st.DataObject, declared: Callable, land: Callable, context: Callable, sail: Engine, rows: Callable
) -> None:
    """Some series of one file, each upwards or downwards and from any record to any other."""
    devices, wanted = [], []
    for device in range(12):
        minutes = data.draw(st.sampled_from([10, 30, 60]))
        begin = datetime(2019, 10, 26, 23, tzinfo=UTC) + timedelta(minutes=10 * data.draw(st.integers(0, 12)))
        series = [begin + timedelta(minutes=minutes * step) for step in range(data.draw(st.integers(1, 14)))]
        if data.draw(st.booleans()):
            series.reverse()
        devices += [str(device)] * len(series)
        wanted += series
    name = f"cells_{next(NUMBERS)}"
    dataset = declared({"device": "string", "at": clock()}, name=name, key=["device", "at"])
    texts = [f"{one.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M}" for one in wanted]
    land(1, {"device": devices, "at": texts}, dataset=name)
    format_dataset(dataset, context(f"formatted.{name}", engine=sail))
    found = [row["at"] for row in rows(name)]
    assert [(one, right) for one, right in zip(found, wanted, strict=True) if one not in (None, right)] == []
    assert all(one is not None for one, text in zip(found, texts, strict=True) if " 02:" not in text)


def test_without_a_key_the_order_says_nothing(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    land(1, {"at": ["2019-10-27 02:00", "2019-10-27 02:00", "2019-10-27 04:00"]})
    formatted(declared({"at": clock()}))
    assert [row["at"] is None for row in rows()] == [True, True, False]
    assert all("is not part of a key" in cell["reason"] for cell in rejected())
    assert len(rejected()) == 2


@pytest.mark.parametrize(("repeated", "marked"), [("first", ""), ("second", "*")])
def test_a_column_may_say_which_hour_it_means(
    repeated: str, marked: str, declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    land(1, {"at": TEXTS})
    formatted(declared({"at": clock(repeated=repeated)}))
    wanted = [text + marked if " 02:" in text else text for text in TEXTS]
    assert [row["at"] for row in rows()] == instants(wanted)


def test_all_of_them_may_be_rejected(
    declared: Callable, land: Callable, formatted: Callable, rejected: Callable
) -> None:
    land(1, {"at": TEXTS})
    formatted(declared({"at": clock(repeated="reject")}, key=["at"]))
    assert [cell["record"] for cell in rejected()] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("zone", "start"),
    [(ZONE, "2019-10-26T00:00"), (ZONE, "2019-03-30T00:00"), ("America/New_York", "2013-11-02T00:00"), ("Australia/Lord_Howe", "2019-04-06T00:00")],
)  # fmt: skip
def test_every_half_hour_around_a_change_of_clocks_is_the_instant_of_python(
    zone: str, start: str, declared: Callable, land: Callable, formatted: Callable, rows: Callable
) -> None:
    begin = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    wanted = [begin + timedelta(minutes=30 * step) for step in range(120)]
    texts = [f"{one.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" for one in wanted]
    land(1, {"at": texts})
    formatted(declared({"at": clock(zone=zone)}, key=["at"]))
    assert [row["at"] for row in rows()] == wanted


def test_it_is_for_timestamps_with_a_zone(declared: Callable) -> None:
    with pytest.raises(ValidationError, match="repeated is for a timestamp with a zone"):
        declared({"at": {"type": "timestamp", "repeated": "first"}})
