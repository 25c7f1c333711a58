"""The types a column of the canonical data model can have, by their Spark names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vertebra.suggestions import nearest

INTEGERS: Final = {
    "tinyint": (-(2**7), 2**7 - 1),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}
"""Whole numbers and the smallest and largest each can hold."""

SIMPLE: Final = (*INTEGERS, "float", "double", "string", "boolean", "date", "timestamp")
ALIASES: Final = {
    "integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint", "real": "float",
    "text": "string", "varchar": "string", "str": "string", "bool": "boolean", "datetime": "timestamp",
    "numeric": "decimal",
}  # fmt: skip
"""What other systems call the same types; only ever suggested."""

MAX_PRECISION: Final = 38
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")


@dataclass(frozen=True)
class ColumnType:
    """A parsed type.

    Attributes:
        name: one of :data:`SIMPLE`, or ``decimal``.
        precision: digits of a decimal, 1 to 38.
        scale: how many of them follow the point.
    """

    name: str
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})" if self.name == "decimal" else self.name


def column_type(text: str) -> ColumnType:
    """Parse a declared type such as ``int`` or ``decimal(10,2)``.

    Raises:
        ValueError: the text is not a type; the message suggests one.
    """
    name = text.strip().lower()
    if name in SIMPLE:
        return ColumnType(name)
    if found := _DECIMAL.fullmatch(name):
        precision, scale = int(found[1]), int(found[2])
        if 1 <= precision <= MAX_PRECISION and scale <= precision:
            return ColumnType("decimal", precision, scale)
        raise ValueError(f"{text} does not exist: a decimal has 1 to {MAX_PRECISION} digits, the scale among them")
    if name in ("decimal", "numeric"):
        raise ValueError(f"{text} needs its digits: decimal(10,2) holds 8 before the point and 2 after it")
    near = ALIASES.get(name) or nearest(name, SIMPLE)
    hint = f"did you mean {near}?" if near else f"the types are {', '.join(SIMPLE)} and decimal(p,s)"
    raise ValueError(f"{text!r} is not a type; {hint}")
