"""Metrics of classifications with two or more classes.

``observed`` has the number of the class of each row. ``predicted`` has the probability of class 1, or a column of
probabilities for each class. Metrics of one class against the rest are averaged over the classes that were observed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def most_probable(predicted: NDArray[Any]) -> NDArray[np.int64]:
    """The number of the most probable class of each row."""
    if predicted.ndim == 1:
        return (predicted > 0.5).astype(np.int64)
    return np.asarray(np.argmax(predicted, axis=1), np.int64)


def roc_auc(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """ROC AUC; of several classes the mean of each against the rest."""
    from sklearn.metrics import roc_auc_score

    return _one_against_rest(roc_auc_score, observed, predicted)


def average_precision(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Average precision; of several classes the mean of each against the rest."""
    from sklearn.metrics import average_precision_score

    return _one_against_rest(average_precision_score, observed, predicted)


def log_loss(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Mean negative logarithm of the probability of the class that was observed."""
    from sklearn.metrics import log_loss as loss

    if predicted.ndim == 1:
        return float(loss(observed, predicted, labels=[0, 1]))
    sums = predicted.sum(axis=1, keepdims=True)
    return float(loss(observed, predicted / sums, labels=np.arange(predicted.shape[1])))


def brier(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Mean squared error of probabilities; of several classes summed over them."""
    if predicted.ndim == 1:
        return float(np.mean((predicted - observed) ** 2))
    return float(np.mean(np.sum((predicted - _indicators(observed, predicted.shape[1])) ** 2, axis=1)))


def f1_macro(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Mean of the F1 scores of the classes that were observed or predicted."""
    from sklearn.metrics import f1_score

    return float(f1_score(observed, most_probable(predicted), average="macro", zero_division=0))


def accuracy(observed: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Share of rows whose most probable class was observed."""
    return float(np.mean(most_probable(predicted) == observed))


def _one_against_rest(
    score: Callable[[NDArray[Any], NDArray[Any]], float], observed: NDArray[Any], predicted: NDArray[Any]
) -> float:
    if predicted.ndim == 1:
        return float(score(observed, predicted))
    return float(np.mean([score(observed == one, predicted[:, int(one)]) for one in np.unique(observed)]))


def _indicators(observed: NDArray[Any], classes: int) -> NDArray[np.float64]:
    return np.eye(classes)[observed.astype(np.int64)]
