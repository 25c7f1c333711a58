"""Durations and sizes: the same words mean the same wherever one is declared, set or given as an option."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertebra.declare.project import Settings
from vertebra.declare.quantity import parse_duration, parse_percentage, parse_size
from vertebra.declare.schedule import checked_schedule
from vertebra.declare.update_rate import update_interval
from vertebra.declare.web_source import WebLimits
from vertebra.errors import VertebraError
from vertebra.formatting import duration, size
from vertebra.pipeline.gc_roots import age

DURATIONS = {
    "90 s": timedelta(seconds=90),
    "90s": timedelta(seconds=90),
    "120 seconds": timedelta(minutes=2),
    "10 min": timedelta(minutes=10),
    "1 minute": timedelta(minutes=1),
    "5 minutes": timedelta(minutes=5),
    "2 h": timedelta(hours=2),
    "1 hour": timedelta(hours=1),
    "12 hours": timedelta(hours=12),
    "1.5 hours": timedelta(minutes=90),
    " 60 days ": timedelta(days=60),
    "2 weeks": timedelta(days=14),
}
NOT_DURATIONS = [
    "",
    "soon",
    "10",
    "10 m",
    "1 month",
    "2 years",
    "-5 min",
    "1:30",
    "2 h 5 min",
    "1e3 s",
    "5 mins",
    "3 hs",
]


@pytest.mark.parametrize(("text", "expected"), DURATIONS.items())
def test_a_duration_is_the_same_wherever_it_is_written(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected
    assert Settings(name="x", retention=text).keep == expected
    assert age(text) == expected
    assert update_interval(text) == expected
    assert WebLimits(wait=text, time=text).wait_seconds == expected.total_seconds()
    assert checked_schedule(text) == text.strip()


@pytest.mark.parametrize("text", NOT_DURATIONS)
def test_what_is_not_a_duration_is_refused_in_one_form(text: str) -> None:
    form = "is not a duration; write a number and a unit, e.g. 90 s, 10 min or 60 days"
    for parse in (parse_duration, lambda text: Settings(name="x", retention=text), lambda text: WebLimits(time=text)):
        with pytest.raises(ValueError, match=form):
            parse(text)
    with pytest.raises(VertebraError, match="is not a duration") as refused:
        age(text)
    assert refused.value.remedy == "write a number and a unit, e.g. 90 s, 10 min or 60 days"


def test_milliseconds_and_the_longest_duration() -> None:
    assert parse_duration("250 ms") == parse_duration("250 milliseconds") == timedelta(seconds=0.25)
    assert parse_duration("36525 days") == timedelta(days=36525)
    with pytest.raises(ValueError, match="longer than 100 years"):
        parse_duration("36526 days")
    with pytest.raises(ValueError, match="longer than 100 years"):
        parse_duration("999999999999999 weeks")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("512m", 512 << 20),
        ("8g", 8 << 30),
        ("8 GiB", 8 << 30),
        ("8 GB", 8 << 30),
        ("1.5 kB", 1536),
        ("2T", 2 << 40),
        ("1024", 1024),
        ("10 b", 10),
    ],
)
def test_a_size_is_the_same_wherever_it_is_written(text: str, expected: int) -> None:
    assert parse_size(text) == expected
    assert WebLimits(size=text).size_bytes == expected
    assert Settings(name="x", memory=text).memory == text


@pytest.mark.parametrize("text", ["", "big", "8 i", "0", "0.4", "-8g", "8 gigs", "1e9", "8 g b"])
def test_what_is_not_a_size_is_refused_in_one_form(text: str) -> None:
    form = "is not a size; write a number and a unit, e.g. 512 MB or 8 GB"
    for parse in (parse_size, lambda text: Settings(name="x", memory=text), lambda text: WebLimits(size=text)):
        with pytest.raises(ValueError, match=form):
            parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (12_000, "3 h 20 min"),
    ],
)
def test_a_duration_is_shown_in_the_two_units_that_matter(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.integers(0, 10**13))
def test_a_size_is_shown_with_at_most_four_digits_up_to_a_terabyte(count: int) -> None:
    number, unit = size(count).split()
    assert unit in ("B", "kB", "MB", "GB")
    assert float(number) < 1000.05 or unit == "GB"


@pytest.mark.parametrize(("text", "expected"), {"20 %": 20, "12.5%": 12.5, " 0 % ": 0, "100 %": 100}.items())
def test_a_percentage_has_a_percent_sign(text: str, expected: float) -> None:
    assert parse_percentage(text) == expected


@pytest.mark.parametrize("text", ["20", "0.2", "-5 %", "%", "1e2 %", "a fifth"])
def test_any_other_text_is_no_percentage(text: str) -> None:
    with pytest.raises(ValueError, match="is not a percentage; write a number and %"):
        parse_percentage(text)
