"""Plots of an analysis, as PNG files: each has the baseline, and a title that states the result.

They are drawn with matplotlib's object interface on the Agg canvas: no display, no state shared between plots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.analysis.class_scores import most_probable
from vertebra.analysis.task_port import Draw, Evaluation, task_of
from vertebra.declare.analysis import BASELINE, Analysis
from vertebra.declare.task import metric_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from vertebra.analysis.explain import Importance
    from vertebra.analysis.validate import Trial

_INK: Final = "#1f2a37"
_SOFT: Final = "#8a94a3"
_GRID: Final = "#e6e9ee"
_BLUE: Final = "#1769aa"
_ORANGE: Final = "#d9730d"
_MOST_IMPORTANCES: Final = 15
_MOST_CELLS: Final = 12
_WIDEST: Final = 60


def draw_all(
    analysis: Analysis,
    evaluation: Evaluation,
    trials: Sequence[Trial],
    chosen: Trial,
    importances: Sequence[Importance],
    folder: Path,
    more: Mapping[str, Draw] | None = None,
) -> list[Path]:
    """Draw the plots of all tasks, those of the task, and more by name, into a folder. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings: dict[str, Draw] = {"candidates": lambda axes: _candidates(axes, analysis, trials, chosen)}
    if importances:
        drawings["importances"] = lambda axes: _importances(axes, analysis, importances)
    drawings |= task_of(analysis).plots(analysis, evaluation) | dict(more or {})
    bars = min(len(importances), _MOST_IMPORTANCES)
    tall = {"candidates": 1.6 + 0.34 * len(trials), "importances": 1.7 + 0.27 * bars}
    return [_save(draw, folder / f"{name}.png", tall.get(name, 4.6)) for name, draw in drawings.items()]


def _save(draw: Callable[[Axes], str], path: Path, height: float) -> Path:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": _SOFT,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": _GRID,
        "xtick.color": _SOFT,
        "ytick.color": _SOFT,
        "xtick.labelcolor": _INK,
        "ytick.labelcolor": _INK,
        "lines.linewidth": 2,
    }
    with rc_context(style):
        figure: Figure = Figure(figsize=(6.6, height), dpi=144, layout="constrained")
        FigureCanvasAgg(figure)
        title = draw(figure.subplots())
        figure.suptitle(fill(title, 66), x=0.015, ha="left", fontsize=12, fontweight="bold")
        figure.savefig(path, format="png")
    return path


def roc(axes: Axes, evaluation: Evaluation) -> str:
    """The ROC curve of two classes."""
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(evaluation.observed, evaluation.predicted)
    axes.plot(false, true, color=_BLUE)
    axes.plot([0, 1], [0, 1], color=_SOFT, linestyle="--", linewidth=1.2)
    axes.annotate("random guess", (0.52, 0.5), color=_SOFT, ha="left", va="top")
    share = float(np.interp(0.2, false, true))
    axes.plot([0.2], [share], "o", color=_ORANGE)
    axes.annotate(
        f"{_percentage(share)} true positives at 20 % false positives", (0.22, share), color=_ORANGE, va="top"
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="False positive rate", ylabel="True positive rate")
    _percent(axes, "xy")
    return f"ROC AUC {evaluation.metrics['roc_auc']:.3f}; a random guess has 0.5"


