"""Texts of a number and fixed words, such as ``37 patients``."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.formats.column_sample import ColumnSample, Rewriting, group, matches

if TYPE_CHECKING:
    from pyspark.sql import Column

_USUAL: Final = 0.8
_FEWEST_LETTERS: Final = 4
"""Shorter words are often a choice: ``5 km`` and ``5 mi``."""
_PER_SLIP: Final = 4
"""Letters of the words for each slip that is recognised."""
_AROUND: Final = r"([^0-9]*)([0-9]+(?:[.,][0-9]+)*)([^0-9]*)"
_RARE: Final = 0.02
_BETWEEN: Final = "\x1f"


def fixed_words(sample: ColumnSample, value: Column) -> list[Rewriting]:
    """Rewritings of texts whose words around a number are slips of those that nearly all texts of the column have.

    A letter too many beside the number may be one of its digits (``3x patients``): it is no slip of the words. Of a
    sign, such as in ``95%``, only a letter in its place is one.
    """
    from pyspark.sql import functions as F

    around = Counter[tuple[str, str]]()
    for found, count in sample.matching(_AROUND):
        around[found[1], found[3]] += count
    if not around:
        return []
    (before, after), most = around.most_common(1)[0]
    letters = len(re.findall(r"[^\W\d_]", before + after))
    if most < _USUAL * sample.total or not before + after or 0 < letters < _FEWEST_LETTERS:
        return []
    one, number, other = (group(value, _AROUND, place) for place in (1, 2, 3))
    slips = F.levenshtein(one, F.lit(before)) + F.levenshtein(other, F.lit(after))
    applies = matches(value, _AROUND) & slips.between(1, max(1, letters // _PER_SLIP))
    applies = applies & _beside(one, before, -1) & _beside(other, after, 1)
    if not letters:
        same_length = (F.length(one) == F.lit(len(before))) & (F.length(other) == F.lit(len(after)))
        applies = applies & same_length & F.concat(one, other).rlike("[A-Za-z]")
    frequent = [
        F.lit(f"{first}{_BETWEEN}{last}")
        for (first, last), count in around.items()
        if (first, last) != (before, after) and count > max(1, _RARE * sample.total)
    ]
    if frequent:
        applies = applies & ~F.concat(one, F.lit(_BETWEEN), other).isin(*frequent)
    return [
        Rewriting(applies, F.concat(F.lit(before), number, F.lit(after)), 0.95, f"most values read {before}…{after}")
    ]


def _beside(words: Column, usual: str, place: int) -> Column:
    """Whether what stands next to the number is part of the words: the usual character, or another in its place."""
    from pyspark.sql import functions as F

    if not usual:
        return words == F.lit("")
    same = F.substring(words, place, 1) == F.lit(usual[0] if place > 0 else usual[-1])
    return same | (F.length(words) == F.lit(len(usual)))
