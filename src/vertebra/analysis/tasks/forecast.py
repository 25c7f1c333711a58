"""Forecasts: the values of series, some steps ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.analysis.forecast_plots import error_by_series, error_by_step
from vertebra.analysis.plots import calibration, residuals
from vertebra.analysis.task_port import Draw, Evaluation, Task, required
from vertebra.declare.metrics import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vertebra.analysis.example_set import Examples
    from vertebra.declare.analysis import Analysis

_SCORES: Final = "vertebra.analysis.forecast_scores"


class Forecasting(Task):
    """Predicts every step of a horizon at its beginning, for all series with one model.

    The number of the step is a feature, so that one estimator predicts each step directly: errors do not add up from
    step to step. The baseline is seasonal naive: the value of the last season that is known.
    """

    name = "forecast"
    metrics = (
        Metric("mae", "MAE", False, True, f"{_SCORES}:mae"),
        Metric("rmse", "RMSE", False, True, f"{_SCORES}:rmse"),
        Metric("mase", "MASE", False, False, f"{_SCORES}:mase"),
        Metric("smape", "sMAPE (%)", False, False, f"{_SCORES}:smape"),
    )

    def problems(self, analysis: Analysis) -> Iterator[str]:
        """A forecast is validated forwards in time, and its series are part of the key."""
        yield from required(analysis, "label", "forecast", "test")
        if analysis.folds.scheme == "grouped":
            yield "a forecast needs folds={'scheme': 'rolling'}, or blocked: from later values an earlier one is easy"
        if analysis.test is not None and analysis.test.group is not None:
            yield "a forecast is tested on the last values: declare test={'from': …} or {'last': …}"
        if analysis.forecast is None:
            return
        for name in analysis.forecast.series:
            if name not in analysis.key:
                yield f"key lacks {name!r}, a column of the series; the series and the time identify a row"
        for name in analysis.forecast.made:
            if name in analysis.features:
                yield f"the forecast adds the feature {name!r}; give yours another name"

    def baseline(self, analysis: Analysis) -> Any:
        """Seasonal naive."""
        from vertebra.analysis.baselines import SeasonalNaive
        from vertebra.analysis.encode import coded_names

        return SeasonalNaive(coded_names(analysis).index("season_1"))

    def observed(self, examples: Examples, encoded: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """A column of values, and one of the scale of the series."""
        return np.column_stack([examples.label, examples.scale])

    def plots(self, analysis: Analysis, evaluation: Evaluation) -> dict[str, Draw]:
        """Errors by step and by series, residuals, and predicted against observed."""
        values = replace(evaluation, observed=evaluation.observed[:, 0])
        return {
            "calibration": lambda axes: calibration(axes, analysis, values),
            "residuals": lambda axes: residuals(axes, analysis, values),
            "error_by_step": lambda axes: error_by_step(axes, analysis, values),
            "error_by_series": lambda axes: error_by_series(axes, values),
        }

    def warnings(self, analysis: Analysis, train: Examples, test: Examples) -> Iterator[str]:
        """Series that only one of the sets has, and values of 0 where sMAPE misleads."""
        new = sorted(set(test.series) - set(train.series))
        if new:
            shown = ", ".join(map(str, new[:5]))
            yield f"{len(new)} series of the test set, e.g. {shown}, had no values to learn from"
        zeros = float(np.mean(test.label == 0))
        if analysis.metric == "smape" and zeros:
            yield (
                f"{100 * zeros:.1f} % of the test values are 0, where sMAPE is 200 % for every prediction but 0: "
                "compare candidates by mae or mase"
            )


TASK: Final = Forecasting()
