"""Other users of the machine cannot use the embedded engine."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vertebra.engine import SailEngine
from vertebra.engine import private_port as port_module
from vertebra.engine import sail as sail_module
from vertebra.engine.private_port import PortIsOpenError, private_target
from vertebra.errors import EngineError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="socket filters are Linux's")

NOBODY = 65534


@pytest.fixture
def port() -> Iterator[int]:
    """The port of the engine's server, while the engine answers."""
    engine = SailEngine(memory="1g")
    assert engine.session.range(3).count() == 3
    yield int(sail_module._servers[-1].listening_address[1])
    assert engine.session.range(4).count() == 4
    engine.stop()


def target() -> str:
    return "\0" + list(sail_module._targets.values())[-1].removeprefix("unix-abstract:")


def answers(kind: socket.AddressFamily, address: tuple[str, int] | str) -> bool:
    """Whether a server of HTTP/2 takes a connection and answers on it."""
    with socket.socket(kind) as client:
        client.settimeout(1)
        try:
            client.connect(address)
            client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
            return bool(client.recv(9))
        except OSError:
            return False


def as_nobody(question: Callable[[], bool]) -> bool:
    """The answer to a question in a process of another user."""
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setuid(NOBODY)
            os._exit(1 if question() else 0)
        finally:
            os._exit(2)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 1)
    return code == 1


def test_only_the_relay_can_connect_to_the_port(port: int) -> None:
    assert not answers(socket.AF_INET, ("127.0.0.1", port))
    assert answers(socket.AF_UNIX, target())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reaches_neither_the_port_nor_the_relay(port: int) -> None:
    assert not as_nobody(lambda: answers(socket.AF_INET, ("127.0.0.1", port)))
    assert not as_nobody(lambda: answers(socket.AF_UNIX, target()))


def test_the_relay_asks_who_connects(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_module.os, "geteuid", lambda: NOBODY)
    assert not answers(socket.AF_UNIX, target())


def test_many_sessions_use_one_server_and_leave_no_connection(port: int) -> None:
    engines = [SailEngine(memory="1g") for _ in range(5)]
    for engine in engines:
        assert engine.session.range(5).count() == 5
    for engine in engines:
        engine.stop()
    assert answers(socket.AF_UNIX, target())


def test_a_connection_from_before_the_port_was_closed_is_refused() -> None:
    with socket.socket() as server, socket.socket() as early:
        server.bind(("127.0.0.1", 0))
        server.listen()
        early.connect(server.getsockname())
        with pytest.raises(EngineError, match="another process connected to the embedded engine"):
            private_target(server.getsockname()[1])


def test_a_port_that_cannot_be_closed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PortIsOpenError):
        private_target(1)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setattr(port_module._Relay, "_attach", lambda self: None)
        with pytest.raises(PortIsOpenError, match="no effect"):
            private_target(server.getsockname()[1])
        monkeypatch.setattr(port_module.sys, "platform", "darwin")
        with pytest.raises(PortIsOpenError, match="darwin"):
            private_target(server.getsockname()[1])


def test_an_engine_whose_port_cannot_be_closed_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(port: int) -> str:
        raise PortIsOpenError

    monkeypatch.setattr(sail_module, "private_target", refuse)
    monkeypatch.setattr(sail_module, "_targets", {})
    engine = SailEngine(memory="1g")
    assert engine.session.range(3).count() == 3
    engine.stop()


def test_looking_for_the_listener_leaves_no_copies_of_pipes_and_files() -> None:
    reading, writing = os.pipe()
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert port_module._listener(1) is None
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    os.close(writing)
    assert os.read(reading, 1) == b""
    os.close(reading)
