"""Units as people write them."""

from __future__ import annotations

import re
from typing import Final

_SPELLINGS: Final = {
    "oz": "oz ounce ounces", "lb": "lb lbs pound pounds", "g": "g gr gram grams",
    "kg": "kg kgs kilo kilos kilogram kilograms",
    "mg": "mg milligram milligrams", "t": "t ton tons tonne tonnes", "l": "l lt liter liters litre litres",
    "ml": "ml milliliter milliliters millilitre millilitres", "cl": "cl", "gal": "gal gallon gallons",
    "mm": "mm millimeter millimeters millimetre millimetres", "cm": "cm centimeter centimeters centimetre centimetres",
    "m": "m meter meters metre metres", "km": "km kms kilometer kilometers kilometre kilometres",
    "mi": "mi mile miles", "ft": "ft foot feet", "in": "in inch inches", "yd": "yd yard yards",
    "s": "s sec secs second seconds", "min": "min mins minute minutes", "h": "h hr hrs hour hours",
    "d": "d day days", "wk": "wk week weeks", "mo": "mo month months", "y": "y yr yrs year years",
    "%": "% pct percent percentage", "$": "$ usd dollar dollars", "€": "€ eur euro euros", "£": "£ gbp",
    "km/h": "km/h kmh kph", "mph": "mph", "kw": "kw", "kwh": "kwh", "w": "w watt watts", "v": "v volt volts",
    "b": "b byte bytes", "kb": "kb", "mb": "mb", "gb": "gb", "°c": "°c celsius", "°f": "°f fahrenheit",
}  # fmt: skip
_BY_SPELLING: Final = {spelling: unit for unit, texts in _SPELLINGS.items() for spelling in texts.split()}
_SHORT: Final = 2


def unit_of(text: str) -> str:
    """The unit that a text means; texts that mean the same one give the same result.

    Example:
        >>> unit_of("Ounces"), unit_of("oz."), unit_of("patients")
        ('oz', 'oz', 'patient')
    """
    plain = re.sub(r"[.\s]", "", text.lower())
    known = _BY_SPELLING.get(plain)
    if known:
        return known
    return plain[:-1] if plain.endswith("s") and len(plain) > _SHORT + 1 else plain


def names_unit(name: str, unit: str) -> bool:
    """Whether a column's name has a unit: ``ounces``, ``weight_kg``, ``distanceMiles``.

    Single letters are no units in names: too many words are abbreviated so.
    """
    words = re.findall(r"[A-Za-z%€$£°]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name))
    return any(unit_of(word) == unit for word in words if len(word) >= _SHORT or not word.isalpha())
