"""Schedules: the moments they have, in any zone, whoever looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vertebra.declare.dataset import Dataset
from vertebra.declare.schedule import Schedule, checked_schedule, checked_zone

START = datetime(2026, 3, 27, 12, tzinfo=UTC)
TEXTS = ["@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly", "0 6 * * mon-fri", "*/20 3 1,15 * *",
         "30 2 * * *", "0 0 L * *", "15 min", "6 hours", "7 days"]  # fmt: skip
ZONES = ["UTC", "Europe/Madrid", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
moments = st.datetimes(datetime(2012, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))


def dataset(**collect: str) -> Dataset:
    about = {"name": "a", "source": "s", "parse": {"format": "csv"}, "columns": {}}
    return Dataset.model_validate(about | {"collect": {"from": "files", "path": "a.csv"} | collect})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@hourly", "2026-03-27 13:00"), ("@daily", "2026-03-28 00:00"), ("@weekly", "2026-03-29 00:00"),
        ("@monthly", "2026-04-01 00:00"), ("@quarterly", "2026-04-01 00:00"), ("@yearly", "2027-01-01 00:00"),
        ("0 6 * * mon-fri", "2026-03-30 06:00"), ("15 min", "2026-03-27 12:15"), ("6 hours", "2026-03-27 18:00"),
    ],
)  # fmt: skip
def test_the_next_moment(text: str, expected: str) -> None:
    assert Schedule(checked_schedule(text)).next(START) == datetime.fromisoformat(f"{expected}+00:00")


def test_the_clock_of_cron_is_that_of_its_zone() -> None:
    madrid = Schedule("0 6 * * *", "Europe/Madrid")
    at = [f"{moment:%d %H:%M}" for moment in madrid.between(START, START + timedelta(days=3))]
    assert at == ["28 05:00", "29 04:00", "30 04:00"], "summer time begins on the 29th"


def test_a_moment_that_the_clock_skips_comes_right_after_and_one_it_repeats_comes_once() -> None:
    madrid = Schedule("30 2 * * *", "Europe/Madrid")
    assert f"{madrid.next(datetime(2026, 3, 28, 12, tzinfo=UTC)):%d %H:%M}" == "29 01:00"
    autumn = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert len(madrid.between(autumn, autumn + timedelta(days=1))) == 1


@settings(deadline=None)
@given(st.sampled_from(TEXTS), st.sampled_from(ZONES), moments, st.lists(st.integers(0, 10**6), max_size=5))
def test_however_often_one_looks_each_moment_is_seen_once(
    text: str, zone: str, start: datetime, pauses: list[int]
) -> None:
    """Looking at any times in between gives the same moments as looking once at the end."""
    schedule = Schedule(text, zone)
    looks = [start]
    for pause in pauses:
        looks.append(looks[-1] + timedelta(seconds=pause))
    seen = [moment for after, until in pairwise(looks) for moment in schedule.between(after, until, 10**6)]
    at_once = schedule.between(start, looks[-1], 10**6)
    assert seen == at_once
    assert seen == sorted(set(seen))
    assert all(start < moment <= looks[-1] for moment in seen)


@settings(deadline=None)
@given(st.sampled_from(["@daily", "0 6 * * *", "15 9 * * *"]), st.sampled_from(ZONES), moments)
def test_a_daily_schedule_has_one_moment_on_each_day_of_its_zone(text: str, zone: str, start: datetime) -> None:
    found = Schedule(text, zone).between(start, start + timedelta(days=40))
    days = [moment.astimezone(ZoneInfo(zone)).date() for moment in found]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("@fortnightly", "there is no schedule '@fortnightly'"),
        ("every day", "is not a schedule"),
        ("30 s", "at most one moment a minute"),
        ("61 * * * *", "the minute of the schedule"),
        ("0 0 30 2 *", "the day-of-month of the schedule"),
        ("* * * * * *", "five fields"),
        ("", "is not a schedule"),
    ],
)
def test_what_is_no_schedule_is_refused_with_what_to_write(text: str, fact: str) -> None:
    with pytest.raises(ValueError, match=fact) as told:
        checked_schedule(text)
    assert "minute" in str(told.value) or "cron" in str(told.value)


def test_a_dataset_declares_its_schedule_and_zone() -> None:
    assert dataset().collect.schedule is None
    assert str(dataset(every="@daily").collect.schedule) == "@daily"
    assert str(dataset(every="@daily", zone="Europe/Madrid").collect.schedule) == "@daily Europe/Madrid"
    for wrong in ({"zone": "Europe/Madrid"}, {"every": "daily"}, {"every": "@daily", "zone": "Mars/Olympus"}):
        with pytest.raises(ValueError):
            dataset(**wrong)
    assert checked_zone("Europe/Madrid") == "Europe/Madrid"
