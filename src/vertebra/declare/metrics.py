"""The metrics for comparing models. To add a metric, add it to :data:`METRICS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Metric:
    """A metric of how well predictions agree with labels.

    Attributes:
        name: the name in ``metric:`` of an analysis, in the ledger ``models`` and in MLflow.
        label: for people, without a unit.
        task: the kind of analysis that it is for.
        higher_is_better: whether a higher value is better.
        in_unit: whether its values have the unit of the predicted quantity.
        function: of scikit-learn, as ``module:function``; called with the labels and the predictions (probabilities of
            class 1, or numbers).
    """

    name: str
    label: str
    task: Task
    higher_is_better: bool
    in_unit: bool
    function: str

    def score(self, observed: NDArray[Any], predicted: NDArray[Any]) -> float:
        """The metric of predictions.

        Args:
            observed: labels, one per row: 0 and 1 for a classification.
            predicted: probabilities of class 1 for a classification, numbers for a regression.
        """
        module, _, name = self.function.partition(":")
        return float(getattr(import_module(module), name)(observed, predicted))

    def is_better(self, one: float, other: float) -> bool:
        """Whether ``one`` is better than ``other`` by more than rounding."""
        gain = one - other if self.higher_is_better else other - one
        return gain > 1e-6 * max(1.0, abs(other))


METRICS: Final[Mapping[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "ROC AUC", "classification", True, False, "sklearn.metrics:roc_auc_score"),
        Metric("pr_auc", "average precision", "classification", True, False, "sklearn.metrics:average_precision_score"),
        Metric("log_loss", "log loss", "classification", False, False, "sklearn.metrics:log_loss"),
        Metric("brier", "Brier score", "classification", False, False, "sklearn.metrics:brier_score_loss"),
        Metric("rmse", "RMSE", "regression", False, True, "sklearn.metrics:root_mean_squared_error"),
        Metric("mae", "MAE", "regression", False, True, "sklearn.metrics:mean_absolute_error"),
        Metric("r2", "R²", "regression", True, False, "sklearn.metrics:r2_score"),
    )
}
"""The metrics by name."""


def metrics_of(task: Task) -> list[Metric]:
    """The metrics of a task, in the order in which reports show them."""
    return [metric for metric in METRICS.values() if metric.task == task]
