"""Whether a column whose values are all keys of another table refers to it, or has these values by chance.

Whole numbers from 1 to 9 are among the keys 1 to 50 of any table. What tells a reference from an accident are names,
and keys that are hard to hit: Rostin, Albrecht, Bauckmann, Naumann and Leser, "A Machine Learning Approach to Foreign
Key Discovery", WebDB 2009; Zhang, Hadjieleftheriou, Ooi, Procopiuc and Srivastava, "On Multi-Column Foreign Key
Discovery", PVLDB 3(1), 2010.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

_GENERIC: Final = frozenset(
    ("id", "key", "code", "no", "nr", "num", "number", "ref", "fk", "pk", "sk", "idx", "index", "name", "value")
)
"""Words that name a kind of column and not a thing: two columns ``id`` have nothing in common."""

_STEM: Final = 4
"""Letters that a shortened word has in common with the whole one: ``cust`` and ``customer``."""

_UNLIKELY: Final = 0.001
_MANY: Final = 1_000
"""With as many keys, that the values of a column end where the keys end is no accident either."""

_MOST_OF_RANGE: Final = 0.9
_LEAST_COVERED: Final = 0.3
_UNNAMED: Final = 0.5
"""How much a reference counts that no name supports."""


@dataclass(frozen=True)
class Numbers:
    """Whole numbers of a column, and the keys around them.

    Attributes:
        low, high: the least and greatest value of the column.
        distinct: different values of the column, about.
        drawn: different values that were looked up among the keys.
        met: those of them that are keys.
        keys_between: keys from ``low`` to ``high``.
        keys: all keys.
        first, last: the least and greatest key.
    """

    low: int
    high: int
    distinct: int
    drawn: int
    met: int
    keys_between: int
    keys: int
    first: int
    last: int


def names_agree(column: str, table: str, key: str) -> bool:
    """Whether the name of a column names another table, or its key.

    Examples:
        >>> names_agree("home_shop_id", "shops", "id"), names_agree("cust_no", "customers", "customer_no")
        (True, True)
        >>> names_agree("id", "shops", "id"), names_agree("quantity", "shops", "id")
        (False, False)
    """
    here, there = _words(column), _words(table)
    of_key = [word for word in _words(key) if word not in _GENERIC]
    if not [word for word in here if word not in _GENERIC]:
        return False
    whole = bool(there) and all(_among(word, here) for word in there)
    thing = bool(there) and there[-1] not in _GENERIC and _among(there[-1], here)
    return whole or thing or (bool(of_key) and all(_among(word, here) for word in of_key))


def weight(names: bool, numbers: Numbers | None) -> float:
    """How much the evidence for a reference counts, 0 to 1; 0 if chance explains it.

    Args:
        names: whether the names agree.
        numbers: for a column of whole numbers; None for other values, which are not keys by chance.
    """
    if names or numbers is None:
        return 1.0
    if _by_chance(numbers) <= _UNLIKELY:
        return 1.0
    covered = numbers.distinct >= _LEAST_COVERED * numbers.keys
    span = numbers.last - numbers.first + 1
    alike = numbers.high - numbers.low + 1 >= _MOST_OF_RANGE * span and numbers.high <= numbers.last
    return _UNNAMED if covered and alike and numbers.keys >= _MANY else 0.0


def _by_chance(numbers: Numbers) -> float:
    """A bound of the probability that as many of the drawn values are keys, if they were drawn from their own range.

    The bound of Chernoff and Hoeffding for a binomial distribution.
    """
    dense = min(1.0, numbers.keys_between / (numbers.high - numbers.low + 1))
    met = numbers.met / numbers.drawn
    if met <= dense:
        return 1.0
    if dense == 0:
        return 0.0
    divergence = met * math.log(met / dense)
    if met < 1:
        divergence += (1 - met) * math.log((1 - met) / (1 - dense))
    return math.exp(-numbers.drawn * divergence)


def _words(name: str) -> list[str]:
    """The words of a name in the singular: ``HomeShops`` has home and shop."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [_singular(word) for word in re.split(r"[^0-9A-Za-z\u0080-\uffff]+", spaced.lower()) if word]


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > _STEM:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > _STEM - 1 else word


def _among(word: str, words: list[str]) -> bool:
    """Whether a word, or a beginning of it that may be an abbreviation, is among others."""
    return any(
        word == other or (min(len(word), len(other)) >= _STEM and (word.startswith(other) or other.startswith(word)))
        for other in words
    )
