"""What `why` answers: links from a table, a row or a cell back to the received data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Link:
    """One link of the chain.

    Attributes:
        kind: ``table``, ``view``, ``column``, ``golden``, ``analysis``, ``trusted``, ``repair``, ``quarantine``,
            ``violation``, ``decision``, ``formatted``, ``landing``, ``batch`` or ``superseded``.
        text: the link in a sentence.
        facts: its details, by name.
        depth: the distance from the explained table; a table can be made from several others.
    """

    kind: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0


@dataclass(frozen=True)
class Explanation:
    """The links from a table, row or cell to the data that was received."""

    table: str
    rid: int | None
    column: str | None
    links: tuple[Link, ...]
