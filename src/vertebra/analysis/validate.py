"""Cross-validation: each setting is fitted on all folds but one and scored on that one, in turn."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vertebra.analysis.encode import codes, encoder
from vertebra.analysis.examples import Examples
from vertebra.analysis.train import CandidateModel, build, predictions, quiet
from vertebra.declare.analysis import Analysis
from vertebra.declare.metrics import METRICS
from vertebra.formatting import counted
from vertebra.governance.context import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Trial:
    """A setting and its scores.

    Attributes:
        scores: the declared metric, one per fold.
        seconds: spent fitting and scoring.
    """

    setting: CandidateModel
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


def cross_validate(
    analysis: Analysis, settings: Sequence[CandidateModel], train: Examples, progress: Progress
) -> list[Trial]:
    """Score every setting on every fold.

    Scaling, imputation and one-hot encoding are fitted on each fold's training rows; settings with the same encoding
    share them. Only the vocabulary of categories, which does not use the label, is taken from the whole training set.

    Folds are fitted in parallel, one thread each: this is faster than fitting them one after the other on all cores,
    and scores do not depend on the number of cores.
    """
    from threadpoolctl import threadpool_limits

    with quiet(), threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        coded = np.asarray(codes(analysis).fit_transform(train.features), np.float32)
        running = {
            pool.submit(_fold, analysis, settings, coded, train.label, train.fold == fold): fold
            for fold in range(analysis.folds)
        }
        progress(
            f"cross-validating {counted(len(settings), 'setting')} "
            f"on {analysis.folds} folds of {counted(len(coded), 'row')}"
        )
        try:
            for done, _ in enumerate(as_completed(running), 1):
                progress(f"cross-validated {len(settings)} settings on {done} of {analysis.folds} folds")
            scored = [future.result() for future in running]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [
        Trial(setting, tuple(fold[index][0] for fold in scored), sum(fold[index][1] for fold in scored))
        for index, setting in enumerate(settings)
    ]


def _fold(
    analysis: Analysis,
    settings: Sequence[CandidateModel],
    coded: NDArray[np.float32],
    label: NDArray[np.float64],
    held: NDArray[np.bool_],
) -> list[tuple[float, float]]:
    """Score and seconds of every setting, fitted on the other folds and scored on the held-out rows."""
    score = METRICS[analysis.metric].score
    found: dict[int, tuple[float, float]] = {}
    for encoding in dict.fromkeys(setting.candidate.encode for setting in settings):
        fitted, unseen = _encoded(encoder(analysis, encoding), coded[~held], coded[held])
        for index, setting in enumerate(settings):
            if setting.candidate.encode == encoding:
                started = time.perf_counter()
                model = build(analysis, setting, threads=1).fit(fitted, label[~held])
                value = score(label[held], predictions(analysis, model, unseen))
                found[index] = value, time.perf_counter() - started
    return [found[index] for index in range(len(settings))]


def _encoded(
    transformer: Any, rows: NDArray[np.float32], unseen: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if transformer == "passthrough":
        return rows, unseen
    return transformer.fit_transform(rows), transformer.transform(unseen)
