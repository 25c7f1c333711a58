"""Waiting times between the attempts of a request."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.web.errors import RetryableError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vertebra.landing.web.network import Network

_LONGEST: Final = 120.0
_LONGEST_RETRY_AFTER: Final = 900.0


class Retries:
    """The attempts of one request: exponential back-off with full jitter, within the time of its payload.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Args:
        max_attempts: number of attempts.
        deadline: time of the monotonic clock at which waiting has to end.
    """

    def __init__(self, network: Network, max_attempts: int, deadline: float) -> None:
        self._network = network
        self._max_attempts = max_attempts
        self._deadline = deadline
        self._failed = 0

    def wait(self, error: RetryableError) -> None:
        """Wait before the next attempt.

        Args:
            error: why the last attempt failed.

        Raises:
            CollectError: no attempt is left, or the wait would end after the deadline.
            UnreachableError: the same, and the host was never reached.
        """
        self._failed += 1
        if self._failed >= self._max_attempts:
            raise _given_up(
                error, f"{self._failed} attempts failed" if self._failed > 1 else "the attempt failed"
            ) from error
        clock = self._network.clock
        drawn = min(self._network.retry_delay * 2 ** (self._failed - 1), _LONGEST) * self._network.random_fraction()
        delay = max(drawn, error.retry_after or 0.0)
        if delay > _LONGEST_RETRY_AFTER:
            raise _given_up(error, f"the host asks for a delay of {counted(round(delay), 'second')}") from error
        if clock.monotonic() + delay > self._deadline:
            raise _given_up(error, "the time for one payload is over (collect.limits.time)") from error
        clock.sleep(delay)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a host asks to wait, by the header ``Retry-After``: a number, or a date (RFC 9110, 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def _given_up(error: RetryableError, why: str) -> CollectError:
    cause = f"{error.cause}; {why}" if error.cause else why
    final = CollectError if error.host_reached else UnreachableError
    return final(error.fact, cause=cause, remedy=error.remedy or "collect again later; landed batches stay")
