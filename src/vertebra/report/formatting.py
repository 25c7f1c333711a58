"""Figures and times as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.pipeline.progress import StepResult


def seconds(value: float) -> str:
    """A duration: ``0.4 s``, ``31 s``, ``2 min 5 s``."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 60:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


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


def facts(of: Mapping[str, int | float | str]) -> list[str]:
    """Facts of a step: ``95 cells repaired``; a text is put after its name."""
    return [f"{name} {value}" if isinstance(value, str) else counted(value, name) for name, value in of.items()]


def counted(value: float, name: str) -> str:
    """A count of what is named in the plural: ``95 cells repaired``, ``1 cell repaired``."""
    return f"{figure(value)} {_singular(name) if value == 1 else name}"


def _singular(name: str) -> str:
    """One of what is named in the plural: ``cells repaired`` gives ``cell repaired``."""
    first, space, rest = name.partition(" ")
    if first in ("new", "candidate", "violating"):
        return f"{first} {_singular(rest)}"
    for ending in ("ches", "sses"):
        if first.endswith(ending):
            return first.removesuffix("es") + space + rest
    return first.removesuffix("s") + space + rest


def outcome(result: StepResult) -> str:
    """What a step did, in one line: ``1.2 s, 336,776 rows, 95 cells repaired, 0 rows quarantined``."""
    parts = [seconds(result.seconds)]
    if result.rows is not None and not result.step.startswith("landing."):
        parts.append(many(result.rows, "row"))
    return ", ".join([*parts, *facts(result.facts)])
