"""The port to Spark: one protocol, and an adapter for each engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vertebra.engine.connect import ConnectEngine, sail_version
from vertebra.engine.port import Capabilities, Engine
from vertebra.engine.sail import SailEngine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["Capabilities", "ConnectEngine", "Engine", "SailEngine", "over", "running", "start"]


def start(engine: str = "sail", memory: str | None = None) -> Engine:
    """Return the engine of a name; its session starts with the first query.

    Args:
        engine: ``sail``, or ``sc://host:port`` of a Spark Connect server.
        memory: bound of the embedded engine's memory, e.g. ``8g``.

    Raises:
        EngineError: the name is neither.
    """
    return SailEngine(memory) if engine == "sail" else ConnectEngine(engine)


@contextmanager
def running(engine: str | Engine, memory: str | None = None) -> Iterator[Engine]:
    """Use an engine for a block: one of a name, stopped at the end, or one that is running, left running.

    Args:
        engine: as of :func:`start`, or an engine.
        memory: as of :func:`start`; ignored for an engine that is running.

    Raises:
        EngineError: there is no engine of that name.
    """
    if not isinstance(engine, str):
        yield engine
        return
    own = start(engine, memory)
    try:
        yield own
    finally:
        own.stop()


def over(session: SparkSession) -> Engine:
    """Return an engine over a Spark Connect session that someone else started and will stop.

    The server may be Apache Spark or Sail; SQL of users is translated for Sail.
    """
    return SailEngine.over(session) if sail_version(session) else ConnectEngine.over(session)
