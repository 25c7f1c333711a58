"""Sail: the embedded engine. A server in this process, on loopback, for as long as the process lives."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from vertebra.declare.quantity import parse_size
from vertebra.engine.connect import CODEC, SETTINGS, ConnectEngine
from vertebra.engine.float_bounds import bounds_floats, copy_without_bounds, has_floats
from vertebra.engine.plan_translation import translated_frame
from vertebra.engine.port import Capabilities
from vertebra.engine.private_port import PortIsOpenError, private_target
from vertebra.errors import EngineError
from vertebra.spark_sql.translate import Translation, translate_expression, translate_query
from vertebra.spark_sql.types import Columns, parse_type

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

_SHARE_OF_MEMORY = 0.6
"""The rest is for the Python process, the model libraries and the operating system's file cache."""

_STACK = 256 << 20
"""Bytes of address space of each thread's stack; memory is used as it is needed. The engine plans recursively: with its
default of 8 MiB a condition of 500 terms overflows the stack, which ends the process. With 256 MiB, 5,000 do not."""

_IDLE = 365 * 24 * 3600
"""Seconds after which the engine ends a session that nobody uses. Its default is a quarter of an hour, which ended the
sessions of notebooks over lunch; the server lives only as long as this process anyway."""

_HASH_JOIN_INPUT = "for HashJoinInput"
"""Part of the message when the memory pool cannot hold the smaller side of a hash join."""
_servers: list[Any] = []
"""The servers of this process, which run until it ends."""
_targets: dict[bool, str] = {}
"""Where clients connect to them, by whether joins spill: one, and a second one when a join did not fit into memory."""


class SailEngine(ConnectEngine):
    """The embedded Spark engine, written in Rust: no JVM, started with the first query.

    It begins with hash joins, which are fast, and fail when their smaller side does not fit into the memory pool. Then
    :meth:`attempt` switches to joins that sort both sides, which spill to disk, and stays with them.

    Args:
        memory: bound of the engine's memory pool, e.g. ``8g``; by default 60 % of the machine's memory. Sorts and
            group-bys beyond it spill to disk.
        spilling_joins: spill joins from the start.
    """

    # The client would look for the line of code behind every column expression, a millisecond each. Apache Spark takes
    # this setting only when its server starts.
    _session_settings = SETTINGS | {"spark.python.sql.dataFrameDebugging.enabled": "false"}

    def __init__(self, memory: str | None = None, *, spilling_joins: bool = False) -> None:
        super().__init__("sc://127.0.0.1:0")
        self._spilling_joins = spilling_joins
        self._copies: TemporaryDirectory[str] | None = None
        self._memory = _bytes(memory) if memory else int(machine_memory() * _SHARE_OF_MEMORY)

    @classmethod
    def over(cls, session: SparkSession) -> SailEngine:
        """Return an engine over a session with a Sail server that someone else started and will stop."""
        engine = cls(spilling_joins=True)
        engine._session = session
        return engine

    @property
    def name(self) -> str:
        return "sail"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(dialect="sail", joins_spill=self._spilling_joins)

    def _open(self) -> SparkSession:
        target = self._target()
        return self._connect(lambda: _session_through(target))

    def _after_start(self) -> None:
        keep_signals()

    def _recover(self, error: Exception) -> str | None:
        if self._spilling_joins or not join_did_not_fit(error):
            return super()._recover(error)
        # the old session stays open until `stop`: frames that callers were handed are bound to it
        self._session, self._spilling_joins = None, True
        return "a join did not fit into memory; repeating with joins that spill to disk"

    def translate_query(self, text: str, tables: Mapping[str, DataFrame]) -> Translation:
        return translate_query(text, {name: columns_of(frame) for name, frame in tables.items()})

    def translate_expression(self, text: str, frame: DataFrame) -> Translation:
        return translate_expression(text, columns_of(frame))

    def translate_frame(self, frame: DataFrame, inputs: Collection[DataFrame]) -> DataFrame:
        return translated_frame(frame, inputs)

    def read_parquet(self, files: Sequence[Path], schema: pa.Schema) -> DataFrame:
        if not has_floats(schema):
            return super().read_parquet(files, schema)
        return super().read_parquet([self._without_bounds(file) for file in files], schema)

    def _writer(self, frame: DataFrame, planned: pa.Schema) -> DataFrameWriter:
        # this engine does not read the codec from the session
        writer = frame.write.option("compression", SETTINGS[CODEC])
        # it leaves out the statistics of all columns or of none
        return writer.option("statistics_enabled", "none") if has_floats(planned) else writer

    def stop(self) -> None:
        super().stop()
        if self._copies is not None:
            self._copies.cleanup()
            self._copies = None

    def _without_bounds(self, file: Path) -> Path:
        """The file, or a copy of it whose footer has no bounds of floating-point columns.

        The bounds leave NaN out. This engine would read a column of 1.5 and NaN as 1.5 throughout, and would not find
        NaN when it looks for values greater than 5. Files that the lake wrote have no such bounds, so only files from
        elsewhere are copied, once.
        """
        if not file.is_file() or not bounds_floats(file):
            return file
        if self._copies is None:
            self._copies = TemporaryDirectory(prefix="vertebra-")
        status = file.stat()
        stamp = hashlib.sha256(f"{file.resolve()}:{status.st_size}:{status.st_mtime_ns}".encode()).hexdigest()[:24]
        copy = Path(self._copies.name) / f"{stamp}.parquet"
        if not copy.is_file():
            copy_without_bounds(file, copy)
        return copy

    def _target(self) -> str:
        """Where clients connect to this process's server, which starts if necessary and then reads its settings."""
        if self._spilling_joins not in _targets:
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
            port = int(server.listening_address[1])
            try:
                target = private_target(port)
            except PortIsOpenError:
                target = f"127.0.0.1:{port}"
            except EngineError:
                server.stop()
                raise
            _servers.append(server)
            _targets[self._spilling_joins] = target
        return _targets[self._spilling_joins]

    def _settings(self) -> dict[str, str]:
        return {
            "TZ": "UTC",
            "RUST_LOG": os.environ.get("RUST_LOG", "off"),
            "SAIL_RUNTIME__STACK_SIZE": str(_STACK),
            "SAIL_RUNTIME__MEMORY_POOL__TYPE": "fair",
            "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE": str(self._memory),
            "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(_IDLE),
            "SAIL_OPTIMIZER__PREFER_HASH_JOIN": "false" if self._spilling_joins else "true",
        }


