"""Expressions over many columns, as trees that an engine can plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Term = TypeVar("Term")


def balanced(combine: Callable[[Term, Term], Term], terms: Sequence[Term]) -> Term:
    """Combine terms with an associative operator into a tree of logarithmic depth.

    Engines plan recursively, and the protocol refuses expressions that are nested more than about 100 deep; a chain of
    terms is as deep as it has terms.

    Args:
        combine: puts the operator between two terms.
        terms: at least one, combined in this order.

    Examples:
        >>> balanced(lambda one, other: f"({one} and {other})", ["a", "b", "c"])
        '(a and (b and c))'
    """
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return combine(balanced(combine, terms[:half]), balanced(combine, terms[half:]))
