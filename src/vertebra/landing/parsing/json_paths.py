"""Paths to nested values of JSON records: ``parkingSpace.hasParkingSpace``, ``rooms[0].size``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from vertebra.landing.parsing.column_origins import declared_origins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.dataset import Dataset

_PATH: Final = re.compile(r"[^.\[\]]+(?:\[\d+\])*(?:\.[^.\[\]]+(?:\[\d+\])*)*")
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_FORMATS: Final = ("json", "jsonl")


def declared_paths(dataset: Dataset) -> tuple[str, ...]:
    """The sources of a dataset that may be paths; a key that is written the same way comes first.

    Of XML they are all sources, because a column may not take an element that repeats.
    """
    outside = {one.name for one in declared_origins(dataset)}
    every = [source for name, column in dataset.columns.items() for source in column.sources(name)]
    sources = [source for source in every if source not in outside]
    if dataset.parse.format == "xml":
        return tuple(sorted({*sources}))
    if dataset.parse.format not in _FORMATS:
        return ()
    return tuple(sorted({source for source in sources if re.search(r"[.\[]", source) and _PATH.fullmatch(source)}))


def steps(path: str) -> list[str]:
    """The keys and positions of a path.

    Example:
        >>> steps("rooms[0].size")
        ['rooms', '0', 'size']
    """
    return [key or position for key, position in _STEP.findall(path)]


def pointer(keys: Sequence[str]) -> str:
    """A JSON Pointer (RFC 6901).

    Example:
        >>> pointer(["rooms", "0", "a/b"])
        '/rooms/0/a~1b'
    """
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
