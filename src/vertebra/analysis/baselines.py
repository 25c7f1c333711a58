"""Estimators of baselines that scikit-learn does not have; they are stored with the model like any other."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, OutlierMixin, RegressorMixin

_MAD: Final = 1.4826


class OneCluster(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Puts all rows into cluster 0."""

    def fit(self, rows: Any, label: Any = None) -> OneCluster:
        """Nothing is learnt."""
        self.labels_ = np.zeros(len(rows), np.int32)
        return self

    def predict(self, rows: Any) -> Any:
        """0 for each row."""
        return np.zeros(len(rows), np.int32)


class RobustZScore(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """How many robust standard deviations the most unusual column of a row is from its median.

    The standard deviation is estimated by the median absolute deviation, which outliers hardly change (Iglewicz and
    Hoaglin, "How to detect and handle outliers", 1993). A column without spread, and a missing value, is usual.
    """

    def fit(self, rows: Any, label: Any = None) -> RobustZScore:
        """Learn the median and the spread of each column."""
        values = np.asarray(rows, np.float64)
        known = np.isfinite(values).any(axis=0)
        self.centre_ = np.zeros(values.shape[1])
        self.spread_ = np.full(values.shape[1], np.inf)
        with np.errstate(invalid="ignore"):
            self.centre_[known] = np.nanmedian(values[:, known], axis=0)
            spread = _MAD * np.nanmedian(np.abs(values[:, known] - self.centre_[known]), axis=0)
        self.spread_[known] = np.where(spread > 0, spread, np.inf)
        return self

    def score_samples(self, rows: Any) -> Any:
        """The lower, the more unusual, as scikit-learn's detectors have it."""
        distance = np.abs(np.asarray(rows, np.float64) - self.centre_) / self.spread_
        return -np.max(np.nan_to_num(distance, nan=0.0), axis=1, initial=0.0)


class SeasonalNaive(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the value of the last season that is known, which is one of the columns; the mean where it is missing.

    Attributes:
        column: the place of the column.
    """

    def __init__(self, column: int = 0) -> None:
        self.column = column

    def fit(self, rows: Any, label: Any) -> SeasonalNaive:
        """Learn the mean."""
        self.mean_ = float(np.mean(label))
        return self

    def predict(self, rows: Any) -> Any:
        """The value of the last known season."""
        last = np.asarray(rows)[:, self.column].astype(np.float64)
        return np.where(np.isfinite(last), last, self.mean_)
