"""Exact factors between units of measure, for conversions in SQL."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Final

from vertebra.errors import DeclarationError

if TYPE_CHECKING:
    from pint import UnitRegistry

_UNIT: Final = re.compile(r"[^\W\d_][^\n]{0,39}|[%\u00b0\u2030][^\n]{0,39}")
_POWER: Final = re.compile(r"(?<![^\W\d_])([mcdk\u00b5]?m|ft|in|yd)([23])(?![0-9])")
_HIGH_POWER: Final = re.compile(r"(\^|\*\*)\s*\W*[0-9.]{2,}|(\^|\*\*).*(\^|\*\*).*(\^|\*\*)")


@cache
def conversion(source: str, target: str, key: str = "convert") -> tuple[float, float]:
    """The factor and offset that convert one unit to another: ``target = source · factor + offset``.

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
    return float(one - zero), float(zero)


def _said(error: Exception) -> str:
    """The words of an error; pint cannot write some of its own about fractions."""
    try:
        return str(error)
    except TypeError:
        return "they measure different things"


def conversion_of_text(unit: str, target: str) -> tuple[float, float] | None:
    """The factor and offset for a unit that is a text of the data; None if it cannot be converted."""
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
