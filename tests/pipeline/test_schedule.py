"""Keeping a lake up to date: what the loop collects, in what order, and what survives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import vertebra
from pipeline.scheduling import START, World
from pipeline.tiny import edit
from portals.stand_in import standing_in
from portals.two_years import monthly_project, months, portal
from vertebra.declare.load import load_project
from vertebra.errors import DeclarationError, SelectionError
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake
from vertebra.lake.lease import lease
from vertebra.pipeline.land import last_collections
from vertebra.pipeline.schedule import next_moments


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with standing_in(portal(months(rows=40))) as running:
        yield World(monthly_project(tmp_path / "project", running.url, every="@daily", last=None), running)


def a_day(world: World, days: int = 1) -> None:
    world.clock.until = world.clock.at + timedelta(days=days)
    world.scheduler().loop()


def test_the_loop_catches_up_in_order_and_then_collects_with_each_moment(world: World) -> None:
    world.clock.at = datetime(2013, 3, 29, tzinfo=UTC)
    a_day(world, days=5)
    assert world.periods() == ["2013-01", "2013-02", "2013-03"]
    due = [line for line in world.lines() if " due flights " in line]
    assert due[0] == "2013-03-29T00:00:00Z due flights (@daily): never collected"
    assert due[1] == "2013-03-30T00:00:00Z due flights (@daily): since 2013-03-30 00:00 UTC"
    assert len(due) == 5
    assert world.lines()[0].endswith("started: 1 dataset has a schedule, the first is due now")
    assert "stopped; committed work is kept" in world.lines()[-1]
    assert all(line[:4] == "2013" and line[19] == "Z" for line in world.lines())


def test_a_loop_that_was_down_goes_on_from_what_the_lake_says(world: World) -> None:
    a_day(world)
    world.clock.at += timedelta(days=40)
    a_day(world)
    assert world.periods() == ["2013-01", "2013-02", "2013-03"]
    [missed] = [line for line in world.lines() if "missed" in line]
    assert missed.endswith("due flights (@daily): 41 moments missed since 2013-03-16 00:00 UTC")


def test_a_period_is_asked_for_once_however_many_loops_there_are(world: World) -> None:
    a_day(world)
    asked = len(world.portal.asked)
    world.clock.at = START
    for _ in range(3):
        a_day(world)
        world.clock.at = START
    assert len(world.portal.asked) == asked == 2


def test_what_is_not_published_yet_is_asked_for_until_it_is(world: World) -> None:
    march = "/PREZIP/On_Time_Reporting_Carrier_On_Time_Performance_1987_present_2013_3.zip"
    content = world.server.files.pop(march)
    world.clock.at = datetime(2013, 4, 1, tzinfo=UTC)
    published = datetime(2013, 4, 1, 7, tzinfo=UTC)
    world.clock.happens = [(published, lambda: world.server.files.update({march: content}))]
    a_day(world)
    assert world.periods() == ["2013-01", "2013-02", "2013-03"]
    asked = [one for one in world.portal.asked if one.path == march]
    assert len(asked) == 4, "at midnight, and each tenth of a day until it is there"
    assert any("not published yet: 2013-03" in line for line in world.lines())
    assert any("waiting for 2013-03" in line for line in world.lines())


def test_what_fails_is_tried_again_after_a_pause_that_grows(world: World) -> None:
    kept = dict(world.server.files)
    for path in kept:
        world.server.files[path] = b"<html>maintenance</html>"
    world.clock.happens = [(START + timedelta(hours=3), lambda: world.server.files.update(kept))]
    a_day(world)
    assert world.periods() == ["2013-01", "2013-02"]
    attempts = [line for line in world.lines() if "refused" in line and " due " in line]
    assert 7 <= len(attempts) <= 9, "after 1, 2, 4 … 128 minutes"
    assert any(line.split(" ", 1)[1].startswith("FAILED landing.flights") for line in world.lines())


def test_two_loops_collect_each_period_once(world: World) -> None:
    """The second sees that something is due and waits; when it holds the lake, it is not due any more."""
    first, second = world.scheduler(), world.scheduler()
    first._project = second._project = load_project(world.folder)
    assert first.once() is not None
    report = second.once()
    assert report is not None
    assert report.checked == 0
    assert world.periods() == ["2013-01", "2013-02"]
    assert len(world.portal.asked) == 2


def test_a_lake_that_another_run_holds_is_waited_for_and_told_once(world: World) -> None:
    # The lock is of the open file, so that another handle of this process is kept out too.
    held = lease(world.folder / "lake", "run another")
    held.__enter__()
    world.clock.happens = [(START + timedelta(minutes=10), lambda: held.__exit__(None, None, None))]
    a_day(world)
    assert world.periods() == ["2013-01", "2013-02"]
    told = [line for line in world.lines() if " waiting: " in line]
    assert len(told) == 1
    assert "is being written by run another" in told[0]


def test_declarations_are_followed_and_while_they_are_wrong_the_last_good_ones(world: World) -> None:
    wrong = lambda: edit(world.folder, "datasets/flights.yaml", "source: bts", "sauce: bts")  # noqa: E731
    right = lambda: edit(world.folder, "datasets/flights.yaml", "sauce: bts", "source: bts")  # noqa: E731
    world.clock.at = datetime(2013, 3, 31, 12, tzinfo=UTC)
    world.clock.happens = [(world.clock.at + timedelta(hours=1), wrong), (world.clock.at + timedelta(hours=20), right)]
    a_day(world)
    assert world.periods() == ["2013-01", "2013-02", "2013-03"]
    told = [line for line in world.lines() if " FAILED " in line]
    assert len(told) == 1
    assert "sauce" in told[0]


def test_a_project_that_is_wrong_from_the_start_or_a_selection_of_nothing_ends_the_loop(world: World) -> None:
    with pytest.raises(SelectionError):
        world.scheduler(["landing.flight"]).loop()
    edit(world.folder, "datasets/flights.yaml", "source: bts", "sauce: bts")
    with pytest.raises(DeclarationError):
        world.scheduler().loop()


def test_the_steps_below_run_with_a_collection_and_after_a_crash_without_one(world: World) -> None:
    """A process was killed when it had collected and not yet run the steps below."""
    a_day(world)
    world.clock.at -= timedelta(hours=1)
    with vertebra.open(world.folder) as project:
        assert project.tables() == [name for name in project.tables() if name.startswith("governance.")]
        report = world.scheduler([]).once()
        assert report is not None
        assert [result.step for result in report.results] == [
            "formatted.flights", "trusted.flights", "exploitation.by_month",
        ]  # fmt: skip
        assert report.checked == 0
        assert project.table("exploitation.by_month").rows() > 0


def test_the_next_moments_can_be_seen_before(world: World) -> None:
    rows = next_moments(load_project(world.folder), (), (), START, 3)
    assert [(f"{row['at']:%d}", row["why"]) for row in rows] == [
        ("15", "never"),
        ("16", "schedule"),
        ("17", "schedule"),
    ]


def test_how_a_collection_ended_is_on_record(world: World) -> None:
    a_day(world)
    note = last_collections(Ledgers(Lake(world.folder / "lake")))["flights"]
    assert (note.state, note.batches, note.records, note.complete_at) == ("new", 2, 80, START)


def test_a_round_that_cannot_be_done_is_told_and_tried_again(world: World) -> None:
    """Here the place of a ledger is taken by a file, as it could be by a disk that is full."""
    taken = world.folder / "lake" / "governance"
    taken.parent.mkdir()
    taken.write_text("", "utf-8")
    world.clock.happens = [(START + timedelta(hours=2), taken.unlink)]
    a_day(world)
    assert world.periods() == ["2013-01", "2013-02"]
    assert last_collections(Ledgers(Lake(world.folder / "lake")))["flights"].complete_at >= START + timedelta(hours=2)


def test_a_round_that_cannot_be_done_at_all_is_an_error_where_one_was_asked_for(world: World) -> None:
    taken = world.folder / "lake" / "governance"
    taken.parent.mkdir()
    taken.write_text("", "utf-8")
    with pytest.raises(Exception, match="governance"):
        world.scheduler().once()
