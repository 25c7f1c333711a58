"""Cross-validation: every setting is fitted on all folds but one and scored on that one, in turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vertebra.analysis.encode import codes, encoder
from vertebra.analysis.examples import Examples
from vertebra.analysis.metrics import metric_of
from vertebra.analysis.train import Setting, build, predictions, quiet
from vertebra.declare.analysis import Analysis
from vertebra.governance.context import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Trial:
    """A setting and how well it did.

    Attributes:
        scores: the declared metric, one per fold.
        seconds: spent fitting and scoring.
    """

    setting: Setting
    scores: tuple[float, ...]
    seconds: float

    @property
    def mean(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.scores))

    @property
    def deviation(self) -> float:
        """Standard deviation over the folds."""
        return float(np.std(self.scores, ddof=1))


def cross_validate(analysis: Analysis, settings: Sequence[Setting], train: Examples, progress: Progress) -> list[Trial]:
    """Score every setting on every fold.

    Scaling, imputation and one-hot encoding are fitted on each fold's training rows; settings with the same encoding
    share them. Only the vocabulary of categories, which knows no label, is taken from the whole training set.
    """
    with quiet():
        coded = np.asarray(codes(analysis).fit_transform(train.features), np.float32)
    score = metric_of(analysis.metric).score
    scores: list[list[float]] = [[] for _ in settings]
    seconds = [0.0] * len(settings)
    for fold in range(analysis.folds):
        held = train.fold == fold
        for encoding in dict.fromkeys(setting.candidate.encode for setting in settings):
            fitted, unseen = _encoded(encoder(analysis, encoding), coded[~held], coded[held])
            for index, setting in enumerate(settings):
                if setting.candidate.encode != encoding:
                    continue
                progress(f"fold {fold + 1} of {analysis.folds}: {setting}")
                started = time.perf_counter()
                with quiet():
                    model = build(analysis, setting).fit(fitted, train.label[~held])
                scores[index].append(score(train.label[held], predictions(analysis, model, unseen)))
                seconds[index] += time.perf_counter() - started
    return [Trial(s, tuple(v), t) for s, v, t in zip(settings, scores, seconds, strict=True)]


def _encoded(
    transformer: Any, rows: NDArray[np.float32], unseen: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if transformer == "passthrough":
        return rows, unseen
    with quiet():
        return transformer.fit_transform(rows), transformer.transform(unseen)
