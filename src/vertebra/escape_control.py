"""Text from outside as it may be shown: a terminal acts on control characters, and people on the order of letters."""

from __future__ import annotations

import re
from typing import Final

_ACTED_UPON: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and those that turn the direction of what follows."""


def escape_control(text: str) -> str:
    """A text with the characters that a terminal would act upon written out, ``\\x1b``; lines and tabs stay."""
    return _ACTED_UPON.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
