"""Shapley values add up to the prediction, and are right where they are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis_world import late_jobs
from vertebra.analysis.contributions import contributions
from vertebra.analysis.example_set import Examples
from vertebra.analysis.train import CandidateModel, fit, predictions
from vertebra.declare.analysis import Analysis, Candidate


def linear() -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1e6)


def boosted() -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(n_estimators=20, min_child_samples=5, verbose=-1)


def declared(**changes: Any) -> Analysis:
    plain = {"task": "regression", "label": "delay", "metric": "mae", "unit": "minutes", "features": {"a": "a", "b": "b", "kind": "kind"}, "categorical": ("kind",)}  # fmt: skip
    return late_jobs(**(plain | changes))


def rows(count: int = 200) -> Examples:
    random = np.random.default_rng(1)
    features = pd.DataFrame({"a": random.normal(size=count), "b": random.normal(size=count), "kind": np.where(random.random(count) < 0.5, "x", "y")}).astype({"a": np.float32, "b": np.float32})  # fmt: skip
    label = 3 * features["a"] - features["b"] + 2 * (features["kind"] == "x")
    return Examples(features, label.to_numpy(np.float64), np.empty(0, np.int32))


def fitted(analysis: Analysis, build: Any, train: Examples, encode: Any = "one_hot") -> Any:
    return fit(analysis, CandidateModel("one", Candidate(build=build, encode=encode)), train)


def test_contributions_to_a_linear_model_are_its_terms_around_the_mean() -> None:
    analysis, train = declared(), rows()
    model = fitted(analysis, linear, train)
    found = contributions(analysis, model, train.features.head(20), train.features, samples=400)
    terms = pd.DataFrame(
        {"kind": 2.0 * (train.features["kind"] == "x"), "a": 3 * train.features["a"], "b": -train.features["b"]}
    )
    expected = (terms - terms.mean()).head(20)[found.features].to_numpy()
    assert found.features == ["kind", "a", "b"]
    assert np.abs(found.values - expected).max() < 0.6
    assert np.abs(found.values - expected).mean() < 0.12
    assert next(iter(found.total)) == "a"
    assert found.unit == "minutes"


@pytest.mark.parametrize(("build", "encode"), [(boosted, "ordinal"), (boosted, "one_hot"), (linear, "one_hot")])
def test_contributions_add_up_to_the_prediction(build: Any, encode: str) -> None:
    analysis, train = declared(), rows()
    model = fitted(analysis, build, train, encode)
    one = train.features.head(1)
    found = contributions(analysis, model, one, train.features, samples=50)
    assert found.base + found.values.sum() == pytest.approx(predictions(analysis, model, one)[0], rel=1e-4)


def test_contributions_to_a_class_are_of_its_log_odds() -> None:
    analysis, train = declared(task="classification", label="late", metric="roc_auc"), rows()
    late = Examples(
        train.features, (train.label + np.random.default_rng(2).normal(size=200) > 0).astype(np.float64), train.fold
    )
    model = fitted(analysis, logistic, late)
    one = train.features.head(1)
    found = contributions(analysis, model, one, train.features, samples=50)
    probability = predictions(analysis, model, one)[0]
    assert found.unit == "log-odds"
    assert found.base + found.values.sum() == pytest.approx(np.log(probability / (1 - probability)), rel=1e-3)
