"""What is shared by all that asks the web: the clock, chance, and whose turn it is at a host."""

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
    """How busy a host is kept."""

    def __init__(self) -> None:
        self.free = threading.Condition()
        self.active = 0
        self.next_at = 0.0


class Gate:
    """Lets requests to a host pass one after the other, no faster and no more at a time than is declared."""

    def __init__(self) -> None:
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, host: str, limits: WebLimits, clock: Clock) -> Iterator[None]:
        """Wait for a turn, and hold it.

        Args:
            host: host and port.
            limits: of the dataset that asks; two datasets of one host share its turns.
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


_GATE = Gate()
"""Politeness to a host is a matter of the whole process."""


@dataclass(frozen=True)
class Network:
    """How the web is asked.

    Attributes:
        clock: to wait by.
        chance: a number from 0 to 1, drawn anew on each call: spreads the tries of many collectors.
        gate: whose turn it is at a host.
        patience: seconds until the second try, at most; doubled with each try.
        stopping: whether somebody asked for an end; the clock's waits end with it.
    """

    clock: Clock = field(default_factory=SystemClock)
    chance: Callable[[], float] = random.random
    gate: Gate = _GATE
    patience: float = 2.0
    stopping: Callable[[], bool] = lambda: False

    def go_on(self) -> None:
        """End the collection here when somebody asked for it; what is landed stays.

        Raises:
            KeyboardInterrupt: somebody did.
        """
        if self.stopping():
            raise KeyboardInterrupt
