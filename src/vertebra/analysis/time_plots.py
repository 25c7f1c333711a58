"""Plots over time: validation per fold, and the test set per period and series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.declare.task import metric_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from vertebra.analysis.example_set import Examples
    from vertebra.analysis.task_port import Draw, Evaluation
    from vertebra.analysis.validate import Trial
    from vertebra.declare.analysis import Analysis

_BLUE: Final = "#1769aa"
_ORANGE: Final = "#d9730d"
_SOFT: Final = "#8a94a3"
_PERIODS: Final = 40


def time_plots(
    analysis: Analysis,
    evaluation: Evaluation,
    train: Examples,
    chosen: Trial,
    rolling: tuple[Analysis, Trial] | None,
) -> dict[str, Draw]:
    """The plots over time, by file name.

    Args:
        rolling: the analysis with rolling folds and the chosen setting in them, beside declared folds that are grouped.
    """
    drawn: dict[str, Draw] = {}
    if len(train.time):
        drawn["folds"] = lambda axes: _folds(axes, analysis, train, chosen, rolling)
    test = evaluation.examples
    if test is not None and analysis.label is not None and evaluation.predicted.ndim == 1:
        drawn["over_time"] = lambda axes: _over_time(axes, analysis, evaluation, test)
    return drawn


def _folds(
    axes: Axes, analysis: Analysis, train: Examples, chosen: Trial, rolling: tuple[Analysis, Trial] | None
) -> str:
    """The score of each fold at the middle of its time."""
    from vertebra.analysis.folds import forward_folds

    metric = metric_of(analysis)
    shown: list[tuple[str, str, NDArray[np.int32], Trial]] = [(analysis.folds.scheme, _BLUE, train.fold, chosen)]
    if rolling is not None and (forwards := forward_folds(train)) is not None:
        shown.append(("rolling", _ORANGE, forwards, rolling[1]))
    for scheme, colour, fold, trial in shown:
        times = [np.median(train.time[fold == one]) for one in range(len(trial.scores))]
        order = np.argsort(times)
        dates, scores = _dates(np.asarray(times)[order]), np.asarray(trial.scores)[order]
        line = "-" if scheme != "grouped" else ""
        axes.plot(dates, scores, "o" + line, color=colour, label=f"{scheme}: mean {trial.mean:.3f}")
        axes.axhline(trial.mean, color=colour, linestyle="--", linewidth=1)
    axes.legend(frameon=False)
    _time_axis(axes)
    unit = f" ({analysis.unit})" if metric.in_unit and analysis.unit else ""
    axes.set_ylabel(metric.label[:1].upper() + metric.label[1:] + unit)
    if len(shown) == 1:
        folds = f"{len(chosen.scores)} {analysis.folds.scheme} folds"
        return f"{chosen.setting}: {metric.label} {chosen.mean:.3f} over {folds}"
    return f"{metric.label} {chosen.mean:.3f} from all other groups, {shown[1][3].mean:.3f} from earlier ones only"


def _over_time(axes: Axes, analysis: Analysis, evaluation: Evaluation, test: Examples) -> str:
    """Mean observed and predicted value of the test set in parts of as many prediction times, e.g. of all devices."""
    times = np.unique(test.time)
    parts = [np.isin(test.time, some) for some in np.array_split(times, min(_PERIODS, len(times)))]
    dates = _dates(np.asarray([np.median(test.time[part]) for part in parts]))
    observed, predicted = (
        [float(np.mean(values[part])) for part in parts] for values in (test.label, evaluation.predicted)
    )
    axes.plot(dates, observed, color=_SOFT, label="observed")
    axes.plot(dates, predicted, color=_BLUE, label="predicted")
    axes.legend(frameon=False)
    _time_axis(axes)
    unit = f" ({analysis.unit})" if analysis.unit else ""
    axes.set_ylabel(f"Mean in each of {len(parts)} parts" + unit)
    worst = int(np.argmax(np.abs(np.subtract(observed, predicted))))
    apart = f"predicted {predicted[worst]:.3g}, observed {observed[worst]:.3g}"
    return f"Furthest apart around {str(dates[worst])[:10]}: {apart}"


def _dates(micros: Sequence[float] | NDArray[Any]) -> NDArray[Any]:
    return np.asarray(micros).astype(np.int64).astype("datetime64[us]")


def _time_axis(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
