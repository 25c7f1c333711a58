"""A Spark Connect session behind the engine port: everything the two engines share."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from vertebra.engine.failures import cause_of, session_has_ended, translated
from vertebra.engine.port import Capabilities, Progress, Result, silent
from vertebra.engine.written_schema import check_written
from vertebra.errors import EngineError
from vertebra.spark_sql.translate import Translation

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
    from pyspark.sql.types import StructType

_DEFAULT_PORT: Final = 15002
_STOP_PATIENCE: Final = 5.0
"""Seconds to wait for a server that is asked to end a session; when it is gone, the client asks it for minutes."""

CODEC: Final = "spark.sql.parquet.compression.codec"
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # Delta's timestamps are microseconds; Spark's default is the deprecated 96-bit form
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Spark's default, too: a quarter less processor time to write a table than zstd, and a quarter more disk
    CODEC: "snappy",
    # a file's statistics leave NaN out, which Spark orders above every number: a filter would skip files that have it
    "spark.sql.parquet.filterPushdown": "false",
}


class ConnectEngine:
    """Apache Spark 4.x at an ``sc://host:port`` address, through Spark Connect.

    The server must see the lake's folder under the same path. A server that is Sail is refused when the session starts.
    """

    _session_settings: Mapping[str, str] = SETTINGS

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme != "sc" or not parts.hostname:
            raise EngineError(
                f"{_public(address)!r} is not an engine",
                cause="an engine is `sail`, or the address of a Spark Connect server",
                remedy="engine: sc://host:15002 in vertebra.yaml, or --engine sc://host:15002",
            )
        self._address = address
        self._session: SparkSession | None = None
        self._opened: list[SparkSession] = []
        self._warming: threading.Thread | None = None
        self._attempting = False

    @classmethod
    def over(cls, session: SparkSession) -> ConnectEngine:
        """Return an engine over a session that someone else started and will stop."""
        engine = cls("sc://session")
        engine._session = session
        return engine

    @property
    def name(self) -> str:
        return _public(self._address)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(dialect="spark", joins_spill=True)

    @property
    def session(self) -> SparkSession:
        warming, self._warming = self._warming, None
        if warming is not None:
            warming.join()
            self._after_start()
        if self._session is None:
            self._session = self._open()
            self._after_start()
        return self._session

    def warm_up(self) -> None:
        if self._session is None and self._warming is None:
            self._warming = threading.Thread(target=self._open_in_background, daemon=True)
            self._warming.start()

    def await_warm_up(self) -> None:
        if self._warming is not None:
            self._warming.join()

    def attempt(self, work: Callable[[], Result], progress: Progress = silent) -> Result:
        if self._attempting:
            # part of a larger piece of work, which is repeated as a whole
            return work()
        self.await_warm_up()
        self._attempting = True
        try:
            return self._run(work, progress)
        except Exception as error:
            failure = translated(error)
            if failure is None:
                raise
            raise failure from error
        finally:
            self._attempting = False

    def _run(self, work: Callable[[], Result], progress: Progress) -> Result:
        """Run work, and once more after a failure that the engine can recover from."""
        try:
            return work()
        except Exception as error:
            note = self._recover(error)
            if note is None:
                raise
        progress(note)
        return work()

    def _recover(self, error: Exception) -> str | None:
        """Change the engine so that a failure does not come again; a note for the user, None when it cannot."""
        if not self._opened or not session_has_ended(error):
            return None
        self._session = None
        return "the engine had ended its idle session; repeating in a new one"

    def translate_query(self, text: str, tables: Mapping[str, DataFrame]) -> Translation:  # noqa: ARG002 - see Sail
        return Translation(text)

    def translate_expression(self, text: str, frame: DataFrame) -> Translation:  # noqa: ARG002 - see Sail
        return Translation(text)

    def translate_frame(self, frame: DataFrame, inputs: Collection[DataFrame]) -> DataFrame:  # noqa: ARG002 - see Sail
        return frame

    def read_parquet(self, files: Sequence[Path], schema: pa.Schema) -> DataFrame:
        missing = [str(file) for file in files if not file.is_file()]
        if missing:
            # an engine may read a missing path as no rows, and call an incomplete table complete
            raise EngineError(
                f"{len(missing)} of {len(files)} files to read do not exist, the first {missing[0]}",
                cause="they were removed from outside the lake, or the disk is not mounted",
                remedy="restore the files, or vertebra run --full-refresh --select <table>",
            )
        struct = spark_schema(schema)
        if not files:
            return self.session.createDataFrame([], struct)
        return self.session.read.schema(struct).parquet(*[file.as_uri() for file in files])

    def write_parquet(self, frame: DataFrame, folder: Path) -> list[Path]:
        planned = arrow_schema(frame)
        files = self._write(self._writer(frame, planned), folder)
        check_written(files, planned)
        return files

    def _writer(self, frame: DataFrame, planned: pa.Schema) -> DataFrameWriter:  # noqa: ARG002 - adapters look at it
        return frame.write

    def _write(self, writer: DataFrameWriter, folder: Path) -> list[Path]:
        # `errorifexists` would refuse a folder that a killed writer left; every write has a folder of its own
        if folder.exists():
            raise EngineError(
                f"{folder} already exists", cause="a folder for new files must be new", remedy="vertebra gc"
            )
        writer.mode("overwrite").parquet(folder.as_uri())
        written = sorted(folder.rglob("*.parquet")) if folder.is_dir() else []
        for leftover in ("_SUCCESS", "._SUCCESS.crc"):
            (folder / leftover).unlink(missing_ok=True)
        for checksum in folder.rglob(".*.crc") if folder.is_dir() else ():
            checksum.unlink()
        return written

    def materialise(self, frame: DataFrame, folder: Path) -> DataFrame:
        return self.read_parquet(self.write_parquet(frame, folder), arrow_schema(frame))

    def stop(self) -> None:
        if not self._opened and self._warming is None:
            return
        stopping = threading.Thread(target=self._stop, daemon=True)
        stopping.start()
        stopping.join(_STOP_PATIENCE)

    def _stop(self) -> None:
        warming, self._warming = self._warming, None
        if warming is not None:
            warming.join()
        opened, self._opened, self._session = self._opened, [], None
        for session in opened:
            with contextlib.suppress(Exception):
                session.stop()

    def _open(self) -> SparkSession:
        """Start a session; :meth:`stop` ends all that were started."""
        session = self._connect(lambda: _session_at(self._address))
        sail = sail_version(session)
        if sail:
            raise EngineError(
                f"the server at {self.name} is Sail {sail}, not Apache Spark",
                cause="Sail answers some SQL otherwise, and Vertebra translates SQL for its embedded Sail only",
                remedy="engine: sail in vertebra.yaml, or the address of an Apache Spark server",
            )
        return session

    def _open_in_background(self) -> None:
        # the first use of the session meets the same failure and reports it
        with contextlib.suppress(Exception):
            self._session = self._open()

    def _after_start(self) -> None:
        """Finish the start of a session in the thread that uses it."""

    def _connect(self, create: Callable[[], SparkSession]) -> SparkSession:
        import logging

        logging.getLogger("pyspark.sql.connect").setLevel(logging.ERROR)
        _import_client()
        try:
            session = create()
            for key, value in self._session_settings.items():
                session.conf.set(key, value)
            session.sql("SELECT 1").collect()
        except Exception as error:
            raise EngineError(
                f"the engine at {self.name} does not answer",
                cause=cause_of(error),
                remedy="start the Spark Connect server, or run with --engine sail",
            ) from error
        self._opened.append(session)
        return session


def sail_version(session: SparkSession) -> str:
    """The version of Sail if the server of a session is Sail; empty for Apache Spark.

    Sail says that it is Spark 4.2.0, but ``version()`` gives its own version. In Apache Spark it gives Spark's version
    and commit.
    """
    version = str(session.sql("SELECT version()").collect()[0][0])
    return "" if version.startswith(f"{session.version} ") else version


def _public(address: str) -> str:
    """An address without what follows its first ``;``: connection parameters, a token among them."""
    return address.partition(";")[0].rstrip("/")


def _import_client() -> None:
    """Import the Spark Connect client.

    It mistakes a main module without a file (``python -c``) for a run of its own doctests, and ends the process.
    """
    main = sys.modules["__main__"]
    pretend = main.__spec__ is None and not hasattr(main, "__file__") and not hasattr(sys, "ps1")
    if pretend:
        main.__file__ = "<string>"
    try:
        import pyspark.sql.connect  # noqa: F401
    finally:
        if pretend:
            del main.__file__


def _session_at(address: str) -> SparkSession:
    """A new session of the server at an address."""
    from pyspark.sql import SparkSession

    # the client would retry an address where nothing listens for ten minutes
    _reach(address)
    # `create`, not `getOrCreate`: two engines in one process must never share a session
    return SparkSession.builder.remote(address).create()


def _reach(address: str) -> None:
    """Open and close a connection, to fail at once when nothing listens."""
    parts = urlsplit(address)
    socket.create_connection((parts.hostname or "", parts.port or _DEFAULT_PORT), timeout=10).close()


def spark_schema(schema: pa.Schema) -> StructType:
    """The Spark form of an Arrow schema, every column nullable."""
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StructField, StructType

    struct = from_arrow_schema(schema)
    return StructType([StructField(f.name, f.dataType, True) for f in struct.fields])


def arrow_schema(frame: DataFrame) -> pa.Schema:
    """The Arrow form of a frame's schema, instants in UTC."""
    from pyspark.sql.pandas.types import to_arrow_schema

    return to_arrow_schema(frame.schema, timezone="UTC")
