"""When a dataset is due: from its schedule and the note of its last collection alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vertebra.declare.dataset import Dataset
from vertebra.pipeline.due import CollectionStatus, collection_status
from vertebra.pipeline.land import Collection

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def daily(every: str | None = "@daily", **collect: Any) -> Dataset:
    about = {"name": "a", "source": "s", "parse": {"format": "csv"}, "columns": {}}
    given = collect or {"from": "files", "path": "a.csv"}
    return Dataset.model_validate(about | {"collect": given | ({"every": every} if every else {})})


def ended(at: datetime, state: Any = "unchanged", complete: datetime | None = None, attempts: int = 0) -> Collection:
    complete = complete or (None if state in ("refused", "failed") else at)
    return Collection("run-1", "s", "a", at, complete, state, attempts)


def stands(last: Collection | None, now: datetime = NOON, patient: bool = False, **more: Any) -> CollectionStatus:
    return collection_status(daily(**more), last, None, now, patient)


def test_what_was_never_collected_is_due() -> None:
    found = stands(None)
    assert (found.state, found.due) == ("never", True)


def test_without_a_schedule_nothing_is_due() -> None:
    assert not stands(None, every=None).due
    assert not stands(ended(NOON - 400 * DAY), every=None).due


def test_a_collection_answers_for_the_moments_before_it() -> None:
    found = stands(ended(NOON - timedelta(hours=11)))
    assert (found.state, found.due, found.next_at) == ("ok", False, datetime(2026, 1, 16, tzinfo=UTC))


def test_one_moment_is_due_and_several_are_late() -> None:
    assert stands(ended(NOON - DAY)).state == "due"
    found = stands(ended(NOON - 3 * DAY))
    assert (found.state, found.due) == ("late", True)
    assert [f"{at:%d}" for at in found.missed] == ["13", "14", "15"]


def test_what_failed_is_due_at_once_for_those_who_decide_themselves_when_to_try() -> None:
    assert stands(ended(NOON - timedelta(seconds=1), "failed", attempts=1)).due


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 32), (9, 256), (10, 360), (1000, 360)])
def test_what_failed_is_tried_again_after_a_pause_that_doubles(attempts: int, minutes: int) -> None:
    failed = ended(NOON, "failed", complete=NOON - DAY, attempts=attempts)
    found = stands(failed, NOON + timedelta(seconds=1), patient=True)
    assert (found.state, found.due, found.again_at) == ("failed", False, NOON + timedelta(minutes=minutes))
    assert stands(failed, NOON + timedelta(minutes=minutes), patient=True).due


def test_a_pause_ends_with_the_next_moment() -> None:
    failed = ended(NOON.replace(hour=23), "refused", complete=NOON - DAY, attempts=12)
    assert stands(failed, NOON + DAY / 2, patient=True).due


def test_what_is_not_published_yet_is_asked_for_ten_times_between_two_moments() -> None:
    waiting = ended(NOON, "waiting", attempts=1)
    assert not stands(waiting, NOON + timedelta(hours=2)).due
    found = stands(waiting, NOON + timedelta(hours=3))
    assert (found.state, found.due) == ("waiting", True)


def test_a_note_from_the_future_answers_for_nothing() -> None:
    """A machine's clock was wrong for a while."""
    assert stands(ended(NOON + 30 * DAY)).due
    assert stands(ended(NOON + 30 * DAY, "failed", attempts=9), patient=True).due


def test_lakes_from_before_there_were_notes_go_by_their_newest_batch() -> None:
    assert not collection_status(daily(), None, NOON - timedelta(hours=1), NOON).due
    assert collection_status(daily(), None, NOON - DAY, NOON).state == "due"


def test_periods_that_were_filled_in_answer_for_no_moment() -> None:
    periods = {"unit": "month", "from": "2013-01"}
    monthly = daily(**{"from": "http", "url": "http://localhost/{period:%Y-%m}.csv", "periods": periods})
    assert collection_status(monthly, None, NOON, NOON).state == "due"


@settings(deadline=None)
@given(st.lists(st.integers(1, 3 * 86_400), min_size=1, max_size=30))
def test_whoever_looks_and_whenever_each_day_is_collected_at_most_once(pauses: list[int]) -> None:
    """Looks at arbitrary times, each collecting when due: never twice in a day, and due whenever a day was missed."""
    now, last, collected = NOON, ended(NOON), [NOON]
    for pause in pauses:
        now += timedelta(seconds=pause)
        found = stands(last, now)
        assert found.due == (now.date() > last.collected_at.date())
        if found.due:
            collected.append(now)
            last = ended(now)
    assert len({at.date() for at in collected}) == len(collected)
