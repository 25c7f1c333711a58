"""Features that predict the label alone: most often a value that is known only after the outcome.

Each feature is given to a small decision tree, which is scored on groups that it was not fitted on. A tree finds values
that are high, low or missing when the label is 1, and single categories. Kaufman et al., "Leakage in data mining",
TKDD 2012, recommend such a look at features that are too good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vertebra.declare.task import metric_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from vertebra.analysis.example_set import Examples
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
    from vertebra.analysis.encode import code, coded_names, codes
    from vertebra.analysis.train import quiet

    if analysis.label is None:
        return ()
    rows = np.sort(np.random.default_rng(analysis.seed).permutation(len(train.label))[:_ROWS])
    label, part = train.label[rows], np.maximum(train.fold[rows], 0) % _PARTS
    classes = analysis.task == "classification"
    metric = metric_named(*(("classification", "roc_auc") if classes else ("regression", "r2")))
    with quiet():
        features = train.features.iloc[rows]
        coded = code(analysis, codes(analysis).fit(features), features)
    # a forecast's own lags are known by construction
    names = [name for name in coded_names(analysis) if name in analysis.features and name not in analysis.text]
    found = []
    for name in names:
        values = np.asarray(coded[:, [coded_names(analysis).index(name)]], np.float32)
        scored = list(_held_out(analysis, values, label, part, len(train.classes)))
        if scored and (score := float(np.mean(scored))) >= _THRESHOLD:
            found.append(PerfectFeature(name, metric.label, score))
    return tuple(sorted(found, key=lambda one: -one.score))


def _held_out(
    analysis: Analysis, values: NDArray[np.float32], label: NDArray[np.float64], part: NDArray[np.int32], many: int
) -> Iterator[float]:
    """The scores of a feature on each part, from a tree fitted on the others; parts with too few rows are left out."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    classes = analysis.task == "classification"
    metric = metric_named(*(("classification", "roc_auc") if classes else ("regression", "r2")))
    for held in range(_PARTS):
        seen, unseen = label[part != held], label[part == held]
        if not all(_enough(one, classes) for one in (seen, unseen)):
            continue
        tree = (DecisionTreeClassifier if classes else DecisionTreeRegressor)(
            max_leaf_nodes=_LEAVES, random_state=analysis.seed
        )
        tree.fit(values[part != held], seen)
        if not classes:
            yield metric.score(unseen, tree.predict(values[part == held]))
            continue
        found = np.zeros((len(unseen), max(many, 2)))
        found[:, tree.classes_.astype(np.int64)] = tree.predict_proba(values[part == held])
        yield metric.score(unseen, found if many else found[:, 1])


def _enough(label: NDArray[np.float64], classes: bool) -> bool:
    if classes:
        counts = np.unique(label, return_counts=True)[1]
        return len(counts) > 1 and int(counts.min()) >= _FEWEST
    return len(label) >= 2 * _FEWEST and float(np.ptp(label)) > 0
