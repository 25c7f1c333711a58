"""Regression: a number per example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vertebra.analysis.plots import calibration, residuals
from vertebra.analysis.task_port import Draw, Evaluation, Task
from vertebra.declare.metrics import Metric

if TYPE_CHECKING:
    from vertebra.declare.analysis import Analysis

RMSE: Final = Metric("rmse", "RMSE", False, True, "sklearn.metrics:root_mean_squared_error")
MAE: Final = Metric("mae", "MAE", False, True, "sklearn.metrics:mean_absolute_error")


class Regression(Task):
    """Predicts a number. The baseline is the mean of the training labels."""

    name = "regression"
    metrics = (RMSE, MAE, Metric("r2", "R²", True, False, "sklearn.metrics:r2_score"))

    def baseline(self, analysis: Analysis) -> Any:
        """The mean."""
        from sklearn.dummy import DummyRegressor

        return DummyRegressor()

    def plots(self, analysis: Analysis, evaluation: Evaluation) -> dict[str, Draw]:
        """Predicted against observed, and residuals."""
        return {
            "calibration": lambda axes: calibration(axes, analysis, evaluation),
            "residuals": lambda axes: residuals(axes, analysis, evaluation),
        }


TASK: Final = Regression()
