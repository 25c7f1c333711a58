"""State shared by all requests to the web: the clock, random numbers, and rate limits for each host."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vertebra.landing.clock import Clock, SystemClock

if TYPE_CHECKING:
    from vertebra.declare.web_source import WebLimits


class _Host:
    """The requests to one host."""

    def __init__(self) -> None:
        self.free = threading.Condition()
        self.active = 0
        self.next_at = 0.0


class HostThrottle:
    """Limits the rate of requests to a host, and the number of requests at the same time, as declared."""

    def __init__(self) -> None:
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, host: str, limits: WebLimits, clock: Clock) -> Iterator[None]:
        """Wait until a request may be sent. The request counts as active until the block ends.

        Args:
            host: host and port.
            limits: of the dataset that sends the request; datasets with the same host share the limits.
        """
        with self._lock:
            state = self._hosts.setdefault(host, _Host())
        with state.free:
            while state.active >= limits.connections:
                state.free.wait()
            state.active += 1
            at = max(clock.monotonic(), state.next_at)
            state.next_at = at + 1 / limits.rate
        try:
            delay = at - clock.monotonic()
            if delay > 0:
                clock.sleep(delay)
            yield
        finally:
            with state.free:
                state.active -= 1
                state.free.notify()


_THROTTLE = HostThrottle()
"""Limits hold for the whole process."""


@dataclass(frozen=True)
class Network:
    """How requests to the web are sent.

    Attributes:
        clock: time and waiting.
        random_fraction: a new random number from 0 to 1 on each call; spreads the retries of many collectors.
        throttle: rate limits for each host.
        retry_delay: seconds before the second attempt, at most; doubled with each attempt.
        stop_requested: whether the collection is to end; this also ends the clock's waits.
    """

    clock: Clock = field(default_factory=SystemClock)
    random_fraction: Callable[[], float] = random.random
    throttle: HostThrottle = _THROTTLE
    retry_delay: float = 2.0
    stop_requested: Callable[[], bool] = lambda: False

    def check_stop(self) -> None:
        """End the collection here if a stop was requested; landed batches stay.

        Raises:
            KeyboardInterrupt: a stop was requested.
        """
        if self.stop_requested():
            raise KeyboardInterrupt
