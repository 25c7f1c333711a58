"""Permutation importance of features on the test set (Breiman 2001).

A feature's importance is how much worse the metric gets when its values are shuffled among the test rows. Unlike the
gain of trees it is measured on rows the model has not seen, is comparable between algorithms, and does not favour
features with many values. Redundant features share their importance: each has little as long as the others are not
shuffled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vertebra.analysis.encode import code, coded_names
from vertebra.analysis.example_set import Examples
from vertebra.analysis.task_port import task_of
from vertebra.analysis.train import predictions, quiet
from vertebra.declare.analysis import Analysis
from vertebra.declare.task import metric_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_ROWS = 10_000
_REPEATS = 3


@dataclass(frozen=True)
class Importance:
    """How much worse the metric gets when a feature is shuffled: mean and standard deviation over the repeats."""

    feature: str
    loss: float
    deviation: float


def importances(analysis: Analysis, model: Pipeline, test: Examples) -> list[Importance]:
    """Permutation importance of every feature, the most important first.

    Measured on at most 10,000 test rows, drawn with the analysis's seed, three shuffles each.
    """
    with quiet():
        return _importances(analysis, model, test)


def _importances(analysis: Analysis, model: Pipeline, test: Examples) -> list[Importance]:
    generator = np.random.default_rng(analysis.seed)
    rows = np.sort(generator.permutation(len(test.label))[:_ROWS])
    some = test.where(np.isin(np.arange(len(test)), rows))
    coded = code(analysis, model[:1], some.features)
    task, metric = task_of(analysis), metric_of(analysis)
    if not metric.compares:
        return []
    observed = task.observed(some, lambda: model[1:-1].transform(coded))
    decoder = model[1:]
    whole = metric.score(observed, predictions(analysis, decoder, coded, test.classes))
    found = []
    for index, name in enumerate(coded_names(analysis)):
        losses = []
        for _ in range(_REPEATS):
            shuffled = coded.copy()
            shuffled[:, index] = generator.permutation(shuffled[:, index])
            score = metric.score(observed, predictions(analysis, decoder, shuffled, test.classes))
            losses.append(whole - score if metric.higher_is_better else score - whole)
        found.append(Importance(name, float(np.mean(losses)), float(np.std(losses, ddof=1))))
    return sorted(found, key=lambda one: -one.loss)
