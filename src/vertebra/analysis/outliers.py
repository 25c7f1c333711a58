"""Outlying values: bounds that are fitted on training rows only.

The median absolute deviation estimates a standard deviation when it is multiplied by 1.4826 (Rousseeuw and Croux,
"Alternatives to the median absolute deviation", JASA 1993); quartiles give the fences of Tukey's box plot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from vertebra.declare.analysis import Analysis

_MAD: Final = 1.4826


def bounds(values: NDArray[Any], by: str, limit: float) -> tuple[float, float]:
    """The lowest and highest value that is no outlier; infinite if the values have no spread.

    Args:
        values: numbers; NaN is ignored.
        by: ``mad`` or ``iqr``.
        limit: how many deviations from the median, or interquartile ranges beyond the quartiles, a value may be.
    """
    known = values[np.isfinite(values)].astype(np.float64)
    if not len(known):
        return -np.inf, np.inf
    if by == "mad":
        low = high = float(np.median(known))
        spread = _MAD * float(np.median(np.abs(known - low)))
    else:
        low, high = (float(one) for one in np.quantile(known, (0.25, 0.75)))
        spread = high - low
    return (low - limit * spread, high + limit * spread) if spread > 0 else (-np.inf, np.inf)


def inliers(analysis: Analysis, features: pd.DataFrame, label: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The rows without an outlier, by bounds of these rows; all rows unless outliers are left out of training."""
    declared = analysis.outliers
    kept = np.ones(len(label), np.bool_)
    if declared is None or not declared.training_only:
        return kept
    for name in declared.columns:
        values = label if name == "label" else np.asarray(features[name], np.float64)
        low, high = bounds(values, declared.by, declared.limit)
        kept &= ~((values < low) | (values > high))
    return kept


class Clip(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replaces outlying values of some columns by the bounds of the rows it is fitted on."""

    def __init__(self, columns: Any = (), by: str = "mad", limit: float = 3.5) -> None:
        self.columns, self.by, self.limit = columns, by, limit

    def fit(self, rows: Any, label: Any = None) -> Clip:
        """Fit the bounds of each column."""
        found = [bounds(np.asarray(rows[:, one], np.float64), self.by, self.limit) for one in self.columns]
        self.bounds_ = np.asarray(found, np.float64).reshape(-1, 2)
        return self

    def transform(self, rows: Any) -> Any:
        """The rows with clipped values; NaN stays."""
        clipped = rows.copy()
        for place, (low, high) in zip(self.columns, self.bounds_, strict=True):
            clipped[:, place] = np.clip(rows[:, place].astype(np.float64), low, high)
        return clipped
