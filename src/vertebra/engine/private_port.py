"""Closes the port of a server in this process to other users of the machine.

The embedded engine's server listens on a TCP port of loopback and asks nobody who they are, so any local user could
read and write files as the user of this process. On Linux a socket filter (``SO_ATTACH_FILTER``, see socket(7)) makes
the kernel drop every packet to that port which does not come from a source port that this process holds. Clients in
this process connect to a relay on an abstract Unix socket, which takes connections of the same user only
(``SO_PEERCRED``) and forwards them from such a source port.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import select
import socket
import struct
import sys
import threading
from pathlib import Path
from typing import Final

from vertebra.errors import EngineError

_LOOPBACK: Final = "127.0.0.1"
_ATTACH_FILTER: Final = 26  # SO_ATTACH_FILTER, which the module socket does not name
_LOAD_SOURCE_PORT: Final = (0x28, 0, 0, 0)  # ldh [0]: the first half word of a TCP header
_DROP: Final = (0x06, 0, 0, 0)
_TAKE: Final = (0x06, 0, 0, 0xFFFFFFFF)
_ESTABLISHED: Final = "01"
_CHUNK: Final = 1 << 18


class PortIsOpenError(Exception):
    """This system cannot close the port to other users."""


def private_target(port: int) -> str:
    """Close a port of this process, and return where clients in this process connect to instead.

    Args:
        port: a port on 127.0.0.1 on which this process listens.

    Returns:
        A target of gRPC, ``unix-abstract:…``.

    Raises:
        PortIsOpenError: this system has no socket filters, or they have no effect.
        EngineError: someone connected before the port was closed.
    """
    listener = _listener(port) if sys.platform == "linux" else None
    if listener is None:
        raise PortIsOpenError(sys.platform)
    relay = _Relay(listener, port)
    if not relay.port_is_closed():
        raise PortIsOpenError("socket filters have no effect")
    if _connections(port):
        raise EngineError(
            "another process connected to the embedded engine while it started",
            cause="until the engine's port is closed, a moment after it starts, any user of this machine can connect",
            remedy="find out who it is (ps -ef), then repeat the command; "
            "SECURITY.md describes what else protects the engine",
        )
    return relay.start()


class _Relay:
    """Forwards connections of this user to a listening socket that takes no others."""

    def __init__(self, listener: socket.socket, port: int) -> None:
        self._listener = listener
        self._port = port
        self._admitted: set[int] = set()
        self._admitting = threading.Lock()
        self._admit()

    def port_is_closed(self) -> bool:
        """Whether the kernel drops a connection that was not admitted; on loopback, that shows at once."""
        with socket.socket() as stranger:
            stranger.setblocking(False)
            stranger.connect_ex((_LOOPBACK, self._port))
            return not select.select([], [stranger], [], 0.01)[1]

    def start(self) -> str:
        """Take connections in the background; returns the target to connect to."""
        name = f"vertebra-{os.getpid()}-{secrets.token_hex(8)}"
        entrance = socket.socket(socket.AF_UNIX)
        entrance.bind(f"\0{name}")
        entrance.listen()
        threading.Thread(target=self._take, args=(entrance,), name="engine relay", daemon=True).start()
        return f"unix-abstract:{name}"

    def _take(self, entrance: socket.socket) -> None:
        while True:
            client, _ = entrance.accept()
            threading.Thread(target=self._serve, args=(client,), name="engine relay", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Forward one connection, from a source port that is admitted for as long as this process holds it."""
        with client, socket.socket() as server:
            if _user_of(client) != os.geteuid():
                return
            server.bind((_LOOPBACK, 0))
            port = server.getsockname()[1]
            self._admit(port)
            try:
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.connect((_LOOPBACK, self._port))
                back = threading.Thread(target=_forward, args=(server, client), name="engine relay", daemon=True)
                back.start()
                _forward(client, server)
                back.join()
            finally:
                self._expel(port)

    def _admit(self, *more: int) -> None:
        with self._admitting:
            self._admitted.update(more)
            self._attach()

    def _expel(self, port: int) -> None:
        with self._admitting:
            self._admitted.discard(port)
            self._attach()

    def _attach(self) -> None:
        """Let the listening socket take packets from the admitted source ports only."""
        ports = sorted(self._admitted)
        jumps = [(0x15, len(ports) - place, 0, port) for place, port in enumerate(ports)]
        program = b"".join(struct.pack("=HBBI", *one) for one in (_LOAD_SOURCE_PORT, *jumps, _DROP, _TAKE))
        held = ctypes.create_string_buffer(program, len(program))
        self._listener.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(program) // 8, ctypes.addressof(held))
        )


def _listener(port: int) -> socket.socket | None:
    """A handle of this process's socket that listens on a port of loopback."""
    for handle in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):
            copy = os.dup(int(handle.name))
            try:
                found = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)  # a pipe that stays open here would never end for its reader
                raise
            if (
                found.family == socket.AF_INET
                and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                and found.getsockname() == (_LOOPBACK, port)
            ):
                return found
            found.close()
    return None


def _connections(port: int) -> int:
    """How many established connections a port of loopback has."""
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text("ascii").splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == _ESTABLISHED for row in rows)


def _user_of(client: socket.socket) -> int:
    """The user id of the process at the other end of a Unix socket."""
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def _forward(one: socket.socket, other: socket.socket) -> None:
    """Send what arrives at one socket to the other, until one of them is closed."""
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    with contextlib.suppress(OSError):
        while count := one.recv_into(buffer):
            other.sendall(view[:count])
    for each in (one, other):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
