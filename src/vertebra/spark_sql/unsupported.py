"""What users' SQL may not contain: where it stands, why, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class Problem:
    """A part of a text that is refused.

    Attributes:
        start: position of the part in the text.
        end: position after it.
        fact: what it is.
        cause: why it is refused.
        remedy: what to write instead.
        recorded: it is refused because the engines are recorded to differ, not by a rule.
    """

    start: int
    end: int
    fact: str
    cause: str
    remedy: str
    recorded: bool = False


class UnsupportedError(Exception):
    """A node of a query is refused; :func:`problem` gives it a place."""

    def __init__(self, fact: str, *, cause: str, remedy: str) -> None:
        super().__init__(fact)
        self.fact, self.cause, self.remedy = fact, cause, remedy


class UnverifiedError(UnsupportedError):
    """The engines are recorded to differ in a call, or were not compared."""


def problem(node: exp.Expr, refused: UnsupportedError, length: int) -> Problem:
    """The problem that a node of a text is.

    Args:
        length: characters of the text, for nodes without a place.
    """
    start, end = span(node) or (0, length)
    recorded = isinstance(refused, UnverifiedError)
    return Problem(start, end, refused.fact, refused.cause, refused.remedy, recorded)


def span(node: exp.Expr) -> tuple[int, int] | None:
    """Where a node begins and ends in the text, as far as its parts have places."""
    from sqlglot import exp

    if isinstance(node, exp.Anonymous) and "start" in node.meta:
        return node.meta["start"], node.meta["end"] + 1
    places = [part.meta for part in node.walk() if "start" in part.meta]
    return (min(place["start"] for place in places), max(place["end"] for place in places) + 1) if places else None
