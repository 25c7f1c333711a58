"""Shapley values: how much each feature of a row moved its prediction away from the mean.

LightGBM computes them exactly for its trees (Lundberg et al., "From local explanations to global understanding with
explainable AI for trees", 2020). For other models they are estimated by adding the features of a row, in a random
order, to a row of a background sample (Štrumbelj and Kononenko, "Explaining prediction models and individual
predictions with feature contributions", 2014).

Contributions of a regression have its unit. Those of a classification are of log-odds, because probabilities do not add
up: of class 1, or of the most probable class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.analysis.encode import code, coded_names
from vertebra.analysis.train import predictions, quiet

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from vertebra.declare.analysis import Analysis

_LEAST: Final = 1e-6


@dataclass(frozen=True)
class Contributions:
    """Shapley values of some rows.

    Attributes:
        features: the names of the features.
        values: a row for each row, a column for each feature.
        base: the mean prediction; a row's prediction is this and the sum of its values.
        unit: of the values: that of the label, or ``log-odds``.
    """

    features: list[str]
    values: NDArray[np.float64]
    base: float
    unit: str

    @property
    def total(self) -> dict[str, float]:
        """The mean absolute contribution of each feature, the largest first."""
        means = np.abs(self.values).mean(axis=0)
        order = np.argsort(-means, kind="stable")
        return {self.features[one]: float(means[one]) for one in order}


def contributions(
    analysis: Analysis, model: Pipeline, rows: pd.DataFrame, background: pd.DataFrame, samples: int = 30
) -> Contributions:
    """The contributions of each feature to the predictions of some rows.

    Args:
        model: a pipeline that :func:`~vertebra.analysis.train.fit` fitted.
        rows: features of the rows to explain.
        background: features of rows that stand for all, such as some of the training set; unused for LightGBM.
        samples: random orders per row; the error falls with its square root.
    """
    unit = "log-odds" if analysis.task == "classification" else analysis.unit
    with quiet():
        coded = code(analysis, model[:1], rows)
        exact = _of_trees(model, coded)
        if exact is not None:
            return Contributions(coded_names(analysis), exact[:, :-1], float(exact[:, -1].mean()), unit)
        others = code(analysis, model[:1], background)
        values, base = _sampled(analysis, model, coded, others, samples)
    return Contributions(coded_names(analysis), values, base, unit)


def _of_trees(model: Pipeline, coded: NDArray[Any]) -> NDArray[np.float64] | None:
    """LightGBM's own values, the base last; None for another model, many classes, or encoded columns."""
    estimator = model[-1]
    one_output = len(getattr(estimator, "classes_", ())) <= 2
    if type(estimator).__module__.partition(".")[0] != "lightgbm" or model[1] != "passthrough" or not one_output:
        return None
    return np.asarray(estimator.predict(coded, pred_contrib=True), np.float64)


def _sampled(
    analysis: Analysis, model: Pipeline, coded: NDArray[Any], others: NDArray[Any], samples: int
) -> tuple[NDArray[np.float64], float]:
    generator = np.random.default_rng(analysis.seed)
    best = _chosen_class(analysis, model[1:], coded)
    rows, columns = coded.shape
    found, base = np.zeros((rows, columns)), 0.0
    for _ in range(samples):
        mixed = others[generator.integers(0, len(others), rows)].copy()
        before = _score(analysis, model[1:], mixed, best)
        base += float(before.mean())
        for column in generator.permutation(columns):
            mixed[:, column] = coded[:, column]
            after = _score(analysis, model[1:], mixed, best)
            found[:, column] += after - before
            before = after
    return found / samples, base / samples


def _chosen_class(analysis: Analysis, decoder: Pipeline, coded: NDArray[Any]) -> NDArray[np.int64] | None:
    predicted = predictions(analysis, decoder, coded)
    if analysis.task != "classification" or predicted.ndim == 1:
        return None
    return np.asarray(np.argmax(predicted, axis=1), np.int64)


def _score(
    analysis: Analysis, decoder: Pipeline, coded: NDArray[Any], best: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    """The number that contributions add up to."""
    predicted = predictions(analysis, decoder, coded)
    if predicted.ndim == 2:
        predicted = predicted[:, 0] if best is None else predicted[np.arange(len(best)), best]
    if analysis.task != "classification":
        return predicted
    probability = np.clip(predicted, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(probability / (1 - probability)), np.float64)
