"""How far values have moved from those of training: PSI and KS.

PSI, the population stability index, is the symmetric Kullback-Leibler divergence of binned shares; it is customary in
credit scoring (Siddiqi, "Credit risk scorecards", 2006): under 0.1 is stable, over 0.25 has moved. KS is the largest
difference of the two distribution functions, from 0 to 1.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BINS: Final = 10
_CATEGORIES: Final = 50
_SMALLEST: Final = 1e-4
"""The least share of a bin, so that an empty one counts much and not infinitely."""


def psi_of_numbers(trained: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """The PSI of numbers, in tenths of the training values; missing ones (NaN) are a bin of their own.

    Example:
        >>> import numpy as np
        >>> from vertebra.analysis.drift import psi_of_numbers
        >>> values = np.arange(1000.0)
        >>> round(psi_of_numbers(values, values), 3), psi_of_numbers(values, values + 500) > 0.25
        (0.0, True)
    """
    known = trained[~np.isnan(trained)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known) else np.empty(0)

    def shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
        present = values[~np.isnan(values)]
        counts = np.bincount(np.searchsorted(edges, present, side="left"), minlength=len(edges) + 1)
        return np.append(counts, len(values) - len(present)) / max(len(values), 1)

    return _psi(shares(trained), shares(now))


def psi_of_categories(trained: Sequence[Any], now: Sequence[Any]) -> float:
    """The PSI of categories; those that are rare in training are one, and missing ones another."""
    before, after = Counter(trained), Counter(now)
    common = [one for one, _ in before.most_common(_CATEGORIES)]

    def shares(counts: Counter[Any]) -> NDArray[np.float64]:
        total = max(counts.total(), 1)
        found = [counts[one] for one in common]
        return np.asarray([*found, total - sum(found)], np.float64) / total

    return _psi(shares(before), shares(after))


def ks(trained: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """The Kolmogorov-Smirnov distance of two samples; missing values are ignored.

    Example:
        >>> import numpy as np
        >>> from vertebra.analysis.drift import ks
        >>> ks(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0]))
        0.5
    """
    before, after = (np.sort(values[~np.isnan(values)]) for values in (trained, now))
    if not len(before) or not len(after):
        return float("nan")
    at = np.concatenate([before, after])
    below = (np.searchsorted(values, at, side="right") / len(values) for values in (before, after))
    one, other = below
    return float(np.abs(one - other).max())


def _psi(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    one, other = np.maximum(before, _SMALLEST), np.maximum(after, _SMALLEST)
    return float(((other - one) * np.log(other / one)).sum())
