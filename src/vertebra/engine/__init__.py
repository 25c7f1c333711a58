"""The port to Spark: one protocol, and an adapter for each engine."""

from __future__ import annotations

from vertebra.engine.connect import ConnectEngine
from vertebra.engine.port import Capabilities, Engine
from vertebra.engine.sail import SailEngine

__all__ = ["Capabilities", "ConnectEngine", "Engine", "SailEngine", "start"]


def start(engine: str = "sail", memory: str | None = None) -> Engine:
    """The engine of a name; its session starts with the first query.

    Args:
        engine: ``sail``, or ``sc://host:port`` of a Spark Connect server.
        memory: bound of the embedded engine's memory, e.g. ``8g``.

    Raises:
        EngineError: the name is neither.
    """
    return SailEngine(memory) if engine == "sail" else ConnectEngine(engine)
