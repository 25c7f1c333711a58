"""Codes of a fixed shape: phone numbers, postcodes, registrations."""

from __future__ import annotations

import re
from collections import Counter
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.formats.column_sample import ColumnSample, Rewriting

if TYPE_CHECKING:
    from pyspark.sql import Column

_USUAL: Final = 0.8
_LEAST: Final = 4
_ONE_CASE: Final = 0.98
_KNOWN: Final = 1_000
"""Values in the usual case that are looked at."""
_SEPARATORS: Final = r"[ .,/()_+-]"


def codes(sample: ColumnSample, value: Column) -> list[Rewriting]:
    """Rewritings of codes with other separators, or another case, than nearly all codes of the column have.

    The letters and digits stay the same, and their number and kinds must be those of the usual shape: where most phone
    numbers are written as 205-325-8100, (205) 325 8100 is too.
    """
    from pyspark.sql import functions as F

    shapes = Counter[str]()
    for text, count in sample.texts.items():
        shapes[shape_of(text)] += count
    if not shapes:
        return []
    shape, most = shapes.most_common(1)[0]
    plain = re.sub(_SEPARATORS, "", shape)
    if most < _USUAL * sample.total or len(plain) < _LEAST or "9" not in plain or not re.fullmatch("[9aA]+", plain):
        return []
    usual = re.fullmatch(f"(?:{_SEPARATORS}|[9aA])+", shape)
    if usual is None or (shape == plain and re.fullmatch("9+", plain) and _is_number(sample)):
        return []
    compact = F.regexp_replace(value, _SEPARATORS, "")
    if "a" not in plain:
        compact = F.upper(compact)
    elif "A" not in plain:
        compact = F.lower(compact)
    kinds = "".join({"9": "[0-9]", "a": "[a-z]", "A": "[A-Z]"}[kind] for kind in plain)
    pieces = []
    place = 1
    for char in shape:
        if char in "9aA":
            pieces.append(F.substring(compact, place, 1))
            place += 1
        else:
            pieces.append(F.lit(char))
    applies = compact.rlike(f"^{kinds}$") & value.rlike(f"^(?:{_SEPARATORS}|[0-9A-Za-z])+$")
    return [Rewriting(applies, F.concat(*pieces), 0.9, f"the usual shape in the column is {shape}")]


def one_case(sample: ColumnSample, value: Column) -> list[Rewriting]:
    """Rewritings of texts in the other case, where nearly all texts of the column are in one.

    A text with letters of both cases is left, except a capital at its beginning: a single letter of the other case is
    more likely a slip. The confidence is low if no other row has the text in the usual case.
    """
    from pyspark.sql import functions as F

    lettered = {text: count for text, count in sample.texts.items() if text.lower() != text.upper()}
    total = sum(lettered.values())
    if not total:
        return []
    for change, engine, other, name in (
        (str.upper, F.upper, (F.lower,), "capital"),
        (str.lower, F.lower, (F.upper, _capitalised), "small"),
    ):
        if sum(count for text, count in lettered.items() if text == change(text)) >= _ONE_CASE * total and total >= 20:
            applies = reduce(or_, (value == one(value) for one in other))
            reason = f"the column is in {name} letters"
            usual = sorted(text for text in lettered if text == change(text) and lettered[text] > 1)[:_KNOWN]
            return [
                Rewriting(applies & engine(value).isin(usual), engine(value), 0.93, reason),
                Rewriting(applies, engine(value), 0.5, f"{reason}; no other row has this text"),
            ]
    return []


def _capitalised(text: Column) -> Column:
    from pyspark.sql import functions as F

    return F.concat(F.upper(F.substring(text, 1, 1)), F.lower(F.substring(text, 2, 1_000_000)))


def shape_of(text: str) -> str:
    """A text with 9 for each digit, a and A for each small and capital letter.

    Example:
        >>> shape_of("AB-12c")
        'AA-99a'
    """
    return re.sub("[A-Z]", "A", re.sub("[a-z]", "a", re.sub("[0-9]", "9", text)))


def _is_number(sample: ColumnSample) -> bool:
    """Whether digits are a number rather than a code: then a point or a sign is part of the value."""
    return any(re.fullmatch(r"-\d+|\d+\.\d+", text) for text in sample.texts)
