"""Names in one Unicode form: an accent may be part of a letter, or a character of its own that looks the same."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_STRINGS: Final = re.compile(r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")", re.DOTALL)


def nfc(name: str) -> str:
    """A name in Unicode's composed form.

    Examples:
        >>> nfc("co\\u0301digo")
        'código'
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def spellings(name: str) -> list[str]:
    """A name as it is, and in Unicode's other forms.

    Examples:
        >>> spellings("code")
        ['code']
        >>> len(spellings("c\\u00f3digo"))
        2
    """
    if name.isascii():
        return [name]
    return list(dict.fromkeys([name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))]))


def names_in_nfc(expression: str) -> str:
    """An SQL expression whose names are in composed form; strings stay as they are."""
    if unicodedata.is_normalized("NFC", expression):
        return expression
    parts = _STRINGS.split(expression)
    return "".join(part if number % 2 else nfc(part) for number, part in enumerate(parts))
