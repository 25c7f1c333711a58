"""Ports of this machine for servers that tests start."""

from __future__ import annotations

import socket
import time


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int, server: str) -> None:
    """Wait until a server answers.

    Raises:
        RuntimeError: it does not within half a minute.
    """
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{server} does not start")
