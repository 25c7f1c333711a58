"""A web server on this machine that answers like a portal, and wrongly when it is told to.

It is asked over a real socket, so that what breaks, breaks as it does on a network.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

PAGE = b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass
class Reply:
    """What is answered; ``chunked`` leaves the length out."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False


App = Callable[[Asked], Reply]
Fault = Callable[["Handler", Reply], None]


class Clock:
    """Waits without waiting, and remembers how long it would have been."""

    def __init__(self) -> None:
        self.at = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 15, 12, tzinfo=UTC) + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


class StandIn:
    """A running portal.

    Attributes:
        url: its address.
        asked: the requests that came, in order.
        faults: what is done to the next answers, one each; None answers well.
    """

    def __init__(self, app: App, url: str) -> None:
        self.app = app
        self.url = url
        self.asked: list[Asked] = []
        self.faults: list[Fault | None] = []
        self.always: Fault | None = None
        self.lock = threading.Lock()

    def fault(self, asked: Asked) -> Fault | None:
        with self.lock:
            self.asked.append(asked)
            return self.faults.pop(0) if self.faults else self.always


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    portal: StandIn

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        pairs = tuple(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(parts.path, dict(pairs), headers, pairs)
        fault = self.portal.fault(asked)
        self.asked = asked
        try:
            reply = self.portal.app(asked)
            (fault or answer)(self, reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: object) -> None: ...


def answer(handler: Handler, reply: Reply) -> None:
    """Answer well; with a part, where a part is asked for."""
    body, status = reply.body, reply.status
    headers = dict(reply.headers)
    asked = handler.asked.headers
    same = headers.get("ETag") is not None and asked.get("if-none-match") == headers["ETag"]
    if status == 200 and (
        same or ("Last-Modified" in headers and asked.get("if-modified-since") == headers["Last-Modified"])
    ):
        status, body = 304, b""
    wanted = asked.get("range")
    if (
        status == 200
        and wanted
        and headers.get("Accept-Ranges") == "bytes"
        and asked.get("if-range") in (None, headers.get("ETag"), headers.get("Last-Modified"))
    ):
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        status, body = 206, body[start:]
    start_answer(handler, status, headers, None if reply.chunked else len(body))
    if reply.chunked:
        for at in range(0, len(body), 1000):
            part = body[at : at + 1000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")
    else:
        handler.wfile.write(body)


def start_answer(handler: Handler, status: int, headers: dict[str, str], length: int | None) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    if length is None:
        handler.send_header("Transfer-Encoding", "chunked")
    else:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


def hang_up(handler: Handler) -> None:
    """Reset the connection: the client gets an error, not an end."""
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def reset(handler: Handler, reply: Reply) -> None:
    """The connection is reset before an answer."""
    hang_up(handler)


def reset_midway(handler: Handler, reply: Reply) -> None:
    """Half the answer, then a reset."""
    start_answer(handler, reply.status, reply.headers, None if reply.chunked else len(reply.body))
    half = reply.body[: max(1, len(reply.body) // 2)]
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(half), half) if reply.chunked else half)
    hang_up(handler)


def cut_off(handler: Handler, reply: Reply) -> None:
    """Half the answer, then the end, as if it were whole."""
    start_answer(handler, reply.status, reply.headers, None if reply.chunked else len(reply.body))
    half = reply.body[: max(1, len(reply.body) // 2)]
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(half), half) if reply.chunked else half)
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_WR)
    handler.close_connection = True


def silent(handler: Handler, reply: Reply) -> None:
    """No answer until the client gives up."""
    handler.connection.settimeout(5)
    with suppress(OSError):
        handler.connection.recv(1)
    handler.close_connection = True


def dripping(handler: Handler, reply: Reply) -> None:
    """Byte after byte, as long as the client has patience, but never to the end."""
    start_answer(handler, 200, reply.headers, 10_000_000)
    stop = threading.Event()
    for _ in range(1000):
        handler.wfile.write(b".")
        handler.wfile.flush()
        stop.wait(0.01)
    handler.close_connection = True


def with_status(status: int, body: bytes = b"", **headers: str) -> Fault:
    """An answer with a status: ``with_status(429, Retry_After="7")``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(handler: Handler, reply: Reply) -> None:
        start_answer(handler, status, named, len(body))
        handler.wfile.write(body)

    return fault


def instead(body: bytes, content_type: str = "text/html") -> Fault:
    """Status 200 with something else."""
    return with_status(200, body, Content_Type=content_type)


page = instead(PAGE)
nothing = instead(b"", "text/csv")
error_as_data = instead(
    b'{"success": false, "error": {"message": "Not found", "__type": "Not Found Error"}}', "application/json"
)
challenge = with_status(302, PAGE, Location="/challenge?back=1")


def damaged(handler: Handler, reply: Reply) -> None:
    """A byte in the middle is another one."""
    body = bytearray(reply.body)
    body[len(body) // 2] ^= 0xFF
    answer(handler, Reply(bytes(body), reply.status, reply.headers, reply.chunked))


def cut_unnoticed(handler: Handler, reply: Reply) -> None:
    """Half the answer, with a length that says so."""
    answer(handler, Reply(reply.body[: len(reply.body) // 2], reply.status, reply.headers))


@contextmanager
def standing_in(app: App) -> Iterator[StandIn]:
    """Run a portal."""
    handler = type("PortalHandler", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    portal = StandIn(app, f"http://127.0.0.1:{server.server_address[1]}")
    handler.portal = portal  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield portal
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
