"""The table of metrics: each entry does what it declares."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from vertebra.declare.metrics import METRICS, Metric, Task, metrics_of

OBSERVED = {"classification": np.array([0.0, 0.0, 1.0, 1.0]), "regression": np.array([0.0, 2.0, 4.0, 9.0])}
CLOSE = {"classification": np.array([0.1, 0.2, 0.8, 0.9]), "regression": np.array([0.1, 2.1, 4.0, 8.8])}
FAR = {"classification": np.array([0.9, 0.4, 0.3, 0.6]), "regression": np.array([9.0, 4.0, 2.0, 0.0])}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_close_predictions_are_better_than_far_ones(metric: Metric) -> None:
    observed = OBSERVED[metric.task]
    close, far = (metric.score(observed, predicted[metric.task]) for predicted in (CLOSE, FAR))
    assert metric.is_better(close, far)
    assert not metric.is_better(far, close)
    assert not metric.is_better(close, close)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_in_the_unit_of_the_label_grows_with_the_unit(metric: Metric) -> None:
    if metric.task == "regression":
        minutes = metric.score(OBSERVED["regression"], FAR["regression"])
        seconds = metric.score(60 * OBSERVED["regression"], 60 * FAR["regression"])
        assert seconds == pytest.approx(60 * minutes if metric.in_unit else minutes)


def test_a_difference_within_rounding_is_no_improvement() -> None:
    assert not METRICS["rmse"].is_better(12.0, 12.000001)
    assert METRICS["rmse"].is_better(12.0, 12.001)
    assert not METRICS["roc_auc"].is_better(0.7000005, 0.7)


def test_every_task_has_metrics() -> None:
    assert {task: [metric.name for metric in metrics_of(task)] for task in get_args(Task)} == {
        "classification": ["roc_auc", "pr_auc", "log_loss", "brier"],
        "regression": ["rmse", "mae", "r2"],
    }
