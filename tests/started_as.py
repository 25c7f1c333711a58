"""Processes started as from a terminal, or in the background, however the tests themselves were started.

A child inherits that a signal is ignored. ``make test &`` and ``nohup make test`` ignore SIGINT, so a test that sends a
signal says first how its child is to take it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

ASKING = (signal.SIGINT, signal.SIGTERM)
"""The signals that ask a process to stop."""


@contextmanager
def in_foreground() -> Iterator[None]:
    """Children started here are stopped by SIGINT and SIGTERM, unless they handle them."""
    with _taken(signal.default_int_handler):
        yield


@contextmanager
def in_background() -> Iterator[None]:
    """Children started here ignore SIGINT and SIGTERM."""
    with _taken(signal.SIG_IGN):
        yield


@contextmanager
def _taken(handler: signal._HANDLER) -> Iterator[None]:
    # a child has the default in place of a handler of its parent
    before = {number: signal.signal(number, handler) for number in ASKING}
    try:
        yield
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)
