"""Metrics for comparing models. A task lists its own; see :mod:`vertebra.analysis.tasks`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Metric:
    """A metric of how well predictions agree with what was observed.

    Attributes:
        name: the name in ``metric:`` of an analysis, in the ledger ``models`` and in MLflow.
        label: for people, without a unit.
        higher_is_better: whether a higher value is better.
        in_unit: whether its values have the unit of the predicted quantity.
        function: ``module:function``, called with what was observed and what was predicted, as the task has them.
        needs_classes: whether it is undefined on rows of one class.
        compares: whether it can tell which of two models is better on the same rows; one that cannot is only reported.
    """

    name: str
    label: str
    higher_is_better: bool
    in_unit: bool
    function: str
    needs_classes: bool = False
    compares: bool = True

    def score(self, observed: NDArray[Any], predicted: NDArray[Any]) -> float:
        """The metric of predictions.

        Args:
            observed: what was observed, one entry per row, as ``observed`` of the task gives it.
            predicted: what was predicted, one entry per row, as ``predictions`` of the task gives it.
        """
        module, _, name = self.function.partition(":")
        return float(getattr(import_module(module), name)(observed, predicted))

    def is_better(self, one: float, other: float) -> bool:
        """Whether ``one`` is better than ``other`` by more than rounding."""
        gain = one - other if self.higher_is_better else other - one
        return gain > 1e-6 * max(1.0, abs(other))
