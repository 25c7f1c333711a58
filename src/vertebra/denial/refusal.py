"""The syntax error of a rule: the rule with carets under the error, the reason and the nearest valid form."""

from __future__ import annotations

from typing import NoReturn

from vertebra.errors import RuleError

_WIDTH = 100


class Refusal(RuleError):  # noqa: N818 - it is a RuleError with a position
    """An error at a position in the text of a rule.

    Attributes:
        text: the text of the rule.
        start: the first position of the error.
        end: the position after the error.
        reason: the error, without the text of the rule.
        instead: what the remedy proposes to write in place of ``text[start:end]``; empty where it proposes no text.
    """

    def __init__(
        self, text: str, start: int, end: int, reason: str, *, cause: str = "", remedy: str = "", instead: str = ""
    ) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.reason = reason
        self.instead = instead
        super().__init__(f"{reason}\n{underlined(text, start, end)}", cause=cause, remedy=remedy)


def refuse(
    text: str, start: int, end: int, fact: str, *, cause: str = "", remedy: str = "", instead: str = ""
) -> NoReturn:
    """Raise a :class:`Refusal` about ``text[start:end]``; without a remedy, it proposes to write ``instead``."""
    remedy = remedy or (f"write {instead}" if instead else "")
    raise Refusal(text, start, end, fact, cause=cause, remedy=remedy, instead=instead)


def underlined(text: str, start: int, end: int) -> str:
    """The text on one line with carets under ``text[start:end]``; a long text is shortened to the part around it."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    start = min(start, len(text))
    first = 0 if len(text) <= _WIDTH else max(0, min(start - _WIDTH // 2, len(text) - _WIDTH))
    shown = text[first : first + _WIDTH]
    before, after = "… " if first else "", " …" if first + _WIDTH < len(text) else ""
    length = max(1, min(end, first + len(shown)) - start)
    return f"    {before}{shown}{after}\n    {' ' * (len(before) + start - first)}{'^' * length}"
