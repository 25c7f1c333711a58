"""The tuples of a group that keep their value, and the nearest value that they allow each of the others.

The tuples that stay are a longest chain: no two of them violate the rule. A tuple that is in every longest chain stays;
one that is in none changes; one that is in some only is a tie. The workers of the engine get the code of this module by
value: they need pyarrow and numpy, but not this package.

Source: M. L. Fredman, On computing the length of longest increasing subsequences, Discrete Math. 11, 1975.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from vertebra.trusted import ranks
from vertebra.trusted.repair.orders import nearest

if TYPE_CHECKING:
    import pyarrow as pa

CERTAIN: Final = 5
"""How many more errors are assumed otherwise where another rule, or a person, contradicts a value."""

_MAGNITUDE: Final = 0x7FFFFFFFFFFFFFFF


@dataclass(frozen=True)
class Sorting:
    """How the values of a group have to be sorted; see :class:`~vertebra.trusted.repair.orders.order.Order`."""

    descending: bool
    free: bool
    strict: bool
    type: str

    @property
    def floating(self) -> bool:
        """Whether the values are floating-point numbers."""
        return self.type in ("float", "double")


def chain_repairs(sorting: Sorting) -> Callable[[pa.Table], pa.Table]:
    """A function for ``applyInArrow``: the violating tuples of groups to those that change.

    It takes ``grp, rid, a, b``: the group, the row, the value that sorts, and the number of the value that is sorted;
    ``votes``: whether the value may stay; ``pinned``: whether it may not change; and ``before, before_rid, after,
    after_rid``: of the tuples that violate nothing, the nearest values before and after it, which stay.

    It returns ``grp, rid``, ``kind``, ``new``, the nearest values before and after it that stay, and ``extra``: how
    many more tuples would change if it stayed. The kind is ``change``; or ``tie``, where ``before`` is a tuple that
    excludes it, and ``extra`` the number of tuples of which one stays.
    """
    from pyspark import cloudpickle

    for module in (__name__, nearest.__name__, ranks.__name__):
        cloudpickle.register_pickle_by_value(sys.modules[module])  # type: ignore[no-untyped-call]

    def repairs(rows: pa.Table) -> pa.Table:
        return repaired(rows, sorting)

    return repairs


def repaired(rows: pa.Table, sorting: Sorting) -> pa.Table:
    """The tuples that change; see :func:`chain_repairs`."""
    import numpy as np

    group = rows.column("grp").to_numpy()
    first = ranks.ranked(rows.column("a"))
    value = _ordinals(rows.column("b"), sorting)
    order = np.lexsort((value if sorting.free else ~value, first, group))
    chains = _Chains(sorting, group[order], first[order], value[order])
    taken = {name: rows.column(name).to_numpy(zero_copy_only=False)[order] for name in ("rid", "votes", "pinned")}
    chains.choose(taken["votes"].astype(bool), taken["pinned"].astype(bool))
    low, high = _Bounds.of(rows, "before", order, sorting), _Bounds.of(rows, "after", order, sorting)
    chains.bound(low, high, taken["rid"])
    return chains.table(taken["rid"], low, high)


class _Chains:
    """The violating tuples of several groups, sorted by group and by the value that sorts; ties as chains go on."""

    def __init__(self, sorting: Sorting, group: Any, first: Any, value: Any) -> None:
        import numpy as np

        self.sorting, self.group, self.first, self.value = sorting, group, first, value
        self.size = len(group)
        new_group = np.ones(self.size, bool)
        new_group[1:] = group[1:] != group[:-1]
        new_block = new_group.copy()
        new_block[1:] |= first[1:] != first[:-1]
        self.new_block = new_block
        self.starts = [*np.flatnonzero(new_group).tolist(), self.size]
        self.group_start, self.group_end = _spans(new_group)
        self.block_start, self.block_end = _spans(new_block)

    # -- which tuples stay -----------------------------------------------------------------------------------------

    def choose(self, votes: Any, pinned: Any) -> None:
        """Find the tuples that stay, those that are a tie and those that change."""
        import numpy as np

        may_stay = (votes | pinned) & ~self._contradicted(pinned)
        ends, begins, longest = (np.zeros(self.size, np.int64) for _ in range(3))
        for start, end in pairwise(self.starts):
            place = start + np.flatnonzero(may_stay[start:end])
            values, firsts = self.value[place], self.first[place]
            ends[place] = self._lengths(firsts, values)
            begins[place] = self._lengths(-firsts[::-1], ~values[::-1])[::-1]
            longest[start:end] = ends[place].max(initial=0)
        self.level = ends
        self.within = may_stay & (ends + begins - 1 == longest)
        alone = np.zeros(self.size, bool)
        self.ways = np.ones(self.size, np.int64)
        within = np.flatnonzero(self.within)
        if len(within):
            of_level = self.group_start[within] * (self.size + 1) + ends[within]
            _, which, counts = np.unique(of_level, return_inverse=True, return_counts=True)
            alone[within] = counts[which] == 1
            self.ways[within] = counts[which]
        self.kept = self.within & alone
        self.tied = self.within & ~alone & ~pinned
        self.changing = ~self.within & ~pinned
        self.extra = np.where(may_stay, longest - (ends + begins - 1), CERTAIN)

    def _contradicted(self, pinned: Any) -> Any:
        """The tuples that violate the rule with a pinned one; there are few of these."""
        import numpy as np

        found = np.zeros(self.size, bool)
        for at in np.flatnonzero(pinned):
            span = slice(self.group_start[at], self.group_end[at])
            first, value = self.first[span], self.value[span]
            before, after = first < self.first[at], first > self.first[at]
            wrong = before & (value > self.value[at]) | after & (value < self.value[at])
            if self.sorting.strict:
                wrong |= (before | after) & (value == self.value[at])
            if not self.sorting.free:
                wrong |= (first == self.first[at]) & (self.sorting.strict | (value != self.value[at]))
            wrong[at - span.start] = False
            found[span] |= wrong & ~pinned[span]
        return found

    def _lengths(self, firsts: Any, values: Any) -> list[int]:
        """The length of the longest chain that ends with each tuple."""
        if self.sorting.free and self.sorting.strict:
            return _lengths_of_blocks(firsts.tolist(), values.tolist())
        return _lengths(values.tolist(), ties=not self.sorting.strict)

    # -- the nearest values ----------------------------------------------------------------------------------------

    def bound(self, low: _Bounds, high: _Bounds, rids: Any) -> None:
        """Narrow the bounds by the tuples that stay, and find the new values."""
        import numpy as np

        at = np.arange(self.size)
        last = np.maximum.accumulate(np.where(self.kept, at, -1))
        following = np.minimum.accumulate(np.where(self.kept, at, self.size)[::-1])[::-1]
        free = self.sorting.free
        before = _taken(last, self.block_start - 1 if free else self.block_end - 1, -1)
        after = _taken(following, self.block_end if free else self.block_start, self.size)
        low.narrow(np.where(before >= self.group_start, before, -1), self.value, rids, np.greater)
        high.narrow(np.where(after < self.group_end, after, -1), self.value, rids, np.less)
        self._between(low, high)
        self._exclusive(low, rids)

    def _between(self, low: _Bounds, high: _Bounds) -> None:
        """Give the tuples that change the nearest values between those that stay: none where there is no value."""
        import numpy as np

        step = int(self.sorting.strict)
        below = low.known & (self.value <= low.value if step else self.value < low.value)
        above = high.known & (self.value >= high.value if step else self.value > high.value)
        # a tuple that its neighbours allow contradicts only ties
        self.changing &= below | above
        self.new = np.where(below, low.value + step, high.value - step)
        room = ~(low.known & high.known) | (low.value + 2 * step <= high.value)
        self.valued = ~self.changing | room
        if step and not self.sorting.free:
            # at most one tuple of a block may have a value
            changing = np.bincount(self.block_start, self.changing, self.size)[self.block_start]
            self.valued &= ~self.changing | (changing == 1)
        rows = np.flatnonzero(self.changing & self.valued)
        if len(rows):
            one, two = rows[:-1], rows[1:]
            apart = low.known[two] & high.known[one] & (high.value[one] <= low.value[two])
            part = np.append(True, apart | (self.group[one] != self.group[two]))
            for start, end in pairwise([*np.flatnonzero(part).tolist(), len(rows)]):
                if end - start > 1:
                    self._together(rows[start:end], low, high)

    def _together(self, rows: Any, low: _Bounds, high: _Bounds) -> None:
        """Give tuples that no tuple in between keeps apart the nearest values that agree with each other."""
        import numpy as np

        step, blocks = int(self.sorting.strict), self.block_start[rows].tolist()
        floors = nearest.least_values(low.listed(rows), blocks, step)
        negated = [None if value is None else -value for value in high.listed(rows)[::-1]]
        tops = [None if value is None else -value for value in nearest.least_values(negated, blocks[::-1], step)[::-1]]
        bounds = list(zip(floors, tops, strict=True))
        if any(floor is not None and top is not None and floor > top for floor, top in bounds):
            self.valued[rows] = False
            return
        # a strict order rises by a step from block to block; without these steps it need not rise
        steps = (step * np.cumsum(self._rises(rows))).tolist()
        within = [_clipped(old, bound) for old, bound in zip(self.value[rows].tolist(), bounds, strict=True)]
        level = nearest.isotonic([value - rise for value, rise in zip(within, steps, strict=True)])
        self.new[rows] = [
            _clipped(value + rise, bound) for value, rise, bound in zip(level, steps, bounds, strict=True)
        ]

    def _rises(self, rows: Any) -> Any:
        """Whether each of some tuples is in another block than the one before."""
        import numpy as np

        return np.append(False, self.block_start[rows][1:] != self.block_start[rows][:-1])

    def _exclusive(self, low: _Bounds, rids: Any) -> None:
        """For each tie, another tuple of which one stays, and the value that this tuple leaves it."""
        import numpy as np

        ties = np.flatnonzero(self.tied)
        if not len(ties):
            return
        ties = ties[np.lexsort((ties, self.level[ties], self.group_start[ties]))]
        start = np.ones(len(ties), bool)
        start[1:] = (self.level[ties][1:] != self.level[ties][:-1]) | (self.group[ties][1:] != self.group[ties][:-1])
        first = np.append(start[1:], True)
        rival = np.where(start, np.roll(ties, -1), np.roll(ties, 1))
        # pinned tuples are no ties: the only other tuple of a level may be one
        lone = start & first
        rival = np.where(lone, ties, rival)
        later = rival < ties
        step = int(self.sorting.strict)
        self.new[ties] = np.where(later, self.value[rival] + step, self.value[rival] - step)
        same = self.first[rival] == self.first[ties]
        self.valued[ties] = ~(same & bool(step and not self.sorting.free)) & ~lone
        self.tied[ties[lone]] = False
        low.value[ties], low.rid[ties], low.known[ties] = self.value[rival], rids[rival], True
        self.extra[ties] = self.ways[ties]

    # -- the result ------------------------------------------------------------------------------------------------

    def table(self, rids: Any, low: _Bounds, high: _Bounds) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        rows = np.flatnonzero(self.changing | self.tied)
        tied = self.tied[rows]
        kind = np.where(tied, "tie", "change")
        return pa.table(
            {
                "grp": pa.array(self.group[rows], pa.int64()),
                "rid": pa.array(rids[rows], pa.int64()),
                "kind": pa.array(kind.tolist(), pa.string()),
                "new": _values(self.new[rows], ~self.valued[rows], self.sorting),
                "before": _values(low.value[rows], ~low.known[rows], self.sorting),
                "before_rid": pa.array(low.rid[rows], pa.int64(), mask=~low.known[rows]),
                "after": _values(high.value[rows], ~high.known[rows] | tied, self.sorting),
                "after_rid": pa.array(high.rid[rows], pa.int64(), mask=~high.known[rows] | tied),
                "extra": pa.array(self.extra[rows], pa.int64()),
            }
        )


@dataclass
class _Bounds:
    """The nearest value on one side of each tuple that stays, its row, and whether there is one."""

    value: Any
    rid: Any
    known: Any

    @classmethod
    def of(cls, rows: pa.Table, name: str, order: Any, sorting: Sorting) -> _Bounds:
        column, rid = rows.column(name).combine_chunks(), rows.column(f"{name}_rid").combine_chunks()
        known = rid.is_valid().to_numpy(zero_copy_only=False)[order]
        return cls(_ordinals(column.fill_null(0), sorting)[order], rid.fill_null(-1).to_numpy()[order].copy(), known)

    def listed(self, rows: Any) -> list[int | None]:
        """The values of some tuples; None where there is no bound."""
        pairs = zip(self.value[rows].tolist(), self.known[rows].tolist(), strict=True)
        return [value if known else None for value, known in pairs]

    def narrow(self, at: Any, values: Any, rids: Any, nearer: Callable[[Any, Any], Any]) -> None:
        """Take the tuples at some places, -1 for none, where they are nearer."""
        import numpy as np

        there = at >= 0
        at = np.where(there, at, 0)
        better = there & (~self.known | nearer(values[at], self.value))
        self.value = np.where(better, values[at], self.value)
        self.rid = np.where(better, rids[at], self.rid)
        self.known = self.known | there


def _lengths(values: Sequence[int], *, ties: bool) -> list[int]:
    """For each value, the length of the longest increasing subsequence that ends with it; with ties, non-decreasing."""
    place = bisect_right if ties else bisect_left
    ends: list[int] = []
    found = []
    for value in values:
        at = place(ends, value)
        if at == len(ends):
            ends.append(value)
        else:
            ends[at] = value
        found.append(at + 1)
    return found


def _lengths_of_blocks(firsts: Sequence[int], values: Sequence[int]) -> list[int]:
    """The same where the values have to rise between blocks, which are equal on ``firsts``, and not within them.

    Args:
        firsts: equal within a block, whose tuples are next to each other.
        values: ascending within a block.
    """
    # an end in an earlier block counts as half a step higher: only greater values follow it
    ends: list[int] = []
    found: list[int] = []
    placed: list[int] = []
    for at, value in enumerate(values):
        if at and firsts[at] != firsts[at - 1]:
            for end in placed:
                ends[end] |= 1
            placed = []
        end = bisect_right(ends, 2 * value)
        if end == len(ends):
            ends.append(2 * value)
        else:
            ends[end] = 2 * value
        placed.append(end)
        found.append(end + 1)
    return found


def _clipped(value: int, bound: tuple[int | None, int | None]) -> int:
    """The nearest value between two bounds; None is no bound."""
    low, high = bound
    value = value if low is None else max(low, value)
    return value if high is None else min(high, value)


def _spans(starts: Any) -> tuple[Any, Any]:
    """For each row, the first row and the end of its part; ``starts`` marks the first rows."""
    import numpy as np

    first = np.flatnonzero(starts)
    which = np.cumsum(starts) - 1
    return first[which], np.append(first[1:], len(starts))[which]


def _taken(found: Any, at: Any, missing: int) -> Any:
    """The entries at some places; ``missing`` for places outside."""
    import numpy as np

    inside = (at >= 0) & (at < len(found))
    return np.where(inside, found[np.where(inside, at, 0)], missing)


def _ordinals(column: Any, sorting: Sorting) -> Any:
    """Values as 64-bit numbers: ascending, and next values differ by 1.

    The bits of a floating-point number are such a number, as IEEE 754 says.
    """
    import numpy as np

    values = column.to_numpy(zero_copy_only=False)
    if sorting.type == "double":
        bits = (values.astype(np.float64) + 0.0).view(np.int64)
        values = np.where(bits < 0, bits ^ _MAGNITUDE, bits)
    elif sorting.type == "float":
        short = (values.astype(np.float32) + np.float32(0)).view(np.int32).astype(np.int64)
        values = np.where(short < 0, short ^ (_MAGNITUDE >> 32), short)
    values = values.astype(np.int64)
    return ~values if sorting.descending else values


def _values(ordinals: Any, absent: Any, sorting: Sorting) -> Any:
    """The values of :func:`_ordinals`; those that are no finite number are absent."""
    import numpy as np
    import pyarrow as pa

    numbers = ~ordinals if sorting.descending else ordinals
    if not sorting.floating:
        return pa.array(numbers, pa.int64(), mask=absent)
    if sorting.type == "double":
        found = np.where(numbers < 0, numbers ^ _MAGNITUDE, numbers).view(np.float64)
    else:
        short = numbers.astype(np.int32)
        found = np.where(short < 0, short ^ np.int32(_MAGNITUDE >> 32), short).view(np.float32).astype(np.float64)
    return pa.array(found, pa.float64(), mask=absent | ~np.isfinite(found))
