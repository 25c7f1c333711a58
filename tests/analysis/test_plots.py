"""The words of the plots are the field's, and titles state the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis_world import late_jobs
from vertebra.analysis.explain import Importance
from vertebra.analysis.plots import draw_all
from vertebra.analysis.task_port import Evaluation
from vertebra.analysis.train import baseline, candidate_models
from vertebra.analysis.validate import Trial
from vertebra.declare.task import metrics_of

OBSERVED = np.array([0.0, 0.0, 1.0, 1.0] * 25)
PREDICTED = np.array([0.1, 0.3, 0.6, 0.8] * 25)
REGRESSION = {"task": "regression", "label": "delay", "unit": "minutes", "metric": "rmse"}


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Draw the plots of an analysis; returns all texts of each."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    found: dict[str, list[str]] = {}

    def keep(figure: Figure, path: Path, **_: object) -> None:
        found[path.stem] = [" ".join(one.get_text().split()) for one in figure.findobj(Text) if one.get_text()]

    def draw(loss: float = 0.05, **changes: Any) -> dict[str, list[str]]:
        analysis = late_jobs(**changes)
        scale = 10 if analysis.task == "regression" else 1
        observed, predicted = scale * OBSERVED, scale * PREDICTED
        metrics = {metric.name: metric.score(observed, predicted) for metric in metrics_of(analysis.task)}
        evaluation = Evaluation(observed, predicted, np.full(len(observed), observed.mean()), metrics, metrics)
        trials = [Trial(one, (0.5, 0.6), 1.0) for one in (baseline(analysis), *candidate_models(analysis)[1:])]
        draw_all(analysis, evaluation, trials, trials[1], [Importance("size", loss, 0.01)], tmp_path)
        return found

    monkeypatch.setattr(Figure, "savefig", keep)
    return draw


def test_a_classification_is_drawn_in_the_words_of_the_field(texts: Any) -> None:
    drawn = texts()
    assert set(drawn) == {"candidates", "importances", "calibration", "roc", "precision_recall", "confusion"}
    assert {"perfect calibration", "Mean predicted 45.0 %, observed 50.0 %"} <= set(drawn["calibration"])
    assert {"Predicted probability", "Observed fraction of positives"} <= set(drawn["calibration"])
    assert "Precision 100 % in the top 10 % of predictions; 50 % of all rows are positive" in drawn["precision_recall"]
    assert {"ROC AUC 1.000; a random guess has 0.5", "False positive rate", "random guess"} <= set(drawn["roc"])
    assert "Chosen: logistic(c=0.01)" in drawn["candidates"]
    assert "Most important feature: size; shuffling it lowers ROC AUC by 0.050" in drawn["importances"]


def test_a_regression_is_drawn_with_the_unit_of_its_label(texts: Any) -> None:
    drawn = texts(loss=0.25, **REGRESSION)
    assert set(drawn) == {"candidates", "importances", "calibration", "residuals"}
    assert "Mean predicted 4.5 minutes, observed 5.0 minutes" in drawn["calibration"]
    assert "Median absolute error 2.5 minutes; baseline 5.0 minutes" in drawn["residuals"]
    assert "Residual: observed − predicted (minutes)" in drawn["residuals"]
    assert "Most important feature: size; shuffling it raises RMSE by 0.2 minutes" in drawn["importances"]
    assert "Increase of RMSE (minutes) when the feature is shuffled" in drawn["importances"]


@pytest.mark.filterwarnings("error")
def test_predictions_that_are_all_equal_are_drawn_without_warnings(texts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "PREDICTED", np.full(100, 0.5))
    assert "Median absolute error 5.0 minutes; baseline 5.0 minutes" in texts(**REGRESSION)["residuals"]


def test_a_model_that_uses_no_feature_has_no_most_important_one(texts: Any) -> None:
    assert "Shuffling a feature does not worsen ROC AUC" in texts(loss=0.0)["importances"]
