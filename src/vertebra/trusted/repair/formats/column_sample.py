"""The values of a column in a bounded sample, and rewritings that follow from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import Column

DISTINCT: Final = 5_000
"""Different values of a column that are looked at, the most frequent ones."""


@dataclass(frozen=True)
class ColumnSample:
    """Values of a column, without surrounding blanks, and how many rows of the sample have each.

    Attributes:
        unit: of the column, as declared.
        texts: without NULL, empty texts, and texts that stand for NULL.
    """

    name: str
    unit: str | None
    texts: dict[str, int]
    total: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", sum(self.texts.values()))

    def matching(self, pattern: str) -> Iterator[tuple[re.Match[str], int]]:
        """The values that a pattern describes in full, with their numbers of rows."""
        compiled = re.compile(pattern)
        for text, count in self.texts.items():
            found = compiled.fullmatch(text)
            if found:
                yield found, count

    def share(self, pattern: str) -> float:
        """The share of the rows whose value a pattern describes in full."""
        return sum(count for _, count in self.matching(pattern)) / self.total if self.total else 0.0


@dataclass(frozen=True)
class Rewriting:
    """A way to write some values of a column otherwise.

    Attributes:
        applies: whether a value is one of them. NULL counts as no.
        new: the other writing; NULL if the value stands for NULL.
        confidence: the probability that ``new`` is right.
        reason: in words.
    """

    applies: Column
    new: Column
    confidence: float
    reason: str


def whole(pattern: str) -> str:
    """A pattern for a whole value, in the syntax that Python and both engines share."""
    head, tail = ("(?i)", pattern[4:]) if pattern.startswith("(?i)") else ("", pattern)
    return f"{head}^(?:{tail})$"


def matches(value: Column, pattern: str) -> Column:
    """Whether a pattern describes a value in full."""
    return value.rlike(whole(pattern))


def group(value: Column, pattern: str, number: int) -> Column:
    """A group of the pattern that describes a value in full; the empty text if it took no part."""
    from pyspark.sql import functions as F

    return F.regexp_extract(value, whole(pattern), number)
