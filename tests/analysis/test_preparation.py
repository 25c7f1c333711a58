"""Preparation is fitted on the training rows of each fold: what only held-out rows know changes nothing."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from analysis_world import late_jobs
from vertebra.analysis.encode import code, codes, encoder
from vertebra.analysis.example_set import Examples
from vertebra.analysis.outliers import bounds, inliers
from vertebra.analysis.train import CandidateModel
from vertebra.analysis.validate import cross_validate
from vertebra.declare.analysis import Analysis, Candidate
from vertebra.governance.context import silent


def numbers(**changes: Any) -> Analysis:
    plain = {"task": "regression", "label": "delay", "metric": "mae", "features": {"size": "size", "note": "note"}, "text": ("note",), "folds": {"by": "day", "count": 2}}  # fmt: skip
    return late_jobs(**(plain | changes))


class Spy:
    """Keeps what it is fitted on, and predicts 0."""

    seen: ClassVar[list[tuple[Any, Any]]] = []

    def fit(self, rows: Any, label: Any) -> Spy:
        self.seen.append((np.array(rows, np.float64), np.array(label)))
        return self

    def predict(self, rows: Any) -> Any:
        self.seen.append((np.array(rows, np.float64), None))
        return np.zeros(len(rows))

    def get_params(self) -> dict[str, Any]:
        return {}


def spied(analysis: Analysis, train: Examples) -> list[tuple[Any, Any]]:
    """Of each fold: what the model was fitted on, and what it was asked about."""
    Spy.seen = []
    cross_validate(analysis, [CandidateModel("spy", Candidate(build=Spy))], train, silent)
    return Spy.seen


def halves(size: list[float], note: list[str], label: list[float] | None = None) -> Examples:
    count = len(size)
    features = pd.DataFrame({"size": np.array(size, np.float32), "note": np.array(note, object)})
    fold = np.array([0] * (count // 2) + [1] * (count // 2), np.int32)
    return Examples(features, np.array(label or [0.0] * count), fold)


@pytest.mark.parametrize("scale", ["standard", "robust"])
def test_scaling_imputation_and_words_are_of_the_training_rows_of_the_fold(scale: str) -> None:
    nan = float("nan")
    train = halves([1, 2, 3, nan, 1000, 2000, 3000, nan], ["ash tree"] * 4 + ["oak wood"] * 4)
    analysis = numbers(scale=scale, impute="mean" if scale == "standard" else "median")
    seen = spied(analysis, train)
    for fitted, asked in ((one[0], other[0]) for one, other in zip(seen[::2], seen[1::2], strict=True)):
        # size, whether it was missing, and the words of the rows that it was fitted on
        assert fitted[:, 0].mean() == pytest.approx(0, abs=1e-6)
        assert fitted[3, :2].tolist() == [0, 1]
        assert np.abs(asked[:3, 0]).min() > 1.9
        assert (fitted[:, 2:] > 0).all()
        assert (asked[:, 2:] == 0).all()


def test_outliers_are_those_of_the_training_rows_of_the_fold() -> None:
    # in each half, one value is far from the others; over both halves, none is
    size = [1.0, 2, 3, 4, 5, 60, 66, 67, 68, 69, 70, 3]
    train = halves(size, ["a"] * 12, list(size))
    left_out = numbers(outliers={"by": "mad", "columns": ("size",)}, scale="none", impute="zero")
    assert [len(label) for _, label in spied(left_out, train) if label is not None] == [5, 5]
    assert sorted(len(rows) for rows, label in spied(left_out, train) if label is None) == [6, 6]
    by_label = numbers(outliers={"by": "iqr", "columns": ("label",)})
    assert [len(label) for _, label in spied(by_label, train) if label is not None] == [5, 5]
    clipped = numbers(outliers={"by": "iqr", "columns": ("size",), "training_only": False}, scale="none", impute="zero")
    found = spied(clipped, train)
    assert [len(label) for _, label in found if label is not None] == [6, 6]
    first = next(rows for rows, label in found if label is not None and rows[:, 0].min() < 2)
    low, high = bounds(np.array(size[:6]), "iqr", 1.5)
    assert first[:, 0].max() == pytest.approx(high)
    assert high < 60
    assert low < 1


def test_bounds_are_those_of_the_definitions() -> None:
    values = np.array([1.0, 2, 3, 4, 100, np.nan])
    assert bounds(values, "mad", 2.0) == pytest.approx((3 - 2 * 1.4826, 3 + 2 * 1.4826))
    assert bounds(values, "iqr", 1.5) == pytest.approx((2 - 3, 4 + 3))
    assert bounds(np.array([5.0, 5, 5, 9]), "mad", 2.0) == (-np.inf, np.inf)
    assert bounds(np.array([np.nan]), "mad", 2.0) == (-np.inf, np.inf)


def test_rows_without_a_value_are_no_outliers() -> None:
    analysis = numbers(outliers={"columns": ("size",)})
    features = pd.DataFrame({"size": [1.0, 2, 3, np.nan, 99], "note": [None] * 5})
    assert inliers(analysis, features, np.zeros(5)).tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("impute", ["mean", "median", "zero"])
@pytest.mark.parametrize("scale", ["standard", "robust", "none"])
def test_every_imputation_with_every_scaling_fills_what_it_says(impute: str, scale: str) -> None:
    analysis = numbers(impute=impute, scale=scale, features={"size": "size"}, text=())
    features = pd.DataFrame({"size": np.array([1.0, 2, 9, np.nan], np.float32)})
    coded = code(analysis, codes(analysis).fit(features), features)
    found = np.asarray(encoder(analysis, "one_hot").fit_transform(coded), np.float64)[:, 0]
    filled = {"mean": 4.0, "median": 2.0, "zero": 0.0}[impute]
    # scaling is linear: the filled value lies between the known ones as it should
    slope = (found[2] - found[0]) / 8
    expected = found[0] + slope * (filled - 1)
    assert found[3] == pytest.approx(expected, abs=1e-5)
