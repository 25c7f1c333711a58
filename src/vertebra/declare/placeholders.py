"""Texts with placeholders: ``{period:%Y-%m}``, ``{end:…}``, ``{last:…}`` and ``{name}`` of a declared list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from vertebra.declare.period import Period, format_time

_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{(?P<name>[a-z_][a-z0-9_]*)(?::(?P<form>[^{}]*))?\}|(?P<stray>[{}])")
_TIMES: Final[Mapping[str, Callable[[Period], datetime]]] = {
    "period": lambda one: one.start,
    "end": lambda one: one.end,
    "last": lambda one: one.last_day,
}
"""``period`` is the start of the period, ``end`` the start of the next one, ``last`` its last day."""

_SAMPLE: Final = Period(datetime(2013, 1, 1), "month")


def placeholder_names(text: str) -> set[str]:
    """The names of the placeholders in a text.

    Raises:
        ValueError: a brace is not part of a placeholder, or a placeholder of a time has no format.
    """
    found = set()
    for match in _PLACEHOLDER.finditer(text):
        if match["stray"]:
            raise ValueError(f"a brace in {text!r} is not part of a placeholder; write {{{{ or }}}} for the character")
        name = match["name"]
        if name is None:
            continue
        if name in _TIMES:
            if not match["form"]:
                raise ValueError(f"{match[0]} has no format for the time; write {{{name}:%Y-%m-%d}}")
            format_time(_SAMPLE.start, match["form"])
        elif match["form"] is not None:
            raise ValueError(f"{match[0]} has a format, which only {{period:…}}, {{end:…}} and {{last:…}} have")
        found.add(name)
    return found


def is_time_placeholder(name: str) -> bool:
    """Whether a placeholder stands for a time: ``period``, ``end`` or ``last``."""
    return name in _TIMES


def fill_placeholders(
    text: str, period: Period | None, values: Mapping[str, str], quote: Callable[[str], str] = str
) -> str:
    """Replace the placeholders in a text by values.

    Args:
        text: a text that :func:`placeholder_names` accepts.
        period: the period for placeholders of a time.
        values: the values of the other placeholders.
        quote: applied to each value, e.g. percent-encoding for a URL.
    """

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0][0]
        if name in _TIMES:
            if period is None:
                raise ValueError(f"{match[0]} needs a period")
            return quote(format_time(_TIMES[name](period), match["form"]))
        return quote(values[name])

    return _PLACEHOLDER.sub(fill, text)


def file_name_pattern(text: str) -> re.Pattern[str]:
    """A regular expression for the names that a text with placeholders and wildcards matches.

    It has a group for each field of a date.

    Args:
        text: such as ``2*_{period:%Y}_habitatges.csv``; ``*`` is any text, ``?`` one character.
    """
    made, at = [], 0
    taken: set[str] = set()
    for match in _PLACEHOLDER.finditer(text):
        made.append(_wildcards(text[at : match.start()]))
        made.append(_time_group(match["form"], taken) if match["name"] in _TIMES else re.escape(match[0][0]))
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
"""Patterns of the fields of a date in a file name."""


def _time_group(form: str, taken: set[str]) -> str:
    def field(match: re.Match[str]) -> str:
        key = match[2]
        if key not in _DIGITS:
            raise ValueError(f"%{key} cannot be read from a name; use %Y %m %d %H %q, or %G with %V")
        if key in taken:
            return f"(?P={key})"
        taken.add(key)
        return f"(?P<{key}>{_DIGITS[key]})"

    return re.sub(r"%(-?)([A-Za-z])", field, re.escape(form).replace("\\%", "%").replace("\\-", "-"))


def _wildcards(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
