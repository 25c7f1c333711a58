"""Texts with places to fill in: ``{period:%Y-%m}``, ``{end:…}``, ``{last:…}`` and ``{name}`` of a declared list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from vertebra.declare.period import Period, format_time

_PLACE: Final = re.compile(r"\{\{|\}\}|\{(?P<name>[a-z_][a-z0-9_]*)(?::(?P<form>[^{}]*))?\}|(?P<stray>[{}])")
_MOMENTS: Final[Mapping[str, Callable[[Period], datetime]]] = {
    "period": lambda one: one.start,
    "end": lambda one: one.end,
    "last": lambda one: one.last_day,
}
"""``period`` is where the period begins, ``end`` where the next one begins, ``last`` its last day."""

_SAMPLE: Final = Period(datetime(2013, 1, 1), "month")


def placeholder_names(text: str) -> set[str]:
    """The names of the places in a text.

    Raises:
        ValueError: a brace stands alone, or a place about time is not written as one.
    """
    found = set()
    for match in _PLACE.finditer(text):
        if match["stray"]:
            raise ValueError(f"a brace stands alone in {text!r}; write {{{{ or }}}} for the character")
        name = match["name"]
        if name is None:
            continue
        if name in _MOMENTS:
            if not match["form"]:
                raise ValueError(f"{match[0]} does not say how the time is written; write {{{name}:%Y-%m-%d}}")
            format_time(_SAMPLE.start, match["form"])
        elif match["form"] is not None:
            raise ValueError(f"{match[0]} has a form, which only {{period:…}}, {{end:…}} and {{last:…}} have")
        found.add(name)
    return found


def is_time_placeholder(name: str) -> bool:
    """Whether a place is fill_placeholders with a period."""
    return name in _MOMENTS


def fill_placeholders(
    text: str, period: Period | None, values: Mapping[str, str], quote: Callable[[str], str] = str
) -> str:
    """A text with its places fill_placeholders in.

    Args:
        text: checked with :func:`placeholder_names`.
        period: of the places about time.
        values: of the other places.
        quote: what to do to each value, e.g. quoting for a URL.
    """

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0][0]
        if name in _MOMENTS:
            if period is None:
                raise ValueError(f"{match[0]} needs a period")
            return quote(format_time(_MOMENTS[name](period), match["form"]))
        return quote(values[name])

    return _PLACE.sub(fill, text)


def file_name_pattern(text: str) -> re.Pattern[str]:
    """The pattern of names that a text with places and wildcards stands for; a group for each field of a date.

    Args:
        text: such as ``2*_{period:%Y}_habitatges.csv``; ``*`` is any text, ``?`` one character.
    """
    made, at = [], 0
    taken: set[str] = set()
    for match in _PLACE.finditer(text):
        made.append(_wildcards(text[at : match.start()]))
        made.append(_time_group(match["form"], taken) if match["name"] in _MOMENTS else re.escape(match[0][0]))
        at = match.end()
    made.append(_wildcards(text[at:]))
    return re.compile("".join(made), re.IGNORECASE | re.DOTALL)


_DIGITS: Final = {
    "Y": r"\d{4}",
    "G": r"\d{4}",
    "m": r"\d\d?",
    "d": r"\d\d?",
    "H": r"\d\d?",
    "q": "[1-4]",
    "V": r"\d\d?",
}
"""How the fields of a date are read off a name."""


def _time_group(form: str, taken: set[str]) -> str:
    def field(match: re.Match[str]) -> str:
        key = match[2]
        if key not in _DIGITS:
            raise ValueError(f"%{key} cannot be read off a name; use %Y %m %d %H %q, or %G with %V")
        if key in taken:
            return f"(?P={key})"
        taken.add(key)
        return f"(?P<{key}>{_DIGITS[key]})"

    return re.sub(r"%(-?)([A-Za-z])", field, re.escape(form).replace("\\%", "%").replace("\\-", "-"))


def _wildcards(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
