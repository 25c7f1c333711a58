"""Features that predict the label alone: most often a value that is known only after the outcome.

Each feature is given to a small decision tree, which is scored on groups that it was not fitted on. A tree finds values
that are high, low or missing when the label is 1, and single categories. Kaufman et al., "Leakage in data mining",
TKDD 2012, recommend such a look at features that are too good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vertebra.declare.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from vertebra.analysis.examples import Examples
    from vertebra.declare.analysis import Analysis

_THRESHOLD: Final = 0.99
"""ROC AUC of a class, R² of a number, from which a feature is too good."""

_ROWS: Final = 20_000
_PARTS: Final = 3
_FEWEST: Final = 5
"""Rows of each class that a score on held-out rows needs, so that it is no accident."""

_LEAVES: Final = 32


@dataclass(frozen=True)
class PerfectFeature:
    """A feature that predicts the label (nearly) perfectly, alone.

    Attributes:
        feature: its name.
        metric: ``ROC AUC`` or ``R²``.
        score: on groups that were held out.
    """

    feature: str
    metric: str
    score: float

    def __str__(self) -> str:
        return (
            f"feature {self.feature} alone predicts the label: {self.metric} {self.score:.3f} on held-out rows; "
            "it may be known only after the outcome: if so, add its columns to `unavailable`"
        )


def perfect_features(analysis: Analysis, train: Examples) -> tuple[PerfectFeature, ...]:
    """The features that alone predict the label (nearly) perfectly, the best first.

    Args:
        train: the training set; at most 20,000 of its rows are used, drawn with the analysis's seed.
    """
    from vertebra.analysis.encode import codes
    from vertebra.analysis.train import quiet

    rows = np.sort(np.random.default_rng(analysis.seed).permutation(len(train.label))[:_ROWS])
    label, part = train.label[rows], train.fold[rows] % _PARTS
    metric = METRICS["roc_auc" if analysis.task == "classification" else "r2"]
    with quiet():
        coded = np.asarray(codes(analysis).fit_transform(train.features.iloc[rows]), np.float32)
    names = [*analysis.categorical, *(name for name in analysis.features if name not in analysis.categorical)]
    found = []
    for index, name in enumerate(names):
        scored = list(_held_out(analysis, coded[:, [index]], label, part))
        if scored and (score := float(np.mean(scored))) >= _THRESHOLD:
            found.append(PerfectFeature(name, metric.label, score))
    return tuple(sorted(found, key=lambda one: -one.score))


def _held_out(
    analysis: Analysis, values: NDArray[np.float32], label: NDArray[np.float64], part: NDArray[np.int32]
) -> Iterator[float]:
    """The scores of a feature on each part, from a tree fitted on the others; parts with too few rows are left out."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    from vertebra.analysis.train import predictions

    classes = analysis.task == "classification"
    metric = METRICS["roc_auc" if classes else "r2"]
    for held in range(_PARTS):
        seen, unseen = label[part != held], label[part == held]
        if not all(_enough(one, classes) for one in (seen, unseen)):
            continue
        tree = (DecisionTreeClassifier if classes else DecisionTreeRegressor)(
            max_leaf_nodes=_LEAVES, random_state=analysis.seed
        )
        tree.fit(values[part != held], seen)
        yield metric.score(unseen, predictions(analysis, tree, values[part == held]))


def _enough(label: NDArray[np.float64], classes: bool) -> bool:
    if classes:
        return min(int(np.count_nonzero(label == 1)), int(np.count_nonzero(label == 0))) >= _FEWEST
    return len(label) >= 2 * _FEWEST and float(np.ptp(label)) > 0
