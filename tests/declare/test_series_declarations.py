"""Series that cannot be built are refused when the project is loaded, with the line of the key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import available_timezones

import pytest

from vertebra.declare.load import load_project
from vertebra.declare.time_step import misaligned, parse_step
from vertebra.errors import DeclarationErrors

DATASET = """\
source: s
collect: {from: files, path: "drop/*.csv"}
parse: {format: csv}
columns: {device: string, at: timestamp, day: date, counter: double, status: string}
"""
SERIES = """\
series:
  from: trusted.readings
  by: device
  time: at
  step: 1 day
  zone: Europe/Madrid
  columns:
    used: {difference: counter}
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], list[str]]:
    """The errors of a project with a series, each in one text."""
    for name, text in (("vertebra.yaml", "name: p\n"), ("datasets/readings.yaml", DATASET)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "views").mkdir()

    def errors(text: str) -> list[str]:
        (tmp_path / "views" / "daily.yaml").write_text(text)
        try:
            load_project(tmp_path)
        except DeclarationErrors as error:
            return [str(one).replace(f"{tmp_path}/", "") for one in error.errors]
        return []

    return errors


def test_a_series_is_a_view_of_its_table(load: Callable[[str], list[str]], tmp_path: Path) -> None:
    assert load(SERIES) == []
    view = load_project(tmp_path).views["daily"]
    assert view.inputs == ("trusted.readings",)
    assert view.series is not None
    assert view.series.outputs == ("device", "begins", "ends", "day", "used", "used_filled")


@pytest.mark.parametrize(
    ("before", "after", "line", "told"),
    [
        ("counter}", "contr}", "8:24", "trusted.readings has no column contr"),
        ("counter}", "status}", "8:24", "difference is of numbers, and status is a string"),
        ("difference: counter", "mean: status", "8:18", "mean is of numbers, and status is a string"),
        ("counter}", "counter, modulo: status}", "8:41", "modulo is of numbers, and status is a string"),
        ("time: at", "time: counter", "4:9", "counter is a double, and the time of a record is a timestamp or date"),
        ("time: at", "time: day", "6:9", "day is a date, which is the same in all zones"),
        ("by: device", "by: [device, place]", "3:16", "trusted.readings has no column place"),
        ("trusted.readings", "trusted.reading", "2:9", "view daily reads trusted.reading, which nothing declares"),
        ("1 day", "7 minutes", "5:9", "steps of 7 minutes do not divide an hour"),
        ("1 day", "2 days", "5:9", "steps of 2 days have no natural beginning"),
        ("1 day", "daily", "5:9", "'daily' is not a step of time"),
        ("Europe/Madrid", "Madrid", "6:9", "'Madrid' is not a time zone"),
        ("zone: Europe/Madrid", "zone: {column: status}", "2:3", "each series has one zone"),
        ("difference: counter", "difference: counter, fill: zero", "8:11", "a difference is filled between readings"),
        ("difference: counter", "mean: counter, modulo: 5", "8:11", "modulo is about a counter"),
        ("difference: counter", "mean: counter, fill: linear", "8:11", "fill: linear needs up_to"),
        ("difference: counter", "mean: counter, max: counter", "8:11", "a column has one of difference, sum"),
        ("used:", "begins:", "2:3", "the column begins is for the time of steps"),
        ("by: device", "by: [device, device]", "2:3", "each once"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    load: Callable[[str], list[str]], before: str, after: str, line: str, told: str
) -> None:
    [error] = load(SERIES.replace(before, after))
    assert error.startswith(f"views/daily.yaml:{line}: "), error
    assert told in error


def test_steps_are_refused_where_clocks_move_by_a_part_of_them() -> None:
    hour, half, six, day = map(parse_step, ("1 hour", "30 min", "6 hours", "1 day"))
    assert "by 30 minutes" in str(misaligned(hour, "Australia/Lord_Howe"))
    assert misaligned(half, "Australia/Lord_Howe") is None
    assert misaligned(parse_step("2 hours"), "Antarctica/Troll") is not None
    for zone in ("Europe/Madrid", "America/New_York", "America/Havana", "Asia/Kolkata", "Africa/Casablanca", "UTC"):
        assert zone in available_timezones()
        assert [misaligned(step, zone) for step in (hour, half, six, day)] == [None] * 4


def test_a_series_has_rules_about_its_columns(load: Callable[[str], list[str]], tmp_path: Path) -> None:
    rules = "rules:\n  plausible: {deny: t.used > 50 and not t.used_filled, on_violation: fail}\n"
    assert load(SERIES + rules) == []
    view = load_project(tmp_path).views["daily"]
    assert view.rules is not None
    assert {name: column.type for name, column in view.rules.columns.items()} == {
        "begins": "timestamp", "ends": "timestamp", "day": "date", "used": "double", "used_filled": "boolean",
    }  # fmt: skip
    [error] = load(SERIES + rules.replace("t.used >", "t.use >"))
    assert error.startswith("views/daily.yaml:10:"), error
    assert "daily has no column use" in error
    assert load(SERIES + "columns: {device: {type: string, required: true}}\n") == []
