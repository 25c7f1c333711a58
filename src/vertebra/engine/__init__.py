"""The port to Spark: one protocol, and an adapter for each engine."""

from __future__ import annotations

from vertebra.engine.connect import ConnectEngine
from vertebra.engine.port import Engine
from vertebra.engine.sail import SailEngine

__all__ = ["ConnectEngine", "Engine", "SailEngine", "start"]


def start(engine: str = "sail", memory: str | None = None, *, spilling_joins: bool = False) -> Engine:
    """The engine of a name; its session starts with the first query.

    Args:
        engine: ``sail``, or ``sc://host:port`` of a Spark Connect server.
        memory: bound of the embedded engine's memory, e.g. ``8g``.
        spilling_joins: of the embedded engine; see :class:`SailEngine`.

    Raises:
        EngineError: the name is neither.
    """
    return SailEngine(memory, spilling_joins=spilling_joins) if engine == "sail" else ConnectEngine(engine)
