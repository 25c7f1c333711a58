"""Candidates for columns of numbers with a unit, which may be written in several ways: ``12 oz`` and ``12 ounce``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.trusted.discover.dependencies import named
from vertebra.trusted.discover.proposal import CandidateRule

if TYPE_CHECKING:
    from vertebra.trusted.discover.sample import Sample
    from vertebra.trusted.discover.subject import SubjectColumn

_LEAST_TEXTS: Final = 20
_LEAST_SHARE: Final = 0.98
_WITH_UNIT: Final = 0.05
"""At least this share of the texts has a unit."""
_MOST_WRITINGS: Final = 16
_RARE: Final = 0.05
"""A text after the number that is this much rarer than the most frequent one is none of the column's units."""
_MEASURE: Final = re.compile(
    r"(?P<number>[+-]?[0-9]+(?:[.,][0-9]+)*)(?P<blank>[ \u00a0]?)(?P<unit>[^0-9\s][^0-9]{0,30})?"
)
_SYNONYMS: Final[Mapping[str, str]] = {
    "ounce": "oz", "ounces": "oz", "gram": "g", "grams": "g", "gr": "g", "kilogram": "kg", "kilograms": "kg",
    "kilo": "kg", "kilos": "kg", "pound": "lb", "pounds": "lb", "lbs": "lb", "litre": "l", "litres": "l", "liter": "l",
    "liters": "l", "millilitre": "ml", "millilitres": "ml", "milliliter": "ml", "milliliters": "ml", "metre": "m",
    "metres": "m", "meter": "m", "meters": "m", "kilometre": "km", "kilometres": "km", "kilometer": "km",
    "kilometers": "km", "kms": "km", "centimetre": "cm", "centimeter": "cm", "mile": "mi", "miles": "mi", "foot": "ft",
    "feet": "ft", "inch": "in", "inches": "in", "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "minute": "min",
    "minutes": "min", "mins": "min", "second": "s", "seconds": "s", "sec": "s", "secs": "s", "day": "d", "days": "d",
    "percent": "%", "euro": "€", "euros": "€", "eur": "€", "usd": "$", "dollar": "$", "dollars": "$", "gbp": "£",
    "degrees": "°", "kilowatt": "kw", "watt": "w", "watts": "w",
}  # fmt: skip
_KNOWN: Final = frozenset((*_SYNONYMS, *_SYNONYMS.values(), "mg", "mm", "kwh", "mwh", "mb", "gb", "°c", "°f"))
"""Units that may follow a number without a blank, or be several in a column; other letters may be a code's: ``12A``."""


@dataclass(frozen=True)
class Measure:
    """The form of numbers with a unit.

    Attributes:
        pattern: a regular expression of texts.
        units: for each unit, the ways in which it is written, the most frequent first.
        without: the share of texts without a unit.
    """

    pattern: str
    units: Mapping[str, Sequence[str]]
    without: float


def units(sample: Sample, columns: Mapping[str, SubjectColumn]) -> list[CandidateRule]:
    """Patterns of columns of which nearly all texts are a number with a unit."""
    found = []
    for column in columns.values():
        if column.value_type != "text":
            continue
        values = zip(sample.values[column.name], sample.uniform, strict=True)
        measure = measure_of([str(value) for value, even in values if even and value is not None])
        if measure is not None:
            found.append(
                CandidateRule(
                    "pattern", named(column.name, "unit"), {"matches": {column.name: measure.pattern}}, (column.name,),
                    promise=0.6, hint=f"\x00{_said(measure)}",
                )
            )  # fmt: skip
    return found


def measure_of(texts: Sequence[str]) -> Measure | None:
    """The form of texts that are numbers with a unit; None for other texts, and for numbers without a unit.

    Examples:
        >>> measure_of(["12.0 oz."] * 20 + ["16.0 ounce"] * 9 + ["8 OZ"]).units
        {'oz': ['oz.', 'ounce', 'OZ']}
        >>> measure_of(["12A", "13B"] * 20)
    """
    parts = [part for text in texts if (part := _MEASURE.fullmatch(text.strip()))]
    if len(texts) < _LEAST_TEXTS or len(parts) < _LEAST_SHARE * len(texts):
        return None
    sizes = Counter((part["unit"] or "").rstrip() for part in parts)
    most = max((size for unit, size in sizes.items() if unit), default=0)
    usual = {unit_of(unit) for unit, size in sizes.items() if unit and size > _RARE * most}
    wrong = {unit for unit in sizes if unit and unit_of(unit) not in usual | _KNOWN}
    kept = [part for part in parts if (part["unit"] or "").rstrip() not in wrong]
    writings = [unit for unit, _ in sizes.most_common() if unit and unit not in wrong]
    if not writings or len(writings) > _MOST_WRITINGS or sizes[""] > (1 - _WITH_UNIT) * len(parts):
        return None
    if (len(usual) > 1 or not all(part["blank"] for part in kept if part["unit"])) and not usual <= _KNOWN:
        return None
    found: dict[str, list[str]] = {}
    for unit in writings:
        found.setdefault(unit_of(unit), []).append(unit)
    blanks = {bool(part["blank"]) for part in kept if part["unit"]}
    blank = "" if blanks == {False} else " " if blanks == {True} else " ?"
    alternatives = "|".join(re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", unit) for unit in writings)
    tail = f"{blank}({alternatives})" if blank or not sizes[""] else alternatives
    return Measure(_number(kept) + (f"({tail})?" if sizes[""] else tail), found, sizes[""] / len(parts))


def unit_of(text: str) -> str:
    """The unit that a text begins with, in one writing: ``oz`` for ``Ounce`` and for ``oz. Can``."""
    word = text.strip().split()[0].casefold().rstrip(".,;:") if text.strip() else ""
    return _SYNONYMS.get(word, word)


def _number(parts: Sequence[re.Match[str]]) -> str:
    numbers = [part["number"] for part in parts]
    sign = "[+-]?" if any(number[0] in "+-" for number in numbers) else ""
    marks = "".join(sorted({letter for number in numbers for letter in number if letter in ".,"}))
    return f"{sign}[0-9]+" + (f"([{marks}][0-9]+)*" if marks else "")


def _said(measure: Measure) -> str:
    """``a number in oz, written oz., oz and ounce; 3 % have no unit``."""
    said = [
        f"{unit}, written {_and(written)}" if written != [unit] else unit for unit, written in measure.units.items()
    ]
    less = f"; {measure.without:.0%} have no unit".replace("%", " %", 1) if measure.without else ""
    return f"a number in {' or '.join(said)}{less}"


def _and(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
