"""Two values of a cell, with the parts of their text that differ."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from vertebra.escape_control import escape_invisible

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH: Final = 90
"""Characters of a value that are shown."""

_BEFORE: Final = 24
"""Of them, those before the first difference of a longer value."""

_RELATED: Final = 0.5
"""Two values with less in common differ as wholes."""


@dataclass(frozen=True)
class Piece:
    """A part of a value, and whether the other value has something else there."""

    text: str
    changed: bool = False


def differences(old: str | None, new: str | None) -> tuple[Sequence[Piece], Sequence[Piece]]:
    """The pieces of the old and of the new value; none for NULL and for empty text.

    Of long values the part around the first difference is shown.
    """
    if old is None or new is None:
        return _whole(old), _whole(new)
    long = max(len(old), len(new)) > _WIDTH
    start = max(0, _common(old, new) - _BEFORE) if long else 0
    first, second = _window(old, start), _window(new, start)
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    if matcher.ratio() < _RELATED:
        return _whole(old, start), _whole(new, start)
    before: list[Piece] = []
    after: list[Piece] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        for pieces, text in ((before, first[a:b]), (after, second[c:d])):
            if text:
                pieces.append(Piece(text, changed=kind != "equal"))
    return before, after


def _common(old: str, new: str) -> int:
    """How many characters are equal before the first difference."""
    return next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _whole(value: str | None, start: int = 0) -> list[Piece]:
    return [Piece(_window(value, start), changed=True)] if value else []


def _window(value: str, start: int) -> str:
    """A part of a value, with an ellipsis where it was cut; invisible characters are written out."""
    shown = escape_invisible(value[start : start + _WIDTH])
    return ("…" if start else "") + shown + ("…" if start + _WIDTH < len(value) else "")
