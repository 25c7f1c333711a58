"""Figures and times as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A duration: ``0.4 s``, ``31 s``, ``2 min 5 s``, ``3 h 20 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def figure(value: object) -> str:
    """A number with thousands separators, or any other value as text; nothing for None."""
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


def many(count: int, thing: str, things: str = "") -> str:
    """A count and its noun: ``1 row``, ``2 rows``."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def size(count: int) -> str:
    """Bytes as kB, MB or GB."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def share(value: float) -> str:
    """A share as a percentage that never rounds a little to nothing or nearly all to all."""
    percent = 100 * value
    if 0 < percent < 0.01:
        return "<0.01 %"
    if 99.99 < percent < 100:
        return ">99.99 %"
    return f"{percent:.2f} %" if percent % 1 else f"{percent:.0f} %"
