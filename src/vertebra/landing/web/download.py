"""A whole answer of a host, in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Download:
    """A whole answer.

    Attributes:
        file: its bytes.
        url: what was asked for, without credentials.
        headers: those worth keeping, under their usual names.
        links: the ``Link`` header, as it came.
    """

    file: Path
    url: str
    headers: dict[str, str]
    links: str = ""
