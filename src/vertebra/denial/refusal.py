"""How a rule is refused: the place with a caret under it, the reason, the nearest valid form."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NoReturn

from vertebra.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDTH = 100


def refuse(text: str, start: int, end: int, fact: str, *, cause: str = "", remedy: str = "") -> NoReturn:
    """Raise a :class:`RuleError` about ``text[start:end]``."""
    raise RuleError(f"{fact}\n{pointed(text, start, end)}", cause=cause, remedy=remedy)


def pointed(text: str, start: int, end: int) -> str:
    """The text with carets under ``text[start:end]``; of a long text, the part around it."""
    start = min(start, len(text))
    first = 0 if len(text) <= _WIDTH else max(0, min(start - _WIDTH // 2, len(text) - _WIDTH))
    shown = text[first : first + _WIDTH]
    before, after = "… " if first else "", " …" if first + _WIDTH < len(text) else ""
    length = max(1, min(end, first + len(shown)) - start)
    return f"    {before}{shown}{after}\n    {' ' * (len(before) + start - first)}{'^' * length}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, when one is."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None
