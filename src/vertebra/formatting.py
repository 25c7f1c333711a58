"""Formats numbers, shares, durations, sizes and lists for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun.

    Args:
        noun: in the singular.
        plural: where it is not the noun with an ``s``.

    Examples:
        >>> counted(1, "row")
        '1 row'
        >>> counted(2000, "batch", "batches")
        '2,000 batches'
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def figure(value: object) -> str:
    """A number with thousands separators, yes or no for a boolean, any other value as text; nothing for None.

    Examples:
        >>> figure(336776)
        '336,776'
        >>> figure(0.76701)
        '0.767'
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.0f}" if value.is_integer() and abs(value) >= 1000 else f"{value:,.4g}"
        case _:
            return str(value)


def percentage(share: float) -> str:
    """A share, 0 to 1, in percent; only 0 is shown as 0 % and only 1 as 100 %.

    Examples:
        >>> percentage(0.1487)
        '14.87 %'
        >>> percentage(0.99999999)
        '>99.99 %'
    """
    percent = 100 * share
    if 0 < percent < 0.01:
        return "<0.01 %"
    if 99.99 < percent < 100:
        return ">99.99 %"
    return f"{percent:.2f} %" if percent % 1 else f"{percent:.0f} %"


def duration(seconds: float) -> str:
    """A duration in the two units that matter.

    Examples:
        >>> duration(0.41), duration(31.2), duration(125), duration(12_000)
        ('0.4 s', '31 s', '2 min 5 s', '3 h 20 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """Bytes as B, kB, MB or GB, each 1,000 of the one before.

    Examples:
        >>> size(2_500_000)
        '2.5 MB'
    """
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def joined(names: Iterable[str]) -> str:
    """Names as a list in a sentence; at least one.

    Examples:
        >>> joined(["origin", "dest", "carrier"])
        'origin, dest and carrier'
    """
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def shortened(names: Iterable[str], most: int = 20) -> str:
    """The first names of a list, and how many more there are.

    Examples:
        >>> shortened(["a", "b", "c", "d"], 2)
        'a, b and 2 more'
    """
    listed = list(names)
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
