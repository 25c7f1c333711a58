"""A Spark Connect session behind the engine port: all that the two engines share."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vertebra.errors import EngineError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
    from pyspark.sql.types import StructType

_DEFAULT_PORT = 15002

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # Delta's timestamps are microseconds; Spark's default is the deprecated 96-bit form
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.compression.codec": "zstd",
    # the greatest value in a file's statistics leaves NaN out, so a file would be skipped whose NaN is greater still
    "spark.sql.parquet.filterPushdown": "false",
}


class ConnectEngine:
    """Apache Spark 4.x, or any Spark Connect server, at an ``sc://host:port`` address.

    The server must see the lake's folder under the same path.
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

    @classmethod
    def over(cls, session: SparkSession) -> ConnectEngine:
        """An engine over a session that someone else started and will stop."""
        engine = cls("sc://session")
        engine._session = session
        return engine

    @property
    def name(self) -> str:
        return _public(self._address)

    @property
    def session(self) -> SparkSession:
        if self._session is None:
            self._session = self._connect(self._address)
        return self._session

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
        return self._write(frame.write, folder)

    def _write(self, writer: DataFrameWriter, folder: Path) -> list[Path]:
        # `errorifexists` would be refused for a folder that a dead writer left; ours is always a new name
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
        if self._session is not None:
            self._session.stop()
            self._session = None

    def _connect(self, address: str) -> SparkSession:
        import logging

        from pyspark.sql import SparkSession

        logging.getLogger("pyspark.sql.connect").setLevel(logging.ERROR)
        _import_client()
        try:
            # the client would retry an address where nothing listens for ten minutes
            _reach(address)
            # `create`, not `getOrCreate`: two engines in one process must never share a session
            session: SparkSession = SparkSession.builder.remote(address).create()
            for key, value in self._session_settings.items():
                session.conf.set(key, value)
            session.sql("SELECT 1").collect()
        except Exception as error:
            raise EngineError(
                f"the engine at {self.name} does not answer",
                cause=str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__,
                remedy="start the Spark Connect server, or run with --engine sail",
            ) from error
        return session


def _public(address: str) -> str:
    """An address without what follows its first ``;``: connection parameters, a token among them."""
    return address.partition(";")[0].rstrip("/")


def _import_client() -> None:
    """Import the Spark Connect client.

    It takes a main module without a file (``python -c``) for a run of its own doctests and ends the process.
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


def _reach(address: str) -> None:
    """Open and close a connection, to learn at once when nothing listens."""
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
