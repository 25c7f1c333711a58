"""The metrics of a choice, their direction and their unit-free names for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.declare.analysis import METRICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

Score = Callable[["NDArray[Any]", "NDArray[Any]"], float]


@dataclass(frozen=True)
class Metric:
    """How good predictions are.

    Attributes:
        name: as declared.
        title: for people.
        higher: whether more is better.
        in_unit: whether its values have the label's unit.
        score: of labels and predictions (probabilities of class 1, or numbers).
    """

    name: str
    title: str
    higher: bool
    in_unit: bool
    score: Score

    def better(self, one: float, other: float) -> bool:
        """Whether ``one`` is better than ``other`` by more than rounding."""
        gain = one - other if self.higher else other - one
        return gain > 1e-6 * max(1.0, abs(other))


def _sklearn(name: str) -> Score:
    def score(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
        import sklearn.metrics

        return float(getattr(sklearn.metrics, name)(truth, predicted))

    return score


def _rmse(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean((truth - predicted) ** 2)))


_ALL: Final = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "ROC AUC", True, False, _sklearn("roc_auc_score")),
        Metric("pr_auc", "average precision", True, False, _sklearn("average_precision_score")),
        Metric("log_loss", "log loss", False, False, _sklearn("log_loss")),
        Metric("brier", "Brier score", False, False, _sklearn("brier_score_loss")),
        Metric("rmse", "RMSE", False, True, _rmse),
        Metric("mae", "MAE", False, True, _sklearn("mean_absolute_error")),
        Metric("r2", "R²", True, False, _sklearn("r2_score")),
    )
}


def metric_of(name: str) -> Metric:
    """The metric of a declared name."""
    return _ALL[name]


def metrics_of(task: str) -> list[Metric]:
    """All metrics that make sense for a task."""
    return [_ALL[name] for name in METRICS[task]]
