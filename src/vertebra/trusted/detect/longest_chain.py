"""The longest chain: the largest set of rows of a group in which no two violate a rule with two order predicates.

It is a longest increasing subsequence, found by patience sorting. The workers of the engine get the code of this module
by value: they need pyarrow and numpy, but not this package.

Sources: C. Schensted, Longest increasing and decreasing subsequences, Canad. J. Math. 13, 1961; for n log n, M. L.
Fredman, On computing the length of longest increasing subsequences, Discrete Math. 11, 1975.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from vertebra.trusted import ranks

if TYPE_CHECKING:
    import pyarrow as pa

_CONVERSE = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def longest_chains(one: str, two: str) -> Callable[[pa.Table], pa.Table]:
    """A function for ``applyInArrow``: rows ``o0, o1, grp`` to ``kept``, the number of remaining rows over all groups.

    Args:
        one: of two tuples that violate the rule, ``t.o0 one s.o0``; strict, if one of the two is.
        two: and ``t.o1 two s.o1``.
    """
    from pyspark import cloudpickle

    for module in (__name__, ranks.__name__):
        cloudpickle.register_pickle_by_value(sys.modules[module])  # type: ignore[no-untyped-call]

    def kept(rows: pa.Table) -> pa.Table:
        import pyarrow as pa

        return pa.table({"kept": pa.array([longest_in_groups(rows, one, two)], pa.int64())})

    return kept


def longest_in_groups(rows: pa.Table, one: str, two: str) -> int:
    """The sum over the groups of a table of the lengths of their longest chains; see :func:`longest_chains`."""
    import numpy as np

    if not rows.num_rows:
        return 0
    if one in {">", ">="}:
        one, two = _CONVERSE[one], _CONVERSE[two]
    first, second = ranks.ranked(rows.column("o0")), ranks.ranked(rows.column("o1"))
    if two in {"<", "<="}:
        # reversed: where the first value rises, the second must not fall
        second = second.max() - second
    ties = (one == "<", two in {"<", ">"})
    group = rows.column("grp").to_numpy()
    # if ties in the first value are violations, at most one such row remains: sort the second in descending order
    order = np.lexsort((second if ties[0] else -second, first, group))
    first, second, group = first[order], second[order], group[order]
    starts = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(group)]
    total = 0
    for start, end in pairwise(starts):
        values = second[start:end]
        if ties == (True, False):
            small = np.unique(values, return_inverse=True)[1] + 1
            total += _longest_of_blocks(first[start:end].tolist(), small.tolist())
        else:
            total += _longest(values.tolist(), ties[1])
    return total


def _longest(values: Sequence[int], ties: bool) -> int:
    """The length of the longest increasing subsequence, or, with ties, of the longest non-decreasing one."""
    place = bisect_right if ties else bisect_left
    ends: list[int] = []
    for value in values:
        at = place(ends, value)
        if at == len(ends):
            ends.append(value)
        else:
            ends[at] = value
    return len(ends)


def _longest_of_blocks(firsts: Sequence[int], seconds: Sequence[int]) -> int:
    """The most rows in which the second value rises wherever the first does; ties in the first value are allowed.

    Args:
        firsts: ascending.
        seconds: from 1, ascending where the first values tie.
    """
    # a tree of prefix maxima (P. M. Fenwick, 1994): the most rows so far up to a second value
    best = [0] * (max(seconds) + 1)

    def up_to(value: int) -> int:
        found = 0
        while value > 0:
            found = max(found, best[value])
            value &= value - 1
        return found

    start = 0
    while start < len(firsts):
        end, run, found = start, 0, []
        while end < len(firsts) and firsts[end] == firsts[start]:
            run = max(run, up_to(seconds[end] - 1)) + 1
            found.append((seconds[end], run))
            end += 1
        for value, length in found:
            while value < len(best):
                best[value] = max(best[value], length)
                value += value & -value
        start = end
    return up_to(len(best) - 1)
