"""The model card as one HTML page: scores, also by group, validation, limits and plots; it refers to no other file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.analysis.task_port import task_of
from vertebra.declare.task import metric_of, metrics_of
from vertebra.formatting import counted, percentage
from vertebra.templates import render

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vertebra.analysis.champion import Decision
    from vertebra.analysis.evaluate import Assessment
    from vertebra.analysis.example_set import Examples
    from vertebra.analysis.split import TrainTestSets
    from vertebra.analysis.validate import Trial
    from vertebra.declare.analysis import Analysis

_MOST_VALUES: Final = 8
_FEWEST_ROWS: Final = 20
_MANY_MISSING: Final = 0.05


@dataclass(frozen=True)
class GroupScore:
    """The metric on the test rows with one value of a category, or of one series.

    Attributes:
        score: None if these rows cannot be scored.
        baseline: the score of the baseline.
    """

    feature: str
    value: str
    rows: int
    score: float | None
    baseline: float | None


def card_page(
    analysis: Analysis, sets: TrainTestSets, chosen: Trial, found: Assessment, decision: Decision, train: Examples
) -> str:
    """Write the page.

    Args:
        chosen: the chosen setting, with its scores in cross-validation.
        found: what is known about it after the test.
        decision: whether it is the champion.
        train: the training set.
    """
    evaluation = found.evaluation
    shown = [one for one in metrics_of(analysis.task) if one.name in evaluation.metrics]
    return str(
        render(
            "vertebra.analysis",
            "card.html.j2",
            title=analysis.name,
            description=analysis.description,
            setting=str(chosen.setting),
            decision=f"{'Champion' if decision.promoted else 'Not the champion'}"
            + (f": {decision.reason}." if decision.reason else "."),
            warnings=found.warnings,
            about=list(_about(analysis, sets, train, evaluation.examples)),
            scores=[
                (one.label, evaluation.metrics[one.name], evaluation.baseline_metrics.get(one.name, float("nan")))
                for one in shown
            ],
            validation=list(_validation(analysis, chosen, found)),
            metric=metric_of(analysis).label,
            groups=list(group_scores(analysis, found)),
            limits=list(_limits(analysis, train, evaluation.examples)),
            plots=[(path.stem, b64encode(path.read_bytes()).decode()) for path in found.plots],
        )
    )


def group_scores(analysis: Analysis, found: Assessment) -> Iterator[GroupScore]:
    """The metric by value of each category and by series, of at least 20 test rows each, the largest groups first."""
    evaluation, metric = found.evaluation, metric_of(analysis)
    test = evaluation.examples
    if test is None or not metric.compares:
        return
    columns: dict[str, NDArray[Any]] = {name: test.features[name].to_numpy(object) for name in analysis.categorical}
    if len(test.series) and analysis.forecast and analysis.forecast.series:
        columns[", ".join(analysis.forecast.series)] = test.series
    for feature, values in columns.items():
        texts = np.array(["(missing)" if one is None or one != one else str(one) for one in values])
        names, sizes = np.unique(texts, return_counts=True)
        for place in np.argsort(-sizes, kind="stable")[:_MOST_VALUES]:
            if sizes[place] < _FEWEST_ROWS:
                continue
            rows = texts == names[place]
            scores: tuple[float | None, float | None] = (None, None)
            if task_of(analysis).comparable(evaluation.observed[rows]):
                observed = evaluation.observed[rows]
                mine = metric.score(observed, evaluation.predicted[rows])
                scores = (mine, metric.score(observed, evaluation.baseline[rows]))
            yield GroupScore(feature, str(names[place]), int(sizes[place]), *scores)


def _about(
    analysis: Analysis, sets: TrainTestSets, train: Examples, test: Examples | None
) -> Iterator[tuple[str, str]]:
    if analysis.label is not None:
        yield "label", analysis.label + (f" ({analysis.unit})" if analysis.unit else "")
    yield "task", analysis.task
    yield "examples", analysis.view + (f" where {analysis.where}" if analysis.where else "")
    yield "predicted at", analysis.time
    yield "features", ", ".join(analysis.feature_names)
    for name, pinned, rows in (("training set", sets.train, train), ("test set", sets.test, test)):
        span = f", {_day(rows.time.min())} to {_day(rows.time.max())}" if rows is not None and len(rows.time) else ""
        yield name, f"{pinned.table.name} version {pinned.version}, {pinned.rows:,} rows{span}"
    if analysis.label is not None:
        yield "left out", f"{counted(sets.unlabelled, 'row')} whose label is not known"


def _validation(analysis: Analysis, chosen: Trial, found: Assessment) -> Iterator[str]:
    folds = f"{analysis.folds.count} {analysis.folds.scheme} folds"
    yield f"Cross-validated {analysis.metric}: {chosen.mean:.4f} ± {chosen.deviation:.4f} over {folds}."
    if found.forwards is not None:
        mean, deviation = found.forwards.mean, found.forwards.deviation
        count = len(found.forwards.scores)
        yield f"Forwards in time, from earlier rows only: {mean:.4f} ± {deviation:.4f} over {count} rolling folds."


def _limits(analysis: Analysis, train: Examples, test: Examples | None) -> Iterator[str]:
    """What the sets say about where the model should not be trusted."""
    if len(train.time):
        yield f"It has seen {_day(train.time.min())} to {_day(train.time.max())}; what changed since is unknown to it."
    if analysis.test is None:
        yield "It was not tested on rows that it was not trained on."
    for name in analysis.numbers:
        values = train.features[name].to_numpy(np.float64)
        missing = float(np.mean(np.isnan(values)))
        if missing > _MANY_MISSING:
            yield f"{name} is missing in {percentage(missing)} of the training rows."
        elif test is not None and len(test) and np.isfinite(values).any():
            beyond = test.features[name].to_numpy(np.float64)
            share = float(np.mean((beyond < np.nanmin(values)) | (beyond > np.nanmax(values))))
            if share > _MANY_MISSING:
                yield f"{name} of {percentage(share)} of the test rows is beyond all values of training."
    yield "What only people know, such as who is affected by errors, is not on this card."


def _day(micros: float) -> str:
    return datetime.fromtimestamp(int(micros) // 1_000_000, UTC).strftime("%Y-%m-%d")
