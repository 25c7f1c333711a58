"""Metrics of clusterings.

``observed`` has the encoded rows, ``predicted`` the number of the cluster of each. For :func:`agreement`, both have the
numbers of clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS: Final = 5_000
"""The silhouette is quadratic in the number of rows, so it is measured on this many, evenly spaced."""


def silhouette(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Mean silhouette (Rousseeuw 1987): 1 for compact clusters far apart; 0, as one cluster has, for none."""
    from sklearn.metrics import silhouette_score

    rows = np.unique(np.linspace(0, len(predicted) - 1, min(len(predicted), _ROWS)).astype(np.int64))
    found = predicted[rows]
    if not 2 <= len(np.unique(found)) < len(found):
        return 0.0
    return float(silhouette_score(observed[rows], found))


def agreement(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985) of two clusterings of the same rows: 1 if equal, 0 if by chance.

    A clustering that puts all rows into one cluster finds nothing to agree on, and counts as chance.
    """
    from sklearn.metrics import adjusted_rand_score

    if min(len(np.unique(one)), len(np.unique(other))) < 2:
        return 0.0
    return float(adjusted_rand_score(one, other))


def largest_share(_: NDArray[Any], predicted: NDArray[Any]) -> float:
    """The share of rows in the largest cluster."""
    return float(np.unique(predicted, return_counts=True)[1].max() / len(predicted))
