"""Blocks of an entity resolution: what two records must have in common to be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

AUTO: Final = "auto"
"""Among blocks: the nearest records by words and characters."""

_PART: Final = re.compile(r"(?:(prefix|tokens|phonetic)\(\s*)?([a-z][a-z0-9_]*)\s*(?:,\s*(\d+)\s*)?(\))?")


@dataclass(frozen=True)
class BlockPart:
    """One value that two records must have in common.

    Attributes:
        function: ``value`` of a comparison, its ``prefix``, one of its ``tokens`` or its ``phonetic`` code.
        comparison: the name of the comparison.
        length: of the prefix; 0 for the others.
    """

    function: str
    comparison: str
    length: int = 0


def parse_part(text: str) -> BlockPart:
    """Read ``name``, ``prefix(name, 3)``, ``tokens(name)`` or ``phonetic(name)``.

    Raises:
        ValueError: it is none of them.

    Example:
        >>> parse_part("prefix(name, 3)")
        BlockPart(function='prefix', comparison='name', length=3)
    """
    found = _PART.fullmatch(text.strip())
    function, name, length, closed = found.groups() if found else (None, "", None, None)
    wrong = (function is None) != (closed is None) or (length is not None) != (function == "prefix")
    if not found or wrong or length == "0":
        raise ValueError(
            f"block has {text!r}; write a comparison, prefix(comparison, 3), tokens(comparison), phonetic(comparison), "
            "or a list of these that all must agree"
        )
    return BlockPart(function or "value", name, int(length or 0))


def block_parts(block: str | tuple[str, ...]) -> tuple[BlockPart, ...]:
    """The values of one block, all of which two records must have in common."""
    return tuple(map(parse_part, (block,) if isinstance(block, str) else block))


def _listed(value: Any) -> Any:
    return value if value == AUTO or not isinstance(value, str) else (value,)


Blocks = Annotated[
    Literal["auto"] | Annotated[tuple[str | Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(min_length=1)],
    BeforeValidator(_listed),
]
"""``auto``, or the blocks of which a candidate pair agrees on one; ``auto`` may be among them."""
