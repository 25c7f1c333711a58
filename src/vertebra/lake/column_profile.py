"""Profiles of a batch's columns: the kinds of their cells. A profile is the schema of a payload without types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

KINDS: Final = ("int", "digits", "decimal", "date", "timestamp", "bool", "text", "blank", "null")
"""``digits`` are integers with zeros in front, as in codes and clock times; ``blank`` is text of spaces or nothing."""

WORDS: Final = 8
"""How many different texts of a column are counted at most."""

EMPTY: Final = "empty"
"""The type of a column without values."""

_MOST: Final = 0.9
_WIDER: Final = {"int": "decimal", "digits": "decimal", "date": "timestamp"}


@dataclass(frozen=True)
class ColumnProfile:
    """How the cells of a column are written.

    Attributes:
        kinds: number of cells by kind, one of ``KINDS``.
        words: number of cells by text, if the column has at most ``WORDS`` different texts, as the texts that stand for
            NULL are; empty if it has more.
    """

    kinds: Mapping[str, int]
    words: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_receipt(cls, seen: Mapping[str, Any]) -> ColumnProfile:
        """From the JSON form in a receipt."""
        return cls({kind: seen[kind] for kind in KINDS if kind in seen}, dict(seen.get("words", {})))

    def to_receipt(self) -> dict[str, Any]:
        """As the JSON form in a receipt."""
        return {kind: number for kind, number in self.kinds.items() if number} | (
            {"words": dict(self.words)} if self.words else {}
        )

    @property
    def records(self) -> int:
        """Number of cells."""
        return sum(self.kinds.values())

    def nulls(self, null: Collection[str], *, blank: bool = True) -> int:
        """Number of cells without a value.

        Args:
            null: texts that mean NULL.
            blank: whether blanks do.
        """
        words = sum(number for word, number in self.words.items() if word.strip() in null)
        return (self.kinds.get("blank", 0) if blank or "" in null else 0) + self.kinds.get("null", 0) + words

    def type(self, null: Collection[str]) -> str:
        """The kind of at least nine of ten values: ``int digits decimal date timestamp bool``, else ``text``.

        It is ``empty`` for a column without values. Integers also count as decimals, and dates as timestamps.

        Args:
            null: texts that mean NULL.
        """
        values = {kind: self.kinds.get(kind, 0) for kind in KINDS[:-2]}
        values["text"] -= self.nulls(null) - self.kinds.get("blank", 0) - self.kinds.get("null", 0)
        total = sum(values.values())
        if not total:
            return EMPTY
        if values["digits"]:
            # where some integers have leading zeros, all of them are codes
            values["digits"] += values.pop("int")
        for kind, wider in _WIDER.items():
            if kind in values and values[wider] and values[kind] < _MOST * total:
                values[wider] += values.pop(kind)
        kind = max(values, key=lambda kind: values[kind])
        return kind if values[kind] >= _MOST * total else "text"
