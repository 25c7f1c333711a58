"""How a rule is refused: the place with a caret under it, the reason, the nearest valid form."""

from __future__ import annotations

from typing import NoReturn

from vertebra.errors import RuleError

_WIDTH = 100


class Refusal(RuleError):  # noqa: N818 - it is a rule error with its place
    """A rule is refused at a place in its text.

    Attributes:
        text: the text of the rule.
        start: where the place begins.
        end: where it ends.
        reason: what is wrong, without the text.
    """

    def __init__(self, text: str, start: int, end: int, reason: str, *, cause: str = "", remedy: str = "") -> None:
        self.text = text
        self.start = start
        self.end = end
        self.reason = reason
        super().__init__(f"{reason}\n{pointed(text, start, end)}", cause=cause, remedy=remedy)


def refuse(text: str, start: int, end: int, fact: str, *, cause: str = "", remedy: str = "") -> NoReturn:
    """Raise a :class:`Refusal` about ``text[start:end]``."""
    raise Refusal(text, start, end, fact, cause=cause, remedy=remedy)


def pointed(text: str, start: int, end: int) -> str:
    """The text on one line with carets under ``text[start:end]``; of a long text, the part around it."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    start = min(start, len(text))
    first = 0 if len(text) <= _WIDTH else max(0, min(start - _WIDTH // 2, len(text) - _WIDTH))
    shown = text[first : first + _WIDTH]
    before, after = "… " if first else "", " …" if first + _WIDTH < len(text) else ""
    length = max(1, min(end, first + len(shown)) - start)
    return f"    {before}{shown}{after}\n    {' ' * (len(before) + start - first)}{'^' * length}"
