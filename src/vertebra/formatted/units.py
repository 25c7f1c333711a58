"""Exact factors between units of measure, for conversions in SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Final

from vertebra.errors import DeclarationError

if TYPE_CHECKING:
    from pint import UnitRegistry
    from pyspark.sql import Column

_EXACT: Final = 2**53
"""Whole numbers below it are floating-point numbers."""

_UNIT: Final = re.compile(r"[^\W\d_][^\n]{0,39}|[%\u00b0\u2030][^\n]{0,39}")
_POWER: Final = re.compile(r"(?<![^\W\d_])([mcdk\u00b5]?m|ft|in|yd)([23])(?![0-9])")
_HIGH_POWER: Final = re.compile(r"(\^|\*\*)\s*\W*[0-9.]{2,}|(\^|\*\*).*(\^|\*\*).*(\^|\*\*)")


@dataclass(frozen=True)
class Conversion:
    """How one unit is converted to another: ``target = source · multiply / divide + offset``.

    A factor such as that of GJ and kWh, 2500/9, is no floating-point number. Multiplied and divided, 9.708984 GJ are
    2696.94 kWh; with the nearest number as a factor they are 2696.9399999999996, and less than the same counter in kWh.
    """

    multiply: float
    divide: float
    offset: float

    def of(self, number: Column) -> Column:
        """A number in the target unit.

        Args:
            number: a double in the source unit.
        """
        from pyspark.sql import functions as F

        if self.multiply != 1:
            number = number * F.lit(self.multiply)
        if self.divide != 1:
            number = number / F.lit(self.divide)
        return number + F.lit(self.offset) if self.offset else number


@cache
def conversion(source: str, target: str, key: str = "convert") -> Conversion:
    """How one unit is converted to another.

    Args:
        source: the unit of the text, as pint writes it: ``mph``, ``degF``, ``inHg``.
        target: the unit of the table.
        key: what declares them, for messages.

    Raises:
        DeclarationError: a unit is unknown, or the two measure different things.
    """
    from pint import PintError

    try:
        zero, one, two = (
            Fraction(_units().Quantity(Fraction(n), _written(source)).to(_written(target)).magnitude) for n in range(3)
        )
    except (PintError, ValueError, TypeError, AttributeError, ArithmeticError, SyntaxError) as error:
        raise DeclarationError(
            f"{source} cannot be converted to {target}",
            cause=_said(error),
            remedy=f"correct `{key}`; units are written as in https://pint.readthedocs.io, e.g. mph, km/h, degF",
        ) from error
    if two - one != one - zero:
        raise DeclarationError(
            f"{source} cannot be converted to {target} with a factor and an offset",
            cause="one of them is logarithmic",
            remedy=f"remove `{key}`, and convert in a view",
        )
    factor = one - zero
    if max(abs(factor.numerator), factor.denominator) < _EXACT:
        return Conversion(float(factor.numerator), float(factor.denominator), float(zero))
    return Conversion(float(factor), 1.0, float(zero))


def _said(error: Exception) -> str:
    """The words of an error; pint cannot write some of its own about fractions."""
    try:
        return str(error)
    except TypeError:
        return "they measure different things"


def conversion_of_text(unit: str, target: str) -> Conversion | None:
    """How a unit that is a text of the data is converted; None if it cannot be converted."""
    if not _is_harmless(unit):
        return None
    try:
        return conversion(unit, target)
    except DeclarationError:
        return None


def is_known(unit: str) -> bool:
    """Whether a text of the data is a unit that pint knows.

    Examples:
        >>> is_known("kWh"), is_known("m3"), is_known("kwh")
        (True, True, False)
    """
    from pint import PintError

    if not _is_harmless(unit):
        return False
    try:
        _units().Quantity(Fraction(1), _written(unit))
    except (PintError, ValueError, TypeError, AttributeError, ArithmeticError, SyntaxError):
        return False
    return True


def _is_harmless(text: str) -> bool:
    """Whether a text can be a unit, and is no expression that takes long to compute."""
    return bool(_UNIT.fullmatch(text)) and not _HIGH_POWER.search(text)


def _written(unit: str) -> str:
    """A unit as pint writes it: a power of a length, ``m3``, has a sign there."""
    return _POWER.sub(r"\1**\2", unit)


@cache
def _units() -> UnitRegistry:
    from pint import UnitRegistry

    # fractions, because 1 mph is exactly 1.609344 km/h and floats would round
    return UnitRegistry(non_int_type=Fraction)
