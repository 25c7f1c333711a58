"""A whole answer of a host, in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Download:
    """A whole answer.

    Attributes:
        file: its bytes.
        url: the requested address, without credentials.
        headers: those that a receipt keeps, under their usual names.
        links: the ``Link`` header, unchanged.
    """

    file: Path
    url: str
    headers: dict[str, str]
    links: str = ""
