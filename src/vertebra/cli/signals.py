"""Signals that ask a command to stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def on_signal(number: int, handler: Callable[..., Any]) -> None:
    """Handle a signal, unless the process was started with the signal ignored.

    ``nohup`` and a shell's background jobs ignore signals on purpose: a Ctrl-C meant for the command in the foreground
    must not stop the others.

    Args:
        number: the signal, e.g. ``signal.SIGTERM``.
        handler: called with the signal's number and the interrupted frame.
    """
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, handler)
