"""The difference of two models on the same rows, with an interval: the paired bootstrap.

After Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13: rows are drawn with replacement, and
both models are scored on the same draw. Rows of one group depend on each other, so whole groups are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vertebra.declare.metrics import Metric

_DRAWS: Final = 400
_FEWEST_DRAWS: Final = 100
_SCORED_ROWS: Final = 10_000_000
"""How many rows are scored in all, about; with many test rows, fewer draws are enough for an interval."""
_FEWEST_GROUPS: Final = 10
_LEVEL: Final = 0.95


@dataclass(frozen=True)
class Improvement:
    """By how much one model is better than another.

    Attributes:
        low, high: the bounds of the 95 % interval; positive is better, for every metric.
    """

    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval has better values only."""
        return self.low > 0


def improvement(
    metric: Metric,
    observed: NDArray[np.float64],
    new: NDArray[np.float64],
    old: NDArray[np.float64],
    groups: Sequence[object] | None = None,
    seed: int = 0,
) -> Improvement:
    """By how much predictions are better than others of the same rows.

    Args:
        observed: labels, one for each row.
        new, old: predictions of the two models.
        groups: the group of each row. With fewer than ten groups, rows are drawn.
        seed: of the draws.
    """
    sign = 1 if metric.is_better(1.0, 0.0) else -1
    random = np.random.default_rng(seed)
    drawn = _groups(groups, len(observed))
    draws = max(_FEWEST_DRAWS, min(_DRAWS, _SCORED_ROWS // max(len(observed), 1)))
    found = []
    for _ in range(draws):
        picked = random.integers(0, len(drawn), len(drawn))
        rows = np.concatenate([drawn[one] for one in picked]) if groups is not None else picked
        if len(np.unique(observed[rows])) == 1:
            continue  # no metric tells models apart on rows of one class
        found.append(sign * (metric.score(observed[rows], new[rows]) - metric.score(observed[rows], old[rows])))
    values = np.asarray(found, np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return Improvement(float("-inf"), float("inf"))
    tail = (1 - _LEVEL) / 2 * 100
    low, high = np.percentile(values, [tail, 100 - tail])
    return Improvement(float(low), float(high))


def _groups(groups: Sequence[object] | None, rows: int) -> list[NDArray[np.int64]]:
    if groups is None:
        return [np.arange(1)] * rows
    _, codes = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    found = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    if len(found) < _FEWEST_GROUPS:
        return [np.asarray([row]) for row in range(rows)]
    return found
