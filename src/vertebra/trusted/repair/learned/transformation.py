"""Transformations of values: a pattern of the values to change, and what the new value is made of.

A transformation is the same in Python, where labels are compared with it, and on the engine, where it is applied to a
column. Patterns use only what Python, Java and Rust understand alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import Column

LETTERS: Final = "[A-Za-z\u00c0-\u024f]"
"""A letter, in the syntax that Python and both engines share."""
ANY: Final = r"[\s\S]"
"""Any character."""


@dataclass(frozen=True)
class Piece:
    """A part of the new value: a text, or a group of the pattern after an operation.

    Attributes:
        text: if ``group`` is 0.
        group: the number of the group.
        operation: ``same``, ``lower``, ``upper``, ``capital``, ``pad`` (with zeros to ``width``), ``unpad`` (without
            leading zeros), ``squeeze`` (without blanks around it, one blank for several), or ``replace``
            (``sought`` by ``put``).
    """

    text: str = ""
    group: int = 0
    operation: str = "same"
    width: int = 0
    sought: str = ""
    put: str = ""

    def of(self, found: re.Match[str]) -> str:
        """This part of the new value."""
        if not self.group:
            return self.text
        value = found[self.group]
        if self.operation == "lower":
            return value.lower()
        if self.operation == "upper":
            return value.upper()
        if self.operation == "capital":
            return value[:1].upper() + value[1:].lower()
        if self.operation == "pad":
            return value.zfill(self.width)
        if self.operation == "unpad":
            return value.lstrip("0") or "0"
        if self.operation == "squeeze":
            return " ".join(value.split())
        if self.operation == "replace":
            return value.replace(self.sought, self.put)
        return value

    def column(self, value: Column, pattern: str) -> Column:
        """The same on the engine."""
        from pyspark.sql import functions as F

        if not self.group:
            return F.lit(self.text)
        part = F.regexp_extract(value, pattern, self.group)
        if self.operation == "lower":
            return F.lower(part)
        if self.operation == "upper":
            return F.upper(part)
        if self.operation == "capital":
            return F.concat(F.upper(F.substring(part, 1, 1)), F.lower(F.substring(part, 2, 1_000_000)))
        if self.operation == "pad":
            zeros = F.lit("0" * self.width)
            padded = F.concat(zeros, part)
            return F.when(F.length(part) >= self.width, part).otherwise(F.right(padded, F.lit(self.width)))
        if self.operation == "unpad":
            bare = F.regexp_replace(part, "^0+", "")
            return F.when(bare == "", F.lit("0")).otherwise(bare)
        if self.operation == "squeeze":
            return F.regexp_replace(F.regexp_replace(part, r"^\s+|\s+$", ""), r"\s+", " ")
        if self.operation == "replace":
            return F.replace(part, F.lit(self.sought), F.lit(self.put))
        return part


@dataclass(frozen=True)
class Transformation:
    """A way to change some values of a column.

    Attributes:
        pattern: of the whole of the values that it changes.
        pieces: what the new value is made of.
        reason: in words, for the evidence.
        loose: how much wider it is than the labels that it was made of, 0 for the narrowest.
        unless: texts at the beginning and at the end of values that it leaves, because they have them already.
    """

    pattern: str
    pieces: tuple[Piece, ...]
    reason: str
    loose: int = 0
    unless: tuple[str, str] = ("", "")

    def apply(self, text: str) -> str | None:
        """The new value; None if it leaves the value."""
        start, end = self.unless
        if (start and text.startswith(start)) or (end and text.endswith(end)):
            return None
        found = re.fullmatch(self.pattern, text)
        new = "".join(piece.of(found) for piece in self.pieces) if found else None
        return None if new == text else new

    def column(self, value: Column) -> Column:
        """The new value on the engine; NULL if it leaves the value, or the value is NULL."""
        from pyspark.sql import functions as F

        whole = f"^(?:{self.pattern})$"
        new = F.concat(F.lit(""), *(piece.column(value, whole) for piece in self.pieces))
        applies = value.rlike(whole)
        start, end = self.unless
        if start:
            applies = applies & ~value.startswith(start)
        if end:
            applies = applies & ~value.endswith(end)
        return F.when(applies & (new != value), new)


def escaped(text: str) -> str:
    """A text as a pattern."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)
