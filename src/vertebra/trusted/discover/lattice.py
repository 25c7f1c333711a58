"""The search for left-hand sides: sets of columns by size, judged from evidence.

For every set X of columns up to a size, it counts the pairs that agree on X and, for every other column A, how many of
these differ on A. Sets on which hardly any pair agrees are not extended, because larger sets have even less evidence.

References: Huhtala, Kärkkäinen, Porkka and Toivonen, "TANE: An Efficient Algorithm for Discovering Functional and
Approximate Dependencies", The Computer Journal 42(2), 1999 (level-wise search, minimality). Wyss, Giannella and
Robertson, "FastFDs", DaWaK 2001 (minimal covers of difference sets, depth first).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from vertebra.trusted.discover.pair_evidence import PairEvidence, Weights

Places = tuple[int, ...]

_MOST_SETS: Final = 4_000
"""The most sets of one size: those with the most evidence."""


@dataclass(frozen=True)
class Node:
    """A set of columns, by their places in the evidence.

    Attributes:
        pairs: pairs that agree on all of them.
        both: of these, for every column, the pairs with a value of it in both rows.
        differ: of these, for every column, the pairs that differ on it.
    """

    columns: Places
    pairs: float
    both: Weights
    differ: Weights


def levels(found: PairEvidence, eligible: Sequence[int], most: int, least_pairs: float) -> Iterator[Node]:
    """All sets of eligible columns by size, and within a size in the order of the columns.

    Args:
        eligible: places of the columns that may be in a set.
        most: the largest size.
        least_pairs: sets on which fewer pairs agree are returned, but not extended.
    """
    differ = found.differ * found.weight[:, None]
    both = (found.differ | found.equal) * found.weight[:, None]
    open_: dict[Places, np.ndarray[Any, Any]] = {(): np.arange(len(found.weight))}
    for _ in range(most):
        extended: dict[Places, np.ndarray[Any, Any]] = {}
        nodes = []
        for columns, index in open_.items():
            for column in eligible:
                longer = (*columns, column)
                if columns and (column <= columns[-1] or not _all_open(longer, open_)):
                    continue
                agreeing = index[found.equal[index, column]]
                pairs = float(found.weight[agreeing].sum())
                nodes.append(Node(longer, pairs, both[agreeing].sum(axis=0), differ[agreeing].sum(axis=0)))
                if pairs >= least_pairs:
                    extended[longer] = agreeing
        yield from nodes
        if len(extended) > _MOST_SETS:
            weights = {node.columns: node.pairs for node in nodes}
            kept = sorted(extended, key=lambda columns: (-weights[columns], columns))[:_MOST_SETS]
            extended = {columns: extended[columns] for columns in sorted(kept)}
        open_ = extended


def _all_open(columns: Places, open_: dict[Places, np.ndarray[Any, Any]]) -> bool:
    """Whether every subset with one column less has enough evidence."""
    return all(part in open_ for part in combinations(columns, len(columns) - 1))


def uncovered(found: PairEvidence, eligible: Sequence[int], most: int) -> list[Places]:
    """The minimal sets of eligible columns on which no pair agrees: candidate keys.

    They are the minimal hitting sets of the columns on which pairs do not agree, of at most the given size.
    """
    return [node.columns for node in levels(found, eligible, most, 1.0) if node.pairs == 0]
