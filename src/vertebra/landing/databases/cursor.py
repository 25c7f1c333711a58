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
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from vertebra.errors import CollectError
from vertebra.landing.value_text import text_of
from vertebra.landing.watermark import disorder, kind_of, offset_of

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
        ties: number of landed copies of each row with that value or a later one, by the row's hash.
        column: the cursor column; None in receipts of earlier releases.
    """

    value: Any
    ties: Mapping[str, int]
    column: str | None = None

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
        kept = {"type": kind, "value": text_of(self.value), "ties": dict(self.ties)}
        return json.dumps(kept | ({"column": self.column} if self.column else {}), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Cursor:
        """The cursor in a receipt.

        Raises:
            CollectError: another collector wrote it.
        """
        try:
            kept = json.loads(text)
            return cls(_FROM_TEXT[kept["type"]](kept["value"]), Counter(kept["ties"]), kept.get("column"))
        except (ValueError, KeyError, TypeError) as error:
            raise CollectError(
                "the newest batch has no cursor of a database",
                cause=f"it has {text[:60]!r}, which another collector wrote",
                remedy="give the dataset that is read from the database a name of its own",
            ) from error


def like(text: str, example: Any, dataset: str) -> Any:
    """A value of the cursor that a person wrote, as the type of the column's values.

    Raises:
        CollectError: it is no such value.
    """
    kind = type(example).__name__
    try:
        found = _FROM_TEXT[kind](text)
        if isinstance(example, datetime) and (found.tzinfo is None) != (example.tzinfo is None):
            found = found.replace(tzinfo=UTC if example.tzinfo else None)
    except (KeyError, ValueError, ArithmeticError):
        raise CollectError(
            f"the cursor cannot be set to {text!r}",
            cause=f"the column has values such as {text_of(example)}",
            remedy=f"vertebra collect {dataset} --reset-cursor {text_of(example)}",
        ) from None
    return found


def family(value: Any) -> str:
    """Values of one family can be compared: numbers, texts, dates, and times with or without a zone."""
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, datetime):
        return "time with a zone" if value.tzinfo else "time"
    return {"str": "text"}.get(type(value).__name__, type(value).__name__)


def form(text: str) -> tuple[Any, ...]:
    """What texts have in common if they rise as what they mean: kind and length, or the way that a time is written.

    Example:
        >>> form("2024-01-31T12:00:00") == form("2024-01-31T12:00:00.5"), form("v9") == form("v10")
        (True, False)
    """
    kind = kind_of(text)
    if kind != "time":
        return (kind, len(text), not disorder(text))
    offset = offset_of(text)
    # as texts, "00Z" comes after "00.5Z", but "00" and "00+01:00" before "00.5" and "00.5+01:00"
    return (kind, text[10:11], offset, len(text) if offset.upper() == "Z" or len(text) <= len("2024-01-31") else 0)


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
