"""Durations, sizes and percentages in everyday notation: ``90 s``, ``10 min``, ``60 days``; ``500 MB``; ``20 %``.

Every setting, declaration and option with one of them is parsed here, so the same notation works everywhere. No
library fits. pydantic reads durations in ISO 8601 (``P60D``), and ``8g`` as 8 · 10⁹ bytes, where Spark and Java, whose
users write it, mean 8 · 2³⁰. humanfriendly and pytimeparse2 read a number without a unit as seconds, and the latter
``1 month`` as 30 days; humanfriendly has had no release since 2021. pint takes more than half a second to load.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator

_SECONDS: Final = {
    **dict.fromkeys(("ms", "millisecond"), 0.001),
    **dict.fromkeys(("s", "second"), 1),
    **dict.fromkeys(("min", "minute"), 60),
    **dict.fromkeys(("h", "hour"), 3600),
    "day": 86400,
    "week": 604800,
}
_LONGEST: Final = timedelta(days=36525)
_BYTES: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_NUMBER: Final = r"(\d{1,15}(?:\.\d{1,9})?)\s*"
_DURATION: Final = re.compile(_NUMBER + r"(ms|s|min|h|(?:millisecond|second|minute|hour|day|week)s?)")
_PERCENTAGE: Final = re.compile(_NUMBER + "%")
_SIZE: Final = re.compile(_NUMBER + r"([kmgt]?)(?:i?b)?", re.IGNORECASE)


def parse_duration(text: str) -> timedelta:
    """Parse a duration.

    Args:
        text: a number and a unit: ``ms``, ``s``, ``min``, ``h``, ``days`` or ``weeks``, or ``seconds``, ``minutes``,
            ``hours``; also in the singular.

    Raises:
        ValueError: it is not a duration, or is longer than 100 years.

    Examples:
        >>> parse_duration("90 s")
        datetime.timedelta(seconds=90)
        >>> parse_duration("1.5 hours")
        datetime.timedelta(seconds=5400)
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a duration; write a number and a unit, e.g. 90 s, 10 min or 60 days")
    unit = found[2]
    seconds = float(found[1]) * (_SECONDS[unit] if unit in _SECONDS else _SECONDS[unit.removesuffix("s")])
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text!r} is longer than 100 years; write a shorter duration, e.g. 60 days")
    return timedelta(seconds=seconds)


def parse_size(text: str) -> int:
    """Parse a size in bytes.

    Args:
        text: a number, with ``k``, ``m``, ``g`` or ``t`` for the powers of 1024, also as in ``kB`` and ``KiB``;
            without a unit it is bytes.

    Raises:
        ValueError: it is not a size, or is zero.

    Examples:
        >>> parse_size("8g")
        8589934592
        >>> parse_size("1.5 KB")
        1536
    """
    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * _BYTES[found[2].lower()]) if found else 0
    if not size:
        raise ValueError(f"{text!r} is not a size; write a number and a unit, e.g. 512 MB or 8 GB")
    return size


def parse_percentage(text: str) -> float:
    """Parse a percentage.

    Args:
        text: a number and ``%``.

    Returns:
        The number before ``%``.

    Raises:
        ValueError: it is not a percentage.

    Examples:
        >>> parse_percentage("12.5 %")
        12.5
    """
    found = _PERCENTAGE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a percentage; write a number and %, e.g. 20 %")
    return float(found[1])


def _checked_duration(text: str) -> str:
    parse_duration(text)
    return text


def _checked_size(text: str) -> str:
    parse_size(text)
    return text


def _checked_percentage(text: Any) -> str:
    # YAML reads a number without a unit as a number, and 0.5 could mean 0.5 % or a half
    parse_percentage(str(text))
    return str(text)


Duration = Annotated[str, AfterValidator(_checked_duration)]
"""A text that :func:`parse_duration` accepts."""

Size = Annotated[str, AfterValidator(_checked_size)]
"""A text that :func:`parse_size` accepts."""

Percentage = Annotated[str, BeforeValidator(_checked_percentage)]
"""A text that :func:`parse_percentage` accepts."""
