"""Exact factors between units of measure, for conversions in SQL."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from vertebra.errors import DeclarationError

if TYPE_CHECKING:
    from pint import UnitRegistry


@cache
def conversion(source: str, target: str) -> tuple[float, float]:
    """The factor and offset that convert one unit to another: ``target = source · factor + offset``.

    Args:
        source: the unit of the text, as pint writes it: ``mph``, ``degF``, ``inHg``.
        target: the unit of the table.

    Raises:
        DeclarationError: a unit is unknown, or the two measure different things.
    """
    from pint import PintError

    try:
        zero, one, two = (Fraction(_units().Quantity(Fraction(n), source).to(target).magnitude) for n in range(3))
    except (PintError, ValueError, TypeError, AttributeError) as error:
        raise DeclarationError(
            f"{source} cannot be converted to {target}",
            cause=str(error),
            remedy="correct `convert`; units are written as in https://pint.readthedocs.io, e.g. mph, km/h, degF",
        ) from error
    if two - one != one - zero:
        raise DeclarationError(
            f"{source} cannot be converted to {target} with a factor and an offset",
            cause="one of them is logarithmic",
            remedy="remove `convert`, and convert in a view",
        )
    return float(one - zero), float(zero)


@cache
def _units() -> UnitRegistry:
    from pint import UnitRegistry

    # fractions, because 1 mph is exactly 1.609344 km/h and floats would round
    return UnitRegistry(non_int_type=Fraction)