def _session_through(target: str) -> SparkSession:
    """A new session of the server at a target of gRPC.

    The server is in this process, so no connection breaks. A query needs neither the calls that would resume it, nor a
    thread of its own that waits for its answer; for a small query they take as much time as the query.
    """
    from grpc.experimental import ChannelOptions
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    class Channel(DefaultChannelBuilder):
        def toChannel(self) -> Any:  # noqa: N802 - the name is the client's
            return self._insecure_channel(target)

    # as the client's own builder sets it; the server does not take the name of a socket for its authority
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    options = [("grpc.default_authority", "localhost"), (ChannelOptions.SingleThreadedUnaryStream, 1)]
    session = ConnectSession.builder.channelBuilder(Channel("sc://localhost", options)).create()
    session.client.disable_reattachable_execute()
    return cast("SparkSession", session)


def columns_of(frame: DataFrame) -> Columns:
    """The columns of a frame and their types, for the translation of SQL."""
    return {field.name: parse_type(field.dataType.simpleString()) for field in frame.schema.fields}


def join_did_not_fit(error: BaseException | None) -> bool:
    """Whether the error, or one it was raised from, says that the memory pool could not hold a hash join."""
    while error is not None:
        if _HASH_JOIN_INPUT in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def keep_signals() -> None:
    """Handle Ctrl-C in this process again.

    The server installs a handler of its own and would stop, while the process keeps sending requests to it. Only the
    main thread can install handlers; in other threads this does nothing. A signal that was ignored is ignored again.
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


def _bytes(memory: str) -> int:
    try:
        return parse_size(memory)
    except ValueError as error:
        fact, _, _ = str(error).partition("; ")
        raise EngineError(fact, remedy="write e.g. `memory: 8g` in vertebra.yaml") from None
