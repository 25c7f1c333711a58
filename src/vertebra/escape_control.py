"""Text from outside made safe to show: control characters could change a terminal, or the order of what people read."""

from __future__ import annotations

import re
from typing import Final

_ACTED_UPON: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""Control characters but tab and line feed, those that change the direction of text, and those that XML forbids."""


def escape_control(text: str) -> str:
    """A text with its control characters written out, as in ``\\x1b``; line feeds and tabs stay."""
    return _ACTED_UPON.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
