"""How far a table has been read: the newest value of its cursor, and which rows with that value are landed.

A row may be inserted with the newest value just after that value was read. Reading only rows above the newest value
would lose this row; reading rows at or above it would duplicate the others. So rows at or above the value are read, and
landed ones are recognized by their hashes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from vertebra.errors import CollectError
from vertebra.landing.value_text import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_TIES: Final = 10_000
"""Most rows with the newest value, because the receipt keeps their hashes."""

_FROM_TEXT: Final[Mapping[str, Callable[[str], Any]]] = {
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "str": str,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "UUID": UUID,
}


@dataclass(frozen=True)
class Cursor:
    """How far a table has been read.

    Attributes:
        value: the newest value of the cursor column.
        ties: number of landed copies of each row with that value, by the row's hash.
    """

    value: Any
    ties: Mapping[str, int]

    def to_text(self) -> str:
        """The text for a receipt.

        Raises:
            CollectError: the value is of a type that does not sort as a cursor.
        """
        kind = type(self.value).__name__
        if kind not in _FROM_TEXT:
            raise CollectError(
                f"a {kind} cannot be a cursor",
                cause="it has to be a number, a date, a time stamp or a text",
                remedy="correct collect.cursor",
            )
        return json.dumps({"type": kind, "value": text_of(self.value), "ties": dict(self.ties)}, sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Cursor:
        """The cursor in a receipt.

        Raises:
            CollectError: another collector wrote it.
        """
        try:
            kept = json.loads(text)
            return cls(_FROM_TEXT[kept["type"]](kept["value"]), Counter(kept["ties"]))
        except (ValueError, KeyError, TypeError) as error:
            raise CollectError(
                "the newest batch has no cursor of a database",
                cause=f"it has {text[:60]!r}, which another collector wrote",
                remedy="give the dataset that is read from the database a name of its own",
            ) from error


def newest_value(text: str) -> str | None:
    """The value in a receipt's cursor; the whole text if another collector wrote it."""
    try:
        kept = json.loads(text)
    except ValueError:
        return text
    return str(kept["value"]) if isinstance(kept, dict) and "value" in kept else None


def row_hash(row: Sequence[Any]) -> str:
    """A hash of a row's values."""
    texts = [text_of(value) for value in row]
    return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()[:24]
