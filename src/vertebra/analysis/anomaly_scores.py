"""Metrics of anomaly detections.

``observed`` has 1 for an anomaly and 0 for a usual row. ``predicted`` has a column of scores, higher for what is more
unusual, and one of flags. For :func:`agreement`, both are predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def average_precision(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Average precision of the scores."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(observed, predicted[:, 0]))


def roc_auc(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """ROC AUC of the scores."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(observed, predicted[:, 0]))


def agreement(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Jaccard index of the rows that two detectors flag: 1 if they are the same, 0 if none is flagged by both.

    Two detectors that flag nothing have nothing to agree on, which is 0, too.
    """
    both, either = np.sum((one[:, 1] > 0) & (other[:, 1] > 0)), np.sum((one[:, 1] > 0) | (other[:, 1] > 0))
    return float(both / either) if either else 0.0


def share_flagged(_: NDArray[Any], predicted: NDArray[Any]) -> float:
    """The share of rows that are flagged."""
    return float(np.mean(predicted[:, 1] > 0))
