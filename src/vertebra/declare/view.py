"""An exploitation view: SparkSQL in ``views/<name>.sql`` or a function in ``views/<name>.py``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from vertebra.declare.dataset import Declared, Name


class View(Declared):
    """One view. ``inputs`` are the qualified tables it reads (``trusted.flights``), read from the SQL or declared."""

    name: Name
    description: str = ""
    language: Literal["sql", "python"]
    inputs: tuple[str, ...]
    file: Path
    sql: str | None = None
    build: Callable[..., Any] | None = None
    tags: tuple[str, ...] = ()
