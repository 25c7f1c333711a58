"""Values written as YAML in one line."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_PLAIN: Final = re.compile(r"[a-z][a-z0-9_]*")
_KEYWORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


def plain_or_quoted(name: str) -> str:
    """A name as YAML's flow style has it, in quotes where YAML would read it as something else, or lose blanks.

    Examples:
        >>> print(plain_or_quoted("Shop"), plain_or_quoted("Shop "), plain_or_quoted("no"))
        Shop "Shop " "no"
    """
    plain = name.isascii() and name.replace("_", "").isalnum() and name[0].isalpha()
    return name if plain and name.lower() not in _KEYWORDS else json.dumps(name, ensure_ascii=False)


def flow(value: Any) -> str:
    """A value in YAML's flow style: ``{distance: [1, 5000]}``.

    Text is in double quotes unless it is a plain name, so that every YAML reader reads it as text.
    """
    match value:
        case dict():
            return "{" + ", ".join(f"{flow(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case str() if _PLAIN.fullmatch(value) and value not in _KEYWORDS:
            return value
        case float():
            return repr(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
