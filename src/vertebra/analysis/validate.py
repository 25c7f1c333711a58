"""Cross-validation: each setting is fitted on the training rows of a fold and scored on the rows of the fold."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from vertebra.analysis.encode import code, codes, encoder
from vertebra.analysis.example_set import Examples
from vertebra.analysis.folds import forward_folds, training_rows
from vertebra.analysis.outliers import inliers
from vertebra.analysis.task_port import task_of
from vertebra.analysis.train import CandidateModel, build, predictions, quiet
from vertebra.declare.analysis import Analysis
from vertebra.declare.analysis_file import location_of
from vertebra.declare.task import metric_of
from vertebra.errors import DeclarationError
from vertebra.formatting import counted
from vertebra.governance.context import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Trial:
    """A setting and its scores.

    Attributes:
        scores: the declared metric, one per fold; NaN for a fold that cannot be scored.
        seconds: spent fitting and scoring.
        unscored: by fold, the reason why it cannot be scored.
        key: identifies the setting, the rows and the folds; empty if they cannot be identified.
        cached: whether the scores are those of an earlier run.
    """

    setting: CandidateModel
    scores: tuple[float, ...]
    seconds: float
    unscored: Mapping[int, str] | None = None
    key: str = ""
    cached: bool = False

    @property
    def mean(self) -> float:
        """Mean over the folds that can be scored."""
        return float(np.nanmean(self.scores))

    @property
    def deviation(self) -> float:
        """Standard deviation over the folds that can be scored."""
        return float(np.nanstd(self.scores, ddof=1))


def cross_validate(
    analysis: Analysis,
    settings: Sequence[CandidateModel],
    train: Examples,
    progress: Progress,
    known: Callable[[CandidateModel], tuple[str, Sequence[float] | None]] = lambda _: ("", None),
) -> list[Trial]:
    """Score every setting on every fold.

    Outlier bounds, scaling, imputation, one-hot encoding and the words of texts are fitted on the training rows of each
    fold; settings with the same encoding share them. Only the vocabulary of categories, which does not use the label,
    is taken from the whole training set.

    Folds are fitted in parallel, one thread each: this is faster than fitting them one after the other on all cores,
    and scores do not depend on the number of cores.

    Args:
        known: gives the key of a setting, and the scores of an earlier run with this key, which are not computed again.

    Raises:
        DeclarationError: fewer than two folds can be scored.
    """
    keys = [known(setting) for setting in settings]
    new = [setting for setting, (_, scores) in zip(settings, keys, strict=True) if scores is None]
    if len(new) < len(settings):
        progress(
            f"{counted(len(settings) - len(new), 'setting was', 'settings were')} cross-validated before on these rows"
        )
    unscored = _unscorable(analysis, train)
    fitted = iter(_cross_validated(analysis, new, train, progress) if new else ())
    trials = [
        replace(next(fitted), key=key)
        if scores is None
        else Trial(setting, tuple(scores), 0.0, unscored, key, cached=True)
        for setting, (key, scores) in zip(settings, keys, strict=True)
    ]
    _require_scores(analysis, trials)
    return trials


def _unscorable(analysis: Analysis, train: Examples) -> dict[int, str]:
    """The folds that cannot be scored, with the reasons."""
    task, metric = task_of(analysis), metric_of(analysis)
    found = {}
    for fold in range(analysis.folds.count):
        seen = training_rows(analysis.folds, train, fold)
        if reason := task.unscorable(metric, train.label[seen], train.label[train.fold == fold]):
            found[fold] = reason
    return found


def forward(analysis: Analysis, setting: CandidateModel, train: Examples) -> tuple[Analysis, Trial] | None:
    """The scores of a setting in rolling folds of the training set: each fold is predicted from earlier rows.

    Returns:
        The analysis with rolling folds and the trial; None if too few folds can be scored.
    """
    folds = forward_folds(train)
    if folds is None:
        return None
    count = int(folds.max()) + 1
    rolling = analysis.model_copy(
        update={"folds": analysis.folds.model_copy(update={"scheme": "rolling", "count": count, "gap": None})}
    )
    (trial,) = _cross_validated(rolling, [setting], replace(train, fold=folds), lambda _: None)
    return (rolling, trial) if np.count_nonzero(np.isfinite(trial.scores)) >= 2 else None


def _cross_validated(
    analysis: Analysis, settings: Sequence[CandidateModel], train: Examples, progress: Progress
) -> list[Trial]:
    from threadpoolctl import threadpool_limits

    count = analysis.folds.count
    with quiet(), threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        coded = code(analysis, codes(analysis).fit(train.features), train.features)
        running = [pool.submit(_fold, analysis, settings, coded, train, fold) for fold in range(count)]
        progress(
            f"cross-validating {counted(len(settings), 'setting')} on {count} folds of {counted(len(coded), 'row')}"
        )
        try:
            for done, _ in enumerate(as_completed(running), 1):
                progress(f"cross-validated {len(settings)} settings on {done} of {count} folds")
            scored = [future.result() for future in running]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    unscored = {fold: found for fold, found in enumerate(scored) if isinstance(found, str)}
    nothing = [(float("nan"), 0.0)] * len(settings)
    folds = [nothing if isinstance(found, str) else found for found in scored]
    return [
        Trial(setting, tuple(fold[index][0] for fold in folds), sum(fold[index][1] for fold in folds), unscored)
        for index, setting in enumerate(settings)
    ]


def _fold(
    analysis: Analysis, settings: Sequence[CandidateModel], coded: NDArray[Any], train: Examples, fold: int
) -> list[tuple[float, float]] | str:
    """Score and seconds of every setting; or the reason why the fold cannot be scored."""
    task, metric = task_of(analysis), metric_of(analysis)
    held, seen = train.fold == fold, training_rows(analysis.folds, train, fold)
    reason = task.unscorable(metric, train.label[seen], train.label[held])
    if reason:
        return reason
    if analysis.outliers is not None:
        seen[seen] = inliers(analysis, train.features[seen], train.label[seen])
    found: dict[int, tuple[float, float]] = {}
    for encoding in dict.fromkeys(setting.candidate.encode for setting in settings):
        rows = _Encoded(*_encoded(encoder(analysis, encoding), coded[seen], coded[held]), seen, train.where(held))
        for index, setting in enumerate(settings):
            if setting.candidate.encode == encoding:
                started = time.perf_counter()
                value = _score(analysis, setting, train, rows)
                found[index] = value, time.perf_counter() - started
    return [found[index] for index in range(len(settings))]


@dataclass(frozen=True)
class _Encoded:
    """The encoded rows that models are fitted on, and those of the fold.

    Attributes:
        seen: which rows of the training set models are fitted on.
        held: the examples of the fold.
    """

    fitted: NDArray[Any]
    unseen: NDArray[Any]
    seen: NDArray[np.bool_]
    held: Examples


def _score(analysis: Analysis, setting: CandidateModel, train: Examples, rows: _Encoded) -> float:
    task, metric = task_of(analysis), metric_of(analysis)
    target = task.target(train)

    def predicted(some: NDArray[np.bool_]) -> NDArray[Any]:
        """What a model that is fitted on some of the training rows predicts."""
        known = None if target is None else target[rows.seen][some]
        model = build(analysis, setting, threads=1).fit(rows.fitted[some], known)
        model = task.fitted(analysis, model, rows.fitted[some])
        return predictions(analysis, model, rows.unseen, train.classes)

    def halves() -> tuple[NDArray[Any], NDArray[Any]]:
        half = train.group[rows.seen] % 2 == 0
        return predicted(half), predicted(~half)

    observed = task.observed(rows.held, lambda: rows.unseen)
    whole = np.ones(len(rows.fitted), np.bool_)
    return task.scores([metric], observed, predicted(whole), halves)[metric.name]


def _encoded(transformer: Any, rows: NDArray[Any], unseen: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    if isinstance(transformer, str):
        return rows, unseen
    return transformer.fit_transform(rows), transformer.transform(unseen)


def _require_scores(analysis: Analysis, trials: Sequence[Trial]) -> None:
    trial = trials[0]
    scored = int(np.count_nonzero(np.isfinite(trial.scores)))
    if scored >= 2:
        return
    reasons = "; ".join(f"fold {fold + 1}: {reason}" for fold, reason in (trial.unscored or {}).items())
    raise DeclarationError(
        f"{counted(scored, 'fold')} of {analysis.folds.count} can be scored, and a choice needs two",
        cause=reasons,
        remedy="declare a smaller count in folds, another folds.by, or scheme='grouped'",
        where=location_of(analysis, "folds"),
    )
