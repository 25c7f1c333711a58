"""Numbers with a unit after them, ``1.236,5 kWh``: the unit of each value decides how it is converted.

Which units the texts of a batch have is asked first; each of them then has its factor in the expression that casts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from vertebra.blanks import BLANKS
from vertebra.errors import LakeError
from vertebra.formatted.intermediates import Intermediates, Stage
from vertebra.formatted.units import Conversion, conversion, conversion_of_text, is_known

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from vertebra.declare.dataset import Column as Declaration
    from vertebra.declare.dataset import Dataset

_NUMBER: Final = "[+-]?[0-9.,'\u2019 \u00a0\u202f\u2009]*[0-9.,](?:[eE][+-]?[0-9]+)?"
_BARE: Final = rf"\A{_NUMBER}\z"
_MEASURE: Final = rf"\A({_NUMBER})[ \u00a0\u202f\u2009]*([^0-9.,'\u2019+ \u00a0\u202f\u2009-][^\n]*)\z"
_MOST_UNITS: Final = 1_000

Reasons = list[tuple["Column", str]]


@dataclass(frozen=True)
class Units:
    """The units that the values of a column have.

    Attributes:
        conversions: of each unit that can be converted to that of the table.
        others: known units of something else.
    """

    conversions: Mapping[str, Conversion] = field(default_factory=dict)
    others: tuple[str, ...] = ()


NO_UNITS: Final[Mapping[str, Units]] = MappingProxyType({})


def found_units(dataset: Dataset, texts: Sequence[DataFrame]) -> dict[str, Units]:
    """The units of the columns of a dataset that have ``unit_from``.

    Args:
        texts: frames with the raw text of each declared column.

    Raises:
        LakeError: the texts after the numbers are no units: there are too many of them.
        DeclarationError: the unit of the table, or one that is declared, is not known.
    """
    found = {}
    for name, column in dataset.columns.items():
        if column.unit_from is None:
            continue
        target = str(column.unit)
        for unit in (target, *column.units_by_name.values()):
            conversion(unit, target, key="unit_from")
        units = [*dict.fromkeys(column.units_by_name.values())] or _asked(dataset, name, texts)
        known = {unit: one for unit in units if (one := conversion_of_text(unit, target)) is not None}
        found[name] = Units(known, tuple(unit for unit in units if unit not in known and is_known(unit)))
    return found


def split_measure(content: Column, intermediates: Intermediates) -> tuple[Column, Column]:
    """The number and the unit of a text; the whole text, and an empty unit, if it is not one with the other."""
    from pyspark.sql import functions as F

    unit = intermediates.keep(Stage.ISO, _unit(content))
    number = F.btrim(F.regexp_extract(content, _MEASURE, 1), F.lit(BLANKS))
    return intermediates.keep(Stage.STAMP, F.when(unit == "", content).otherwise(number)), unit


def converted(number: Column, unit: Column, declaration: Declaration, units: Units) -> Column:
    """A number in the unit of the table; NULL if its unit cannot be converted.

    Args:
        number: a double in its own unit.
        unit: the text of that unit.
    """
    from pyspark.sql import functions as F

    made = F.when(unit == "", number if declaration.unit_from == "cell" else F.lit(None).cast("double"))
    for text, conversion_of in units.conversions.items():
        made = made.when(unit == text, conversion_of.of(number))
    return made


def unit_reasons(content: Column, unit: Column, declaration: Declaration, units: Units) -> Reasons:
    """Why a number is refused for its unit."""

    # a condition that is a literal would give the reason another type than those of other columns
    reasons: Reasons = []
    if declaration.unit_from != "cell":
        reasons.append(((unit == "") & content.rlike(_BARE), "has no unit"))
    if units.others:
        reasons.append((unit.isin(*units.others), f"has a unit that cannot be converted to {declaration.unit}"))
    known = unit.isin("", *units.conversions)
    return [*reasons, (~known, "has a unit that is not known")]


def _unit(content: Column) -> Column:
    from pyspark.sql import functions as F

    return F.btrim(F.regexp_extract(content, _MEASURE, 2), F.lit(BLANKS))


def _asked(dataset: Dataset, name: str, texts: Sequence[DataFrame]) -> list[str]:
    """The different texts after the numbers of a column."""
    from pyspark.sql import functions as F

    found: set[str] = set()
    for text in texts:
        units = text.select(_unit(F.btrim(F.col(name), F.lit(BLANKS))).alias("unit")).distinct()
        found |= {unit for unit in units.limit(_MOST_UNITS + 2).toArrow().column(0).to_pylist() if unit}
        if len(found) > _MOST_UNITS:
            raise LakeError(
                f"the values of {name} have more than {_MOST_UNITS:,} different units, such as {min(found)!r}",
                cause="what follows the numbers, or the column that unit_from names, is no unit",
                remedy=f"correct unit_from of {name} in {dataset.declared_in}",
            )
    return sorted(found)
