"""Metrics of forecasts.

``observed`` has a column of values, and one of the scale of the series of each row: the mean absolute error of the
seasonal naive forecast in the training set. ``predicted`` has one value per row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def mae(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(observed[:, 0] - predicted)))


def rmse(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Root mean squared error."""
    return float(np.sqrt(np.mean((observed[:, 0] - predicted) ** 2)))


def mase(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Mean absolute scaled error (Hyndman and Koehler 2006): below 1 is better than seasonal naive was in training.

    Rows of a series whose training values repeat exactly every season have the scale 0 and are left out; NaN if no
    others are left.
    """
    scaled = np.isfinite(observed[:, 1]) & (observed[:, 1] > 0)
    if not scaled.any():
        return float("nan")
    return float(np.mean(np.abs(observed[scaled, 0] - predicted[scaled]) / observed[scaled, 1]))


def smape(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Symmetric mean absolute percentage error in percent, from 0 to 200 (Makridakis 1993).

    Where value and prediction are 0, the error is 0. Where only the value is 0, the error is 200 whatever is predicted.
    """
    values = observed[:, 0]
    size = np.abs(values) + np.abs(predicted)
    error = 2 * np.abs(values - predicted)
    return float(100 * np.mean(np.divide(error, size, out=np.zeros_like(error), where=size > 0)))
