"""Text from outside made safe to show: control characters could change a terminal, or the order of what people read."""

from __future__ import annotations

import re
from typing import Final

_ACTED_UPON: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""Control characters but tab and line feed, those that change the direction of text, and those that XML forbids."""

_JOINERS: Final = "\u200c\u200d"


def escape_control(text: str) -> str:
    """A text with its control characters written out, as in ``\\x1b``; line feeds and tabs stay."""
    return _ACTED_UPON.sub(_written_out, text)


def escape_invisible(text: str) -> str:
    """A text with all characters that people cannot see, or tell from a space, written out: ``1\\xa0299``.

    Those that join letters stay: some scripts need them.
    """
    return "".join(
        char if char.isprintable() or char in _JOINERS else char.encode("unicode_escape").decode() for char in text
    )


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
