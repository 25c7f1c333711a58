"""Choosing a model: the best mean of the declared metric over the folds. The test set is not used."""

from __future__ import annotations

from collections.abc import Sequence

from vertebra.analysis.validate import Trial
from vertebra.declare.analysis import Analysis
from vertebra.declare.task import metric_of


def choose(analysis: Analysis, trials: Sequence[Trial]) -> Trial:
    """The trial with the best mean; the first of equal ones, so declare simpler candidates first.

    The baseline is a candidate too, so a model that does not beat the baseline is not chosen.
    """
    metric = metric_of(analysis)
    best = trials[0]
    for trial in trials[1:]:
        if metric.is_better(trial.mean, best.mean):
            best = trial
    return best