def precision_recall(axes: Axes, evaluation: Evaluation) -> str:
    """Precision against recall of two classes."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(evaluation.observed, evaluation.predicted)
    prevalence = float(np.mean(evaluation.observed))
    axes.plot(recall, precision, color=_BLUE)
    axes.axhline(prevalence, color=_SOFT, linestyle="--", linewidth=1.2)
    axes.annotate(f"baseline: {_percentage(prevalence)} positive", (1, prevalence), xytext=(0, -4), color=_SOFT,
                  textcoords="offset points", ha="right", va="top")  # fmt: skip
    top_tenth = _precision_of_top_tenth(evaluation)
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    axes.set(xlabel="Recall", ylabel="Precision")
    _percent(axes, "xy")
    positive = _percentage(prevalence)
    return f"Precision {_percentage(top_tenth)} in the top 10 % of predictions; {positive} of all rows are positive"


def _precision_of_top_tenth(evaluation: Evaluation) -> float:
    top = np.argsort(-evaluation.predicted, kind="stable")[: max(1, len(evaluation.observed) // 10)]
    return float(np.mean(evaluation.observed[top]))


def calibration(axes: Axes, analysis: Analysis, evaluation: Evaluation) -> str:
    """Mean prediction against mean observation, in twenty equal parts of the test set ordered by prediction."""
    order = np.argsort(evaluation.predicted, kind="stable")
    parts = [part for part in np.array_split(order, 20) if len(part)]
    predicted_means = np.array([evaluation.predicted[part].mean() for part in parts])
    observed_means = np.array([evaluation.observed[part].mean() for part in parts])
    low, high = min(predicted_means.min(), observed_means.min()), max(predicted_means.max(), observed_means.max())
    low = 0.0 if analysis.task == "classification" else low
    axes.plot([low, high], [low, high], color=_SOFT, linestyle="--", linewidth=1.2, label="perfect calibration")
    axes.axhline(float(np.mean(evaluation.baseline)), color=_SOFT, linewidth=1.2, linestyle=":", label="baseline")
    axes.plot(predicted_means, observed_means, "o-", color=_BLUE, markersize=5, label="model")
    axes.legend(loc="upper left", frameon=False)
    predicted, observed = float(np.mean(evaluation.predicted)), float(np.mean(evaluation.observed))
    if analysis.task == "classification":
        axes.set(xlabel="Predicted probability", ylabel="Observed fraction of positives")
        _percent(axes, "xy")
        return f"Mean predicted {_percentage(predicted, 1)}, observed {_percentage(observed, 1)}"
    axes.set(xlabel=_with_unit("Predicted", analysis), ylabel=_with_unit("Observed mean", analysis))
    return f"Mean predicted {_amount(predicted, analysis)}, observed {_amount(observed, analysis)}"


def confusion(axes: Axes, evaluation: Evaluation) -> str:
    """The confusion matrix: of the rows of each class, the shares that each class was predicted for."""
    observed, predicted = evaluation.observed.astype(np.int64), most_probable(evaluation.predicted)
    names = list(evaluation.classes) or ["0", "1"]
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (observed, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(range(len(names)), names, rotation=90 if len("".join(names)) > _WIDEST else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="Predicted class", ylabel="Observed class")
    if len(names) <= _MOST_CELLS:
        for row, column in np.ndindex(*counts.shape):
            colour = "white" if shares[row, column] > 0.5 else _INK
            text = f"{_percentage(shares[row, column])}\n{counts[row, column]:,.0f}"
            axes.annotate(text, (column, row), color=colour, ha="center", va="center", fontsize=8.5)
    right = float(np.mean(observed == predicted))
    common = float(np.max(counts.sum(axis=1)) / counts.sum())
    return f"{_percentage(right)} of rows have the predicted class; the most frequent class has {_percentage(common)}"


def residuals(axes: Axes, analysis: Analysis, evaluation: Evaluation) -> str:
    """Residuals against predictions of numbers."""
    residual = evaluation.observed - evaluation.predicted
    shown = _range(residual)
    across = _range(evaluation.predicted)
    extent = (across[0], across[1], shown[0], shown[1])
    # below 1, so that a bin of one row is visible
    colours: Any = {"bins": "log", "vmin": 0.2, "cmap": "Blues"}
    axes.hexbin(evaluation.predicted, residual, gridsize=45, mincnt=1, linewidths=0.1, extent=extent, **colours)
    axes.axhline(0, color=_ORANGE, linewidth=1.2)
    axes.annotate("predicted = observed", (across[1], 0), color=_ORANGE, ha="right", va="bottom")
    axes.set(xlim=tuple(across), ylim=tuple(shown), xlabel=_with_unit("Predicted", analysis),
             ylabel=_with_unit("Residual: observed − predicted", analysis))  # fmt: skip
    half = float(np.median(np.abs(residual)))
    base = float(np.median(np.abs(evaluation.observed - evaluation.baseline)))
    return f"Median absolute error {_amount(half, analysis)}; baseline {_amount(base, analysis)}"


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """Nearly all values, with room around them if they are equal, as those of a baseline are."""
    low, high = (float(one) for one in np.quantile(values, [0.005, 0.995]))
    return (low, high) if low < high else (low - 1, high + 1)


def _importances(axes: Axes, analysis: Analysis, found: Sequence[Importance]) -> str:
    shown = list(found[:_MOST_IMPORTANCES])[::-1]
    places = np.arange(len(shown))
    axes.barh(places, [one.loss for one in shown], xerr=[one.deviation for one in shown], color=_BLUE, height=0.66,
              error_kw={"ecolor": _INK, "elinewidth": 1})  # fmt: skip
    axes.set_yticks(places, [one.feature for one in shown])
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.axvline(0, color=_SOFT, linewidth=1)
    metric = metric_of(analysis)
    change = "Decrease" if metric.higher_is_better else "Increase"
    change = _with_unit(f"{change} of {metric.label}", analysis, metric.in_unit)
    axes.set_xlabel(f"{change} when the feature is shuffled")
    best = found[0]
    if best.loss <= 0:
        return f"Shuffling a feature does not worsen {metric.label}"
    return f"Most important feature: {best.feature}; shuffling it {_cost(analysis, best.loss)}"


def _candidates(axes: Axes, analysis: Analysis, trials: Sequence[Trial], chosen: Trial) -> str:
    metric = metric_of(analysis)
    ordered = sorted(trials, key=lambda trial: trial.mean, reverse=not metric.higher_is_better)
    places = np.arange(len(ordered))
    for place, trial in zip(places, ordered, strict=True):
        colour = _BLUE if trial is chosen else _SOFT
        axes.errorbar(
            trial.mean, place, xerr=trial.deviation, fmt="o", color=colour, capsize=3, markersize=6, linewidth=1.4
        )
        axes.annotate(f"{trial.mean:.3f}", (trial.mean, place), xytext=(0, 7), textcoords="offset points",
                      ha="center", color=colour, fontsize=8.5)  # fmt: skip
    axes.set_yticks(places, [str(trial.setting) for trial in ordered])
    axes.set_ylim(-0.6, len(ordered) - 0.3)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    text = _with_unit(metric.label[0].upper() + metric.label[1:], analysis, metric.in_unit)
    axes.set_xlabel(f"{text}, mean ± sd of {analysis.folds.count} folds")
    base = next(trial for trial in trials if trial.setting.name == BASELINE)
    axes.axvline(base.mean, color=_SOFT, linewidth=1, linestyle="--")
    return f"Chosen: {chosen.setting}" if chosen is not base else "No candidate is better than the baseline"


def _cost(analysis: Analysis, loss: float) -> str:
    metric = metric_of(analysis)
    change = "lowers" if metric.higher_is_better else "raises"
    amount = _amount(loss, analysis) if metric.in_unit else f"{loss:.3f}"
    return f"{change} {metric.label} by {amount}"


def _percentage(share: float, decimals: int = 0) -> str:
    return f"{100 * share:.{decimals}f} %"


def _amount(value: float, analysis: Analysis) -> str:
    return f"{value:.1f} {analysis.unit}".rstrip()


def _with_unit(text: str, analysis: Analysis, in_unit: bool = True) -> str:
    return f"{text} ({analysis.unit})" if analysis.unit and in_unit and analysis.task != "classification" else text


def _percent(axes: Axes, which: str) -> None:
    from matplotlib.ticker import PercentFormatter

    if "x" in which:
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    if "y" in which:
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
