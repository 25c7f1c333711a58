"""Plots of how a model uses its features: contributions, and partial dependence (Friedman 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.analysis.contributions import contributions
from vertebra.analysis.encode import code, coded_names
from vertebra.analysis.train import predictions, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from sklearn.pipeline import Pipeline

    from vertebra.analysis.contributions import Contributions
    from vertebra.analysis.example_set import Examples
    from vertebra.analysis.task_port import Draw
    from vertebra.declare.analysis import Analysis

_ROWS: Final = 300
_MOST: Final = 15
_LINES: Final = 4
_STEPS: Final = 15
_BLUE: Final = "#1769aa"
_COLOURS: Final = ("#1769aa", "#d9730d", "#3a7d44", "#8a94a3")


def feature_plots(analysis: Analysis, model: Pipeline, train: Examples, test: Examples) -> dict[str, Draw]:
    """The plots of contributions and of partial dependence, by file name; none for a task without labels.

    Measured on at most 300 test rows, drawn with the analysis's seed.
    """
    if analysis.label is None or analysis.task == "anomaly":
        return {}
    generator = np.random.default_rng(analysis.seed)
    rows = test.features.iloc[np.sort(generator.permutation(len(test))[:_ROWS])]
    background = train.features.iloc[np.sort(generator.permutation(len(train))[:_ROWS])]
    found = contributions(analysis, model, rows, background, samples=5)
    top = [name for name in found.total if name in analysis.numbers][:_LINES]
    drawn: dict[str, Draw] = {"contributions": lambda axes: _contributions(axes, found)}
    if top and predictions(analysis, model, rows.head(1)).ndim == 1:
        drawn["dependence"] = lambda axes: _dependence(axes, analysis, model, rows, top)
    return drawn


def _contributions(axes: Axes, found: Contributions) -> str:
    """Mean absolute contribution of each feature."""
    shown = list(found.total.items())[:_MOST][::-1]
    axes.barh(range(len(shown)), [value for _, value in shown], color=_BLUE, height=0.66)
    axes.set_yticks(range(len(shown)), [name for name, _ in shown])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Mean absolute contribution (Shapley value)" + (f", {found.unit}" if found.unit else ""))
    name, value = shown[-1]
    return f"{name} moves a prediction by {value:.3g} {found.unit}".rstrip() + " on average, most of all features"


def _dependence(axes: Axes, analysis: Analysis, model: Pipeline, rows: Any, names: list[str]) -> str:
    """The mean prediction if a feature had the value of each quantile, whatever the other features are."""
    spans = {}
    with quiet():
        coded = code(analysis, model[:1], rows)
        for name, colour in zip(names, _COLOURS, strict=False):
            column = coded_names(analysis).index(name)
            shares = np.linspace(0.02, 0.98, _STEPS)
            values = np.nanquantile(coded[:, column].astype(np.float64), shares)
            means = []
            for value in values:
                changed = coded.copy()
                changed[:, column] = value
                means.append(float(np.mean(predictions(analysis, model[1:], changed))))
            label = f"{name}: {values[0]:.3g} to {values[-1]:.3g}"
            axes.plot(100 * shares, means, "o-", color=colour, markersize=3.5, label=label)
            spans[name] = max(means) - min(means)
    axes.legend(frameon=False)
    axes.set(xlabel="Quantile of the feature (%)", ylabel="Mean prediction")
    widest = max(spans, key=lambda name: spans[name])
    return f"The mean prediction varies by {spans[widest]:.3g} with {widest}, all else being as it is"
