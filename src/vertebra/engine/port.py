"""The port to Spark: what Vertebra asks of an engine, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


class Engine(Protocol):
    """A Spark Connect session and the few operations that differ between engines.

    The session starts on first use of :attr:`session`, so that a run with nothing to do pays nothing.
    """

    @property
    def name(self) -> str:
        """``sail`` or the ``sc://`` address."""
        ...

    @property
    def session(self) -> SparkSession:
        """The Spark Connect session, session time zone UTC, ANSI mode on where the engine has it."""
        ...

    def read_parquet(self, files: Sequence[Path], schema: pa.Schema) -> DataFrame:
        """Read exactly these files; columns a file lacks are NULL.

        Args:
            files: absolute paths; each must exist.
            schema: the columns and types to read, in order.

        Raises:
            EngineError: a file does not exist (engines may silently give no rows).
        """
        ...

    def write_parquet(self, frame: DataFrame, folder: Path) -> list[Path]:
        """Write a frame as Parquet files into a new folder and return the files written (maybe none)."""
        ...

    def materialise(self, frame: DataFrame, folder: Path) -> DataFrame:
        """Write a frame into ``folder`` once and return a frame over the files (``cache()`` is a no-op on Sail)."""
        ...

    def stop(self) -> None:
        """End the session, and the server if it is ours."""
        ...
