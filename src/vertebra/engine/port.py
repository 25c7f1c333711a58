"""The port to Spark: what Vertebra asks of an engine, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from vertebra.spark_sql.translate import Translation

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Result = TypeVar("Result")
Progress = Callable[[str], None]
"""Receives what a piece of work is doing, in words."""
Dialect = Literal["sail", "spark"]


def silent(message: str) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Capabilities:
    """How engines differ, as far as callers need to know. Callers ask for a capability, never for an engine's name.

    Attributes:
        dialect: the implementation that computes and writes values. Two dialects may write the same number with
            different digits, so a table is only ever extended by the dialect that wrote it.
        joins_spill: joins that do not fit into memory spill to disk instead of failing.
    """

    dialect: Dialect
    joins_spill: bool


class Engine(Protocol):
    """A Spark Connect session and the few operations that differ between engines.

    The session starts on first use of :attr:`session`, so that a run with nothing to do pays nothing.
    """

    @property
    def name(self) -> str:
        """``sail`` or the ``sc://`` address; for people to read."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """How this engine differs from others."""
        ...

    @property
    def session(self) -> SparkSession:
        """The Spark Connect session, session time zone UTC, ANSI mode on where the engine has it."""
        ...

    def warm_up(self) -> None:
        """Start the session in the background; :attr:`session` waits for it."""
        ...

    def await_warm_up(self) -> None:
        """Wait for a session that starts in the background; :meth:`attempt` does so.

        The start imports the client and pandas. Two threads that import modules which import each other may deadlock,
        which Python reports as an error, so nothing that imports them runs meanwhile.
        """
        ...

    def attempt(self, work: Callable[[], Result], progress: Progress = silent) -> Result:
        """Run work on this engine, recover where the engine can, and translate its errors.

        Every use case runs its work through this operation, so that all entrances behave the same. When a join did not
        fit into memory and the engine can spill joins to disk, it switches to spilling joins and calls ``work`` again;
        when the server had ended the session, which servers do with idle ones, in a new session. Both replace
        :attr:`session`: ``work`` has to build its frames itself, each time it is called.

        Args:
            work: called once or twice; leaves nothing behind that would disturb a second call.
            progress: receives a note before a second call.

        Raises:
            EngineError: the engine failed; an exception of Spark, translated. Other exceptions pass unchanged.
        """
        ...

    def translate_query(self, text: str, tables: Mapping[str, DataFrame]) -> Translation:
        """The SQL that gives Apache Spark's answer to a query of a user on this engine.

        Args:
            text: one query.
            tables: the tables that it reads, by their names in lower case.

        Returns:
            The query to run, or the parts that this engine cannot compute as Apache Spark does.
        """
        ...

    def translate_expression(self, text: str, frame: DataFrame) -> Translation:
        """The same for an expression over the columns of a frame."""
        ...

    def translate_frame(self, frame: DataFrame, inputs: Collection[DataFrame]) -> DataFrame:
        """The same for a frame that a user's function made from others.

        Args:
            frame: what was done to ``inputs``; their own plans are not looked at.

        Raises:
            UnsupportedError: this engine cannot compute a part of it as Apache Spark does.
        """
        ...

    def read_parquet(self, files: Sequence[Path], schema: pa.Schema) -> DataFrame:
        """Read exactly these files; columns that a file does not have are NULL.

        Args:
            files: absolute paths; each must exist.
            schema: the columns and types to read, in order.

        Raises:
            EngineError: a file does not exist (engines may silently give no rows).
        """
        ...

    def write_parquet(self, frame: DataFrame, folder: Path) -> list[Path]:
        """Write a frame as Parquet files into a new folder and return the files written (maybe none).

        Raises:
            QueryError: the files have other columns or types than the frame, whose plan they were written from.
        """
        ...

    def materialise(self, frame: DataFrame, folder: Path) -> DataFrame:
        """Write a frame into ``folder`` once and return a frame over the files (``cache()`` is a no-op on Sail)."""
        ...

    def stop(self) -> None:
        """End the session, and the server if it is ours."""
        ...
