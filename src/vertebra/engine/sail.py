"""Sail: the embedded engine. A server in this process, on loopback, for as long as the process lives."""

from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vertebra.engine.connect import SETTINGS, ConnectEngine
from vertebra.engine.port import Capabilities
from vertebra.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SHARE_OF_MEMORY = 0.6
"""The rest is for the Python process, the model libraries and the operating system's file cache."""

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_servers: list[Any] = []


class SailEngine(ConnectEngine):
    """The embedded Spark engine, written in Rust: no JVM, started with the first query.

    Args:
        memory: bound of the engine's memory pool, e.g. ``8g``; by default 60 % of the machine's memory. Sorts and
            group-bys beyond it spill to disk.
    """

    # The client would look for the line of code behind every column expression, a millisecond each. Apache Spark takes
    # this setting only when its server starts.
    _session_settings = SETTINGS | {"spark.python.sql.dataFrameDebugging.enabled": "false"}

    def __init__(self, memory: str | None = None) -> None:
        super().__init__("sc://127.0.0.1:0")
        self._memory = parse_bytes(memory) if memory else int(machine_memory() * _SHARE_OF_MEMORY)

    @property
    def name(self) -> str:
        return "sail"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(raises_on_overflow=False, checks_paths=False)

    @property
    def session(self) -> SparkSession:
        if self._session is None:
            self._session = self._connect(f"sc://127.0.0.1:{self._port()}")
            keep_signals()
        return self._session

    def _port(self) -> int:
        """The port of this process's server, started if need be. The server reads its settings once, at its start."""
        if not _servers:
            os.environ.update(self._settings())
            try:
                from pysail.spark import SparkConnectServer

                server = SparkConnectServer("127.0.0.1", 0)
                server.start(background=True)
            except Exception as error:
                raise EngineError(
                    "the embedded engine did not start",
                    cause=str(error),
                    remedy="pip install 'pysail==0.7.*', or run with --engine sc://host:15002",
                ) from error
            _servers.append(server)
        return int(_servers[0].listening_address[1])

    def _settings(self) -> dict[str, str]:
        return {
            "TZ": "UTC",
            "RUST_LOG": os.environ.get("RUST_LOG", "off"),
            "SAIL_RUNTIME__MEMORY_POOL__TYPE": "fair",
            "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE": str(self._memory),
            # the least and greatest value in a Parquet file's statistics leave NaN out: from them the engine would read
            # a column of 1.5 and NaN as 1.5 throughout, and skip NaN where values greater than 5 are asked for
            "SAIL_EXECUTION__COLLECT_STATISTICS": "false",
            "SAIL_PARQUET__PRUNING": "false",
        }


def keep_signals() -> None:
    """Take Ctrl-C back from the server, which would stop at it while the process goes on and asks it in vain.

    Only the main thread can; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if handler is not None:
            signal.signal(number, handler)


def machine_memory() -> int:
    """Bytes of memory this process may use: the control group's limit where there is one, else the machine's."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text("ascii").strip() if limit.is_file() else "max"
    return min(total, int(text)) if text.isdigit() else total


def parse_bytes(text: str) -> int:
    """Bytes of a size such as ``512m`` or ``8g``.

    Raises:
        EngineError: it is not a size.
    """
    found = re.fullmatch(r"(\d+)\s*([kmg]?)i?b?", text.strip().lower())
    if not found:
        raise EngineError(f"{text!r} is not a size of memory", remedy="write e.g. `memory: 8g` in vertebra.yaml")
    return int(found[1]) * _UNITS[found[2]]
