"""Plots of forecasts: where the errors are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from vertebra.analysis.task_port import Evaluation
    from vertebra.declare.analysis import Analysis

_BLUE: Final = "#1769aa"
_SOFT: Final = "#8a94a3"
_MOST_SERIES: Final = 20


def error_by_step(axes: Axes, analysis: Analysis, evaluation: Evaluation) -> str:
    """Mean absolute error of each step ahead, beside seasonal naive."""
    assert evaluation.examples is not None
    ahead = evaluation.examples.features["steps_ahead"].to_numpy(np.int64)
    steps = np.unique(ahead)
    mine, naive = (
        _means(_errors(evaluation, one), ahead, steps) for one in (evaluation.predicted, evaluation.baseline)
    )
    axes.plot(steps, naive, "o-", color=_SOFT, markersize=4, label="seasonal naive")
    axes.plot(steps, mine, "o-", color=_BLUE, markersize=4, label="model")
    axes.set(xlabel="Steps ahead", ylabel="MAE" + (f" ({analysis.unit})" if analysis.unit else ""))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    worst = int(np.argmax(mine))
    return f"MAE {mine[0]:.3g} one step ahead, at most {mine[worst]:.3g}, {steps[worst]} steps ahead"


def error_by_series(axes: Axes, evaluation: Evaluation) -> str:
    """Mean absolute error of each series relative to seasonal naive, the worst first."""
    assert evaluation.examples is not None
    series = evaluation.examples.series
    names = np.unique(series.astype(str))
    mine, naive = (
        _means(_errors(evaluation, one), series, names) for one in (evaluation.predicted, evaluation.baseline)
    )
    ratio = np.divide(mine, naive, out=np.ones_like(mine), where=naive > 0)
    shown = np.argsort(-ratio, kind="stable")[:_MOST_SERIES][::-1]
    axes.barh(range(len(shown)), ratio[shown], color=_BLUE, height=0.66)
    axes.axvline(1, color=_SOFT, linestyle="--", linewidth=1.2)
    axes.set_yticks(range(len(shown)), [names[one] or "the series" for one in shown])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("MAE relative to seasonal naive (1)")
    better = int(np.sum(ratio < 1))
    return f"Better than seasonal naive for {better} of {len(names)} series"


def _errors(evaluation: Evaluation, predicted: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.abs(evaluation.observed - predicted))


def _means(errors: NDArray[Any], by: NDArray[Any], values: NDArray[Any]) -> NDArray[np.float64]:
    return np.array([np.mean(errors[by == one]) for one in values])
