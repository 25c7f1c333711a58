"""Numbers, with and without units."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.formats.column_sample import ColumnSample, Rewriting, group, matches
from vertebra.trusted.repair.formats.units import names_unit, unit_of

if TYPE_CHECKING:
    from pyspark.sql import Column

NUMBER: Final = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_UNIT: Final = r"[A-Za-zµ°%$€£]+\.?(?:/[A-Za-z0-9]+)?"
_WITH_UNIT: Final = rf"({NUMBER})(\s*)({_UNIT})"
_CURRENCY: Final = rf"([$€£])\s*({NUMBER})"
_GROUPED: Final = r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"
_ONE_GROUP: Final = r"[+-]?\d{1,3},\d{3}"
_COMMA: Final = r"[+-]?\d+,\d+"
_FLOAT: Final = r"[+-]?\d*\.\d*?(?:0{6,}\d{1,3}|9{6,}\d{0,3})"
_INTEGER: Final = r"[+-]?\d+"
_ZERO: Final = r"([+-]?\d+)\.0"

_USUAL: Final = 0.6
_ALL: Final = 0.9
_CONSISTENT: Final = 0.97


def numbers(sample: ColumnSample, value: Column) -> list[Rewriting]:
    """Rewritings of numbers to the form that most numbers of the column have.

    Where most values are plain numbers, others lose signs of thousands, decimal commas and units. The scale tells what
    a per cent sign means: ``0.05%`` among ``0.05`` and ``0.07`` is 0.05, and ``5%`` among them is 5 / 100.

    Where most values have a unit, and the column's name or its declaration says so, the unit is redundant. If it is
    written in several ways, the goal is the number alone: a whole number without a ``.0``, which programs add when they
    hold it as a float (other decimals may show a precision and are kept). If nothing else states the unit, removing it
    would lose information, so the goal is its most frequent spelling. A unit that is written in one way is left.
    """
    if sample.share(NUMBER) >= _USUAL:
        return _plain(sample, value)
    units = Counter[str]()
    for found, count in sample.matching(rf"{_WITH_UNIT}(?:\s+\S.*)?"):
        units[unit_of(found[3])] += count
    if not units:
        return []
    unit, count = units.most_common(1)[0]
    return _with_unit(sample, value, unit) if count >= _USUAL * sample.total else []


def _plain(sample: ColumnSample, value: Column) -> list[Rewriting]:
    from pyspark.sql import functions as F

    usual = [float(found[0]) for found, count in sample.matching(NUMBER) for _ in range(min(count, 20))]
    found = [*_without_units(sample, value, usual), *_without_commas(sample, value, usual)]
    short = sample.share(r"[+-]?\d*\.?\d{0,8}") >= _USUAL
    if short:
        reason = "a decimal number that a program wrote as a float"
        found.append(Rewriting(_is_float(value), _shortest(F.round(_exact(value), 10)), 0.93, reason))
    if sample.share(_INTEGER) >= _ALL:
        found.append(
            Rewriting(matches(value, _ZERO), group(value, _ZERO, 1), 0.95, "a whole number written as a float")
        )
    return found


def _without_units(sample: ColumnSample, value: Column, usual: list[float]) -> list[Rewriting]:
    from pyspark.sql import functions as F

    listed: dict[str, list[float]] = {}
    spelled: dict[str, set[str]] = {}
    for pattern, digits, sign in ((_WITH_UNIT, 1, 3), (_CURRENCY, 2, 1)):
        for found, count in sample.matching(pattern):
            if re.search(r"\d[eE]$", found[0]):
                continue
            key = unit_of(found[sign])
            listed.setdefault(key, []).extend([float(found[digits])] * min(count, 20))
            spelled.setdefault(key, set()).add(found[sign])
    rewritings = []
    for unit, values in listed.items():
        if len(listed) > 1 and len(values) < 3:
            continue
        scale = _scale(values, usual)
        percent = unit == "%" and 20 < scale < 500
        if not percent and not (0.2 < scale < 5):
            continue
        either = "|".join(re.escape(text) for text in sorted(spelled[unit]))
        pattern = rf"(?:({NUMBER})\s*(?:{either})|(?:{either})\s*({NUMBER}))"
        number = F.concat(group(value, pattern, 1), group(value, pattern, 2))
        number = F.when(_is_float(number), _shortest(F.round(_exact(number), 10))).otherwise(number)
        if percent:
            hundredth = _shortest(F.round(_exact(number) * F.lit(Decimal("0.01")), 14))
            rewritings.append(Rewriting(matches(value, pattern), hundredth, 0.85, "per cent among shares"))
        else:
            rewritings.append(
                Rewriting(matches(value, pattern), number, 0.92, "most values of the column have no unit")
            )
    return rewritings


def _is_float(number: Column) -> Column:
    """Whether a number has the digits of a float that is close to a shorter decimal number: 0.055999999999999994."""
    from pyspark.sql import functions as F

    return matches(number, _FLOAT) & F.length(number).between(15, 24)


def _exact(number: Column) -> Column:
    return number.try_cast("decimal(38,20)")


def _shortest(number: Column) -> Column:
    """A decimal number as text without zeros at its end."""
    from pyspark.sql import functions as F

    return F.regexp_replace(F.regexp_replace(number.cast("string"), r"(\.[0-9]*?)0+$", "$1"), r"\.$", "")


def _without_commas(sample: ColumnSample, value: Column, usual: list[float]) -> list[Rewriting]:
    from pyspark.sql import functions as F

    joined = F.regexp_replace(value, ",", "")
    point = F.regexp_replace(value, ",", ".")
    decimal = any(not re.fullmatch(_GROUPED, found[0]) for found, _ in sample.matching(_COMMA))
    clear = matches(value, _GROUPED) & ~matches(value, _ONE_GROUP)
    found = [Rewriting(clear, joined, 0.95, "signs of thousands, which most values do not have")]
    if decimal:
        other = matches(value, _COMMA) & ~matches(value, _ONE_GROUP)
        return [*found, Rewriting(other, point, 0.9, "a decimal comma, where most values have a point")]
    grouped = [float(one[0].replace(",", "")) for one, _ in sample.matching(_ONE_GROUP)]
    if grouped and max(usual) >= median(grouped) / 3 and median(grouped) / 1000 < min(abs(x) for x in usual if x) * 3:
        found.append(Rewriting(matches(value, _ONE_GROUP), joined, 0.85, "a sign of thousands"))
    elif grouped and any("." in text for text in sample.texts) and max(usual) >= 1000:
        found.append(Rewriting(matches(value, _ONE_GROUP), joined, 0.88, "a sign of thousands"))
    return found


def _scale(values: list[float], usual: list[float]) -> float:
    """How many times larger the values are than usual ones."""
    middle = median(abs(value) for value in usual)
    return median(abs(value) for value in values) / middle if middle else 0.0


def _with_unit(sample: ColumnSample, value: Column, unit: str) -> list[Rewriting]:
    from pyspark.sql import functions as F

    written = Counter[tuple[str, str]]()
    for found, count in sample.matching(_WITH_UNIT):
        if unit_of(found[3]) == unit:
            written[found[2], found[3]] += count
    if not written:
        return []
    spellings = {text for _, text in written}
    either = "|".join(re.escape(text) for text in sorted(spellings, key=lambda text: (-len(text), text)))
    (blank, usual), most = written.most_common(1)[0]
    # a unit cut short, as `oz` of `oz.`, ends where a blank follows
    pattern = rf"(?i)({NUMBER})\s*(?:{either})(\s+\S.*)?"
    number, rest = group(value, pattern, 1), group(value, pattern, 2)
    stated = names_unit(sample.name, unit) or (sample.unit is not None and unit_of(sample.unit) == unit)
    if stated and most < _CONSISTENT * sample.total:
        number = F.regexp_replace(number, r"^([+-]?\d+)\.0$", "$1")
        return [
            Rewriting(matches(value, pattern) & (rest == ""), number, 0.92, f"the column is in {unit}"),
            Rewriting(matches(value, pattern), number, 0.9, f"the column is in {unit}; the rest is not part of it"),
            Rewriting(matches(value, _ZERO), group(value, _ZERO, 1), 0.9, "a whole number written as a float"),
        ]
    if most < _USUAL * sample.total:
        return []
    same = matches(value, pattern) & (rest == "")
    return [Rewriting(same, F.concat(number, F.lit(blank + usual)), 0.92, "the usual way to write the unit")]
