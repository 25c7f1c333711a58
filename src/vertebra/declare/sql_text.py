"""What sqlglot says of SQL that does not parse, in words for the author."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlglot.errors import ParseError

_MISSING: Final = re.compile(r"Required keyword: '(\w+)' missing for <class '[\w.]*\.(\w+)'>")


def complaint(error: ParseError, text: str) -> tuple[str, int, int]:
    """The complaint with its line quoted and carets under the place, and the place: line and column, from 1.

    Args:
        error: what sqlglot raised.
        text: the SQL.
    """
    first = error.errors[0]
    line, last = int(str(first["line"] or 1)), int(str(first["col"] or 1))
    lines = text.splitlines()
    quoted = lines[line - 1] if 0 < line <= len(lines) else ""
    length = max(len(str(first.get("highlight") or "").split("\n")[-1]), 1)
    column = max(last - length + 1, 1)
    told = _in_words(str(first["description"]))
    return f"{told}\n    {quoted}\n    {' ' * (column - 1)}{'^' * length}", line, column


def _in_words(description: str) -> str:
    """A description without the names of sqlglot's classes."""
    found = _MISSING.match(description)
    if not found:
        return f"{description[:1].lower()}{description[1:]}"
    what = "an operand" if found[1] in ("this", "expression") else found[1]
    return f"{found[2].upper()} lacks {what}"
