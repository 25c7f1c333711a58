"""Suggestions for names that do not exist: the known names that a person may have meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIMILAR: Final = 0.6
_MISTYPED: Final = 0.9
_SIMILAR_ENDING: Final = 0.75


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name that is most similar to a mistyped one, ignoring case; None where none is similar.

    Examples:
        >>> nearest("Colums", ["columns", "key", "rules"])
        'columns'
        >>> nearest("zone", ["columns", "key"])
    """
    by_lower = {one.lower(): one for one in known}
    found = get_close_matches(str(name).lower(), by_lower, n=1, cutoff=_SIMILAR)
    return by_lower[found[0]] if found else None


def did_you_mean(name: object, known: Iterable[str], otherwise: str) -> str:
    """The remedy for a name that does not exist: the nearest known name.

    Args:
        otherwise: the remedy where no known name is similar.

    Examples:
        >>> did_you_mean("colums", ["columns", "key"], "write one of its columns")
        'did you mean columns?'
    """
    found = nearest(name, known)
    return f"did you mean {found}?" if found else otherwise


def similar_tables(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known tables that a person may have meant: those with the same name in another zone, and similar names.

    Args:
        known: names with their zone, e.g. ``trusted.flights``.
        most: how many to give at most.

    Examples:
        >>> similar_tables("flights", ["formatted.flights", "trusted.flights", "trusted.planes"])
        ['formatted.flights', 'trusted.flights']
    """
    listed = list(known)
    mistyped = get_close_matches(name, listed, 1, _MISTYPED)
    if mistyped:
        return mistyped
    same_ending = [one for one in listed if one.partition(".")[2] == name.rpartition(".")[2]]
    similar = get_close_matches(name, listed, most, _SIMILAR)
    by_ending = {one.rpartition(".")[2]: one for one in listed}
    similar += [by_ending[one] for one in get_close_matches(name.rpartition(".")[2], by_ending, most, _SIMILAR_ENDING)]
    return list(dict.fromkeys([*same_ending, *similar]))[:most]


def did_you_mean_table(name: str, known: Iterable[str], otherwise: str) -> str:
    """The remedy for a table or step that does not exist: up to three similar names.

    Args:
        known: names with their zone, e.g. ``trusted.flights``.
        otherwise: the remedy where no known name is similar.
    """
    found = similar_tables(name, known)
    return f"did you mean {' or '.join(found)}?" if found else otherwise
