"""How long to wait before the next attempt, at each boundary, and what a host may ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

import pytest

from vertebra.errors import CollectError
from vertebra.landing.web.errors import RetryableError, UnreachableError
from vertebra.landing.web.network import Network
from vertebra.landing.web.retries import Retries, retry_after

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
BROKEN = RetryableError("the connection broke off")


@dataclass
class Waits:
    """A clock that only waiting moves."""

    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def retries(attempts: int = 99, deadline: float = 1e9, fraction: float = 1.0) -> tuple[Retries, Waits]:
    clock = Waits()
    return Retries(Network(clock, lambda: fraction), attempts, deadline), clock


def test_the_wait_doubles_up_to_two_minutes() -> None:
    attempts, clock = retries()
    for _ in range(9):
        attempts.wait(BROKEN)
    assert clock.slept == [2, 4, 8, 16, 32, 64, 120, 120, 120]


@pytest.mark.parametrize("fraction", [0.0, 0.25])
def test_chance_shortens_the_wait_but_not_below_what_the_host_asks(fraction: float) -> None:
    attempts, clock = retries(fraction=fraction)
    attempts.wait(BROKEN)
    attempts.wait(RetryableError("busy", retry_after=0.5))
    attempts.wait(RetryableError("busy", retry_after=30))
    assert clock.slept == [2 * fraction, max(4 * fraction, 0.5), 30]


def test_the_last_attempt_is_not_waited_for() -> None:
    attempts, clock = retries(attempts=2)
    attempts.wait(BROKEN)
    with pytest.raises(CollectError) as told:
        attempts.wait(BROKEN)
    assert (told.value.fact, told.value.cause) == (BROKEN.fact, "2 attempts failed")
    assert told.value.remedy == "collect again later; landed batches stay"
    assert told.value.__cause__ is BROKEN
    assert len(clock.slept) == 1
    only, clock = retries(attempts=1)
    with pytest.raises(CollectError) as told:
        only.wait(RetryableError("busy", cause="status 503", remedy="ask the host"))
    assert (told.value.cause, told.value.remedy, clock.slept) == ("status 503; the attempt failed", "ask the host", [])


def test_a_host_may_ask_for_a_quarter_of_an_hour_and_no_more() -> None:
    attempts, clock = retries()
    attempts.wait(RetryableError("busy", retry_after=900))
    with pytest.raises(CollectError, match="busy") as told:
        attempts.wait(RetryableError("busy", retry_after=901))
    assert told.value.cause == "the host asks for a delay of 901 seconds"
    assert clock.slept == [900]


def test_a_wait_may_end_at_the_deadline_and_not_after_it() -> None:
    attempts, clock = retries(deadline=6)
    attempts.wait(BROKEN)
    attempts.wait(BROKEN)
    assert clock.slept == [2, 4]
    attempts, clock = retries(deadline=5.9)
    attempts.wait(BROKEN)
    with pytest.raises(CollectError) as told:
        attempts.wait(BROKEN)
    assert told.value.cause == "the time for one payload is over (collect.limits.time)"
    assert clock.slept == [2]


@pytest.mark.parametrize(("reached", "error"), [(True, CollectError), (False, UnreachableError)])
def test_a_host_that_was_never_reached_is_another_error(reached: bool, error: type[CollectError]) -> None:
    attempts, _ = retries(attempts=1)
    with pytest.raises(CollectError) as told:
        attempts.wait(RetryableError("no answer", host_reached=reached))
    assert type(told.value) is error


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("", None), ("  ", None), ("0", 0.0), (" 120 ", 120.0), ("1.5", None), ("-3", None), ("soon", None),
        ("\N{SUPERSCRIPT TWO}", None), ("9" * 400, float("inf")),
        ("Thu, 15 Jan 2026 12:00:20 GMT", 20.0), ("Thu, 15 Jan 2026 11:59:00 GMT", 0.0),
        ("Thu, 15 Jan 2026 14:00:07 +0200", 7.0), ("Thu, 15 Jan 2026 12:00:20 -0000", None),
        ("Thu, 45 Jan 2026 12:00:20 GMT", None),
    ],
)  # fmt: skip
def test_the_header_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    headers = {} if header is None else {"retry-after": header}
    assert retry_after(headers, NOW) == seconds
    assert retry_after(headers, NOW.astimezone(timezone(timedelta(hours=5)))) == seconds
