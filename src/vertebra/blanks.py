"""The blanks at the ends of a text that are no part of what it says."""

from __future__ import annotations

from typing import Final

BLANKS: Final = (
    " \t\n\r\x0b\x0c\x00\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""Unicode's white space, ASCII separators, NUL and byte order marks."""
