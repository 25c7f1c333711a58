"""The metrics of each task: each entry does what it declares."""

from __future__ import annotations

import numpy as np
import pytest

from vertebra.declare.metrics import Metric
from vertebra.declare.task import TASKS, metric_named, metrics_of

OBSERVED = {"classification": np.array([0.0, 0.0, 1.0, 1.0]), "regression": np.array([0.0, 2.0, 4.0, 9.0])}
CLOSE = {"classification": np.array([0.1, 0.2, 0.8, 0.9]), "regression": np.array([0.1, 2.1, 4.0, 8.8])}
FAR = {"classification": np.array([0.9, 0.4, 0.3, 0.6]), "regression": np.array([9.0, 4.0, 2.0, 0.0])}
METRICS = [pytest.param(task, one, id=f"{task}-{one.name}") for task in OBSERVED for one in metrics_of(task)]


@pytest.mark.parametrize(("task", "metric"), METRICS)
def test_close_predictions_are_better_than_far_ones(task: str, metric: Metric) -> None:
    close, far = (metric.score(OBSERVED[task], predicted[task]) for predicted in (CLOSE, FAR))
    assert metric.is_better(close, far)
    assert not metric.is_better(far, close)
    assert not metric.is_better(close, close)


@pytest.mark.parametrize("metric", metrics_of("regression"), ids=lambda one: one.name)
def test_a_metric_in_the_unit_of_the_label_grows_with_the_unit(metric: Metric) -> None:
    minutes = metric.score(OBSERVED["regression"], FAR["regression"])
    seconds = metric.score(60 * OBSERVED["regression"], 60 * FAR["regression"])
    assert seconds == pytest.approx(60 * minutes if metric.in_unit else minutes)


def test_a_difference_within_rounding_is_no_improvement() -> None:
    rmse, auc = metric_named("regression", "rmse"), metric_named("classification", "roc_auc")
    assert not rmse.is_better(12.0, 12.000001)
    assert rmse.is_better(12.0, 12.001)
    assert not auc.is_better(0.7000005, 0.7)


def test_several_classes_are_scored_one_against_the_rest() -> None:
    observed = np.array([0.0, 1.0, 2.0, 2.0])
    sure = np.eye(3)[[0, 1, 2, 2]] * 0.94 + 0.02
    wrong = sure[[1, 2, 0, 0]]
    scored = {one.name: (one.score(observed, sure), one.score(observed, wrong)) for one in metrics_of("classification")}
    assert scored["roc_auc"][0] == scored["pr_auc"][0] == scored["f1_macro"][0] == scored["accuracy"][0] == 1
    assert scored["roc_auc"][1] < 0.5
    assert scored["accuracy"][1] == 0
    assert scored["log_loss"][0] == pytest.approx(-np.log(0.96))
    assert scored["brier"][0] == pytest.approx(0.04**2 + 2 * 0.02**2)


def test_every_task_has_metrics() -> None:
    assert {task: [metric.name for metric in metrics_of(task)] for task in OBSERVED} == {
        "classification": ["roc_auc", "pr_auc", "log_loss", "brier", "f1_macro", "accuracy"],
        "regression": ["rmse", "mae", "r2"],
    }
    assert all(metrics_of(task) for task in TASKS)
