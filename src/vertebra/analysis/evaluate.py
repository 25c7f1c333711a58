"""The chosen model and the baseline: fitted on all training rows, and tested on the test set once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vertebra.analysis.task_port import Evaluation, task_of
from vertebra.declare.task import metric_of, metrics_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from vertebra.analysis.example_set import Examples
    from vertebra.analysis.perfect_features import PerfectFeature
    from vertebra.analysis.train import CandidateModel
    from vertebra.analysis.validate import Trial
    from vertebra.declare.analysis import Analysis
    from vertebra.governance.context import StepContext


@dataclass(frozen=True)
class Assessment:
    """What is known about the chosen model after the test.

    Attributes:
        model: the chosen setting, fitted on all training rows.
        evaluation: on the test set.
        forwards: the chosen setting in rolling folds, if the declared ones are grouped.
        warnings: what a person should know.
        plots: PNG files.
    """

    model: Pipeline
    evaluation: Evaluation
    forwards: Trial | None
    warnings: tuple[str, ...]
    plots: tuple[Path, ...]


def assess(
    analysis: Analysis,
    train: Examples,
    test: Examples,
    trials: Sequence[Trial],
    chosen: Trial,
    perfect: Sequence[PerfectFeature],
    ctx: StepContext,
    plots: Path | None,
) -> Assessment:
    """Fit the chosen setting and the baseline on all training rows, and test both.

    Args:
        perfect: features that alone predict the label.
        plots: folder for PNG files; by default in the scratch folder.
    """
    from vertebra.analysis.dependence import feature_plots
    from vertebra.analysis.explain import importances
    from vertebra.analysis.plots import draw_all
    from vertebra.analysis.time_plots import time_plots
    from vertebra.analysis.train import baseline, fit
    from vertebra.analysis.validate import forward

    rolling = None
    if analysis.folds.scheme == "grouped" and analysis.label is not None:
        ctx.progress(f"cross-validating {chosen.setting} forwards in time")
        rolling = forward(analysis, chosen.setting, train)
    ctx.progress(f"fitting {chosen.setting} on all {len(train):,} training rows")
    model, base = (fit(analysis, one, train) for one in (chosen.setting, baseline(analysis)))
    ctx.progress(f"testing it on {len(test):,} test rows")
    observed, predicted, scores = _tested(analysis, chosen.setting, model, train, test)
    _, plain, base_scores = _tested(analysis, baseline(analysis), base, train, test)
    evaluation = Evaluation(observed, predicted, plain, scores, base_scores, test, test.classes)
    forwards = rolling[1] if rolling else None
    warnings = (
        *_beaten(analysis, evaluation),
        *_flattered(analysis, chosen, forwards),
        *_unscored(chosen),
        *task_of(analysis).warnings(analysis, train, test),
        *map(str, perfect),
    )
    explained = importances(analysis, model, test)
    ctx.progress("drawing plots")
    more = time_plots(analysis, evaluation, train, chosen, rolling) | feature_plots(analysis, model, train, test)
    folder = plots or ctx.scratch / "plots"
    drawn = draw_all(analysis, evaluation, trials, chosen, explained, folder, more)
    return Assessment(model, evaluation, forwards, warnings, tuple(drawn))


def _tested(
    analysis: Analysis, setting: CandidateModel, model: Any, train: Examples, test: Examples
) -> tuple[NDArray[Any], NDArray[Any], Mapping[str, float]]:
    """What was observed and predicted, and the metrics."""
    from vertebra.analysis.train import fit, predictions, quiet

    task = task_of(analysis)

    def halves() -> tuple[NDArray[Any], NDArray[Any]]:
        half = train.group % 2 == 0
        models = (fit(analysis, setting, train.where(rows)) for rows in (half, ~half))
        first, second = (predictions(analysis, one, test.features, test.classes) for one in models)
        return first, second

    with quiet():
        predicted = predictions(analysis, model, test.features, test.classes)
        observed = task.observed(test, lambda: model[:-1].transform(test.features))
        return observed, predicted, task.scores(metrics_of(analysis.task), observed, predicted, halves)


def _beaten(analysis: Analysis, evaluation: Evaluation) -> Iterator[str]:
    """Says that the baseline beats the chosen model on the test set."""
    metric = metric_of(analysis)
    test, baseline = evaluation.metrics[metric.name], evaluation.baseline_metrics[metric.name]
    if metric.is_better(baseline, test):
        yield (f"on the test set the chosen model is worse than the baseline: {metric.name} {test:.4f}, {baseline:.4f}")


def _flattered(analysis: Analysis, chosen: Trial, forwards: Trial | None) -> Iterator[str]:
    """Says that grouped folds score better than rolling ones, by more than chance explains."""
    if forwards is None:
        return
    metric = metric_of(analysis)
    gain = chosen.mean - forwards.mean if metric.higher_is_better else forwards.mean - chosen.mean
    if gain > 2 * np.hypot(standard_error(chosen.scores), standard_error(forwards.scores)):
        yield (
            f"grouped folds flatter: {metric.name} {chosen.mean:.4f} ± {chosen.deviation:.4f} from all other groups, "
            f"{forwards.mean:.4f} ± {forwards.deviation:.4f} from earlier ones only, as in use; "
            "declare folds={'scheme': 'rolling', …}"
        )


def standard_error(scores: Sequence[float]) -> float:
    """The standard error of the mean of the scores that are known."""
    known = np.asarray(scores)[np.isfinite(scores)]
    return float(np.std(known, ddof=1) / np.sqrt(len(known)))


def _unscored(chosen: Trial) -> Iterator[str]:
    reasons: dict[str, list[int]] = {}
    for fold, reason in (chosen.unscored or {}).items():
        reasons.setdefault(reason, []).append(fold + 1)
    for reason, folds in reasons.items():
        yield f"fold {', '.join(map(str, folds))} of {len(chosen.scores)} was not scored: {reason}"
