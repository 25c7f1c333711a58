"""The nearest values of several tuples between the same tuples that stay, such that they agree with each other.

The workers of the engine get the code of this module by value.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappush, heapreplace


def least_values(bounds: Sequence[int | None], blocks: Sequence[int], step: int) -> list[int | None]:
    """The least value of each tuple, given those before it: a step above its bound and above the earlier blocks."""
    found: list[int | None] = []
    least: int | None = None
    for at, (bound, block) in enumerate(zip(bounds, blocks, strict=True)):
        if not at or block != blocks[at - 1]:
            values = [value + step for value in (bound, least) if value is not None]
            least = max(values, default=None)
        found.append(least)
    return found


def isotonic(values: Sequence[int]) -> list[int]:
    """The nearest values that do not fall: the sum of the distances is the least.

    Where several are as near, they are in the middle between the lowest and the highest ones.

    This is isotonic regression of least absolute deviations, see R. E. Barlow et al., Statistical Inference under Order
    Restrictions, 1972; a heap finds it in n log n.
    """
    low = _lowest(values)
    high = [-value for value in _lowest([-value for value in values[::-1]])[::-1]]
    return [(one + two) // 2 for one, two in zip(low, high, strict=True)]


def _lowest(values: Sequence[int]) -> list[int]:
    """The lowest of these values."""
    greatest: list[int] = []  # a heap of negated values, the greatest of them first
    found = []
    for value in values:
        heappush(greatest, -value)
        if -greatest[0] > value:
            heapreplace(greatest, -value)
        found.append(-greatest[0])
    for at in range(len(found) - 2, -1, -1):
        found[at] = min(found[at], found[at + 1])
    return found
