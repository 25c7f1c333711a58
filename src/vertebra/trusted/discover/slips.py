"""Slips: rare texts that are a frequent text with a few letters wrong.

The distance between two texts counts inserted, left out, changed and exchanged letters: Damerau, "A Technique for
Computer Detection and Correction of Spelling Errors", Communications of the ACM 7(3), 1964 (optimal string alignment).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from vertebra.trusted.discover.sample import Sample

_TIMES: Final = 20
"""A slip is this many times rarer than the text that was meant."""
_SHORT: Final = 3
"""Texts of up to so many letters are all alike, so that spelling alone does not tell a slip from a code."""
_GROUP: Final = 4
"""In groups of as many rows, a value does not have the majority by chance."""


def slips(sizes: Mapping[str, int], usual: Collection[str] = ()) -> dict[str, str]:
    """The slips among texts, with the frequent text that each is like.

    Args:
        sizes: how often each text occurs.
        usual: texts that most rows of some groups have; see :func:`usual_in_groups`. They are no slips if they are
            short, or if several letters would be wrong. Short texts of one length are codes: ``AL`` and ``AK`` are both
            right. They are slips only if ``usual`` has a rarer code than the most frequent, and not them.

    Examples:
        >>> slips({"Portugal": 900, "Portgual": 3, "Spain": 800})
        {'Portgual': 'Portugal'}
        >>> slips({"al": 900, "ak": 20, "xl": 10}), slips({"al": 900, "ak": 20, "xl": 10}, usual=["al", "ak"])
        ({}, {'xl': 'al'})
        >>> slips({"yes": 900, "no": 300, "nq": 5})
        {'nq': 'no'}
    """
    ranked = sorted(sizes, key=lambda text: (-sizes[text], text))
    like = {text: _meant(text, ranked, sizes) for text in ranked}
    codes = len({len(text.strip()) for text in ranked if like[text] is None}) == 1
    known = not codes or any(text in usual for text in ranked[1:])
    found: dict[str, str] = {}
    for text, meant in like.items():
        if meant is None:
            continue
        other, wrong = meant
        if len(text.strip()) <= _SHORT:
            if known and text not in usual:
                found[text] = other
        elif wrong < 2 or text not in usual:
            found[text] = other
    return found


def _meant(text: str, ranked: Sequence[str], sizes: Mapping[str, int]) -> tuple[str, int] | None:
    """The most frequent text that is much more frequent and that a text is like, and how many letters are wrong."""
    for other in ranked:
        if sizes[other] < _TIMES * sizes[text]:
            break
        wrong = wrong_letters(text, other)
        if wrong is not None:
            return other, wrong
    return None


def wrong_letters(text: str, other: str) -> int | None:
    """How many letters of a text are wrong if another was meant; None if it is another text.

    In each word and in all, few letters may be wrong, and other digits are another text. If several letters are wrong,
    at most one of them is missing or too much: ``incomplete`` is not ``complete``.

    Examples:
        >>> wrong_letters("hearx axxack", "heart attack"), wrong_letters("heart failure", "heart attack")
        (3, None)
        >>> wrong_letters("ward 1", "ward 7"), wrong_letters("yse", "yes"), wrong_letters("Yes ", "yes")
        (None, 1, 0)
    """
    one, two = text.strip().casefold(), other.strip().casefold()
    if one == two:
        return 0
    digits, wanted_digits = re.sub(r"\D", "", one), re.sub(r"\D", "", two)
    if min(len(one), len(two)) < 2 or (digits != wanted_digits and len(digits) == len(wanted_digits)):
        return None
    words, wanted = one.split(), two.split()
    if len(words) == len(wanted):
        for a, b in zip(words, wanted, strict=True):
            most = max(1, len(b) // 3)
            if a != b and distance(a, b, most) > most:
                return None
    most = max(1, 3 * len(two) // 10)
    wrong = distance(one, two, most)
    return wrong if wrong <= most and (wrong < 2 or abs(len(one) - len(two)) < 2) else None


def distance(one: str, two: str, most: int) -> int:
    """The fewest letters to insert, leave out, change or exchange with the next; ``most + 1`` if there are more.

    Examples:
        >>> distance("Portgual", "Portugal", 3), distance("kitten", "sitting", 3), distance("red", "green", 1)
        (1, 3, 2)
    """
    if abs(len(one) - len(two)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, letter in enumerate(one, 1):
        next_row = [i]
        for j, wanted in enumerate(two, 1):
            cost = min(row[j] + 1, next_row[-1] + 1, row[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == two[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            next_row.append(cost)
        if min(next_row) > most:
            return most + 1
        before, row = row, next_row
    return min(row[-1], most + 1)


def usual_in_groups(sample: Sample, column: str) -> set[str]:
    """The texts of a column that most rows have in groups of another column's values.

    A slip is scattered over the groups; a rare text that is right is what its groups have.
    """
    right = sample.codes[column]
    size = int(right.max(initial=-1)) + 1
    found = np.zeros(size, dtype=bool)
    sizes = np.bincount(right[right >= 0], minlength=size)
    for name, left in sample.codes.items():
        known = (left >= 0) & (right >= 0)
        if name == column or not known.any():
            continue
        pairs, counts = np.unique(left[known].astype(np.int64) * size + right[known], return_counts=True)
        group, value = pairs // size, pairs % size
        rows = np.bincount(group, weights=counts)[group]
        leading = (rows >= _GROUP) & (2 * counts > rows)
        found |= 2 * np.bincount(value[leading], weights=counts[leading], minlength=size) > sizes
    texts = dict(zip(right.tolist(), sample.values[column], strict=True))
    return {str(texts[code]) for code in np.flatnonzero(found).tolist()}
