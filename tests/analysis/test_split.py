"""Where the training set ends and the test set begins, and where one fold ends and the next begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis_world import late_jobs
from vertebra.analysis.examples import Examples
from vertebra.analysis.features import GROUP, LABEL, TIME
from vertebra.analysis.split import FOLD, first_test_time, store_sets
from vertebra.analysis.train import CandidateModel
from vertebra.analysis.validate import cross_validate
from vertebra.declare.analysis import Analysis, Candidate
from vertebra.engine import Engine
from vertebra.errors import DeclarationError
from vertebra.governance.context import StepContext, silent
from vertebra.lake.catalog import Lake

MICROSECOND = timedelta(microseconds=1)
Context = Callable[..., StepContext]


def declared(**changes: Any) -> Analysis:
    features = {"features": {"size": "size"}, "folds": 2, "test_from": date(2024, 4, 15)}
    return late_jobs(**(features | changes))


def stored(
    analysis: Analysis, moments: dict[int, datetime], engine: Engine, context: Context, lake: Lake
) -> dict[str, Any]:
    """Split one example a moment, each in a group of its own, and read both sets back."""
    rows = [(number, at, f"g{number:03}", number % 2, 1.0) for number, at in moments.items()]
    schema = f"id bigint, {TIME} timestamp, {GROUP} string, {LABEL} int, size double"
    store_sets(analysis, engine.session.createDataFrame(rows, schema), context("analysis.late_jobs", {}, engine))
    found = {part: lake.table(f"analysis.late_jobs_{part}").arrow().to_table() for part in ("train", "test")}
    return {part: {row["id"]: row for row in table.to_pylist()} for part, table in found.items()}


@pytest.mark.parametrize(
    ("zone", "boundary"),
    [
        ("UTC", datetime(2024, 4, 15, tzinfo=UTC)),
        ("America/New_York", datetime(2024, 4, 15, 4, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2024, 4, 14, 15, tzinfo=UTC)),
    ],
)
def test_an_example_exactly_at_test_from_is_in_the_test_set(
    engine: Engine, context: Context, lake: Lake, zone: str, boundary: datetime
) -> None:
    analysis = declared(zone=zone)
    assert first_test_time(analysis) == boundary
    moments = {
        0: boundary - timedelta(days=1),
        1: boundary - MICROSECOND,
        2: boundary,
        3: boundary + MICROSECOND,
        4: boundary + timedelta(days=1),
    }
    found = stored(analysis, moments, engine, context, lake)
    assert sorted(found["train"]) == [0, 1]
    assert sorted(found["test"]) == [2, 3, 4]


@pytest.mark.parametrize(("groups", "folds"), [(5, 5), (7, 5), (9, 5), (10, 5), (2, 2)])
def test_groups_are_dealt_to_folds_from_0_and_every_fold_has_one(
    sail: Engine, context: Context, lake: Lake, groups: int, folds: int
) -> None:
    boundary = datetime(2024, 4, 15, tzinfo=UTC)
    moments = {number: boundary - timedelta(hours=number + 1) for number in range(groups)}
    found = stored(declared(folds=folds), moments | {groups: boundary}, sail, context, lake)
    sizes = np.bincount([row[FOLD] for row in found["train"].values()])
    assert len(sizes) == folds
    assert set(sizes) <= {groups // folds, -(-groups // folds)}
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert FOLD not in found["test"][groups]


def test_fewer_groups_than_folds_are_refused(sail: Engine, context: Context, lake: Lake) -> None:
    boundary = datetime(2024, 4, 15, tzinfo=UTC)
    moments = {number: boundary - timedelta(hours=number + 1) for number in range(4)} | {4: boundary}
    with pytest.raises(DeclarationError, match="4 groups cannot fill 5 folds"):
        stored(declared(folds=5), moments, sail, context, lake)


class Memory:
    """An estimator that predicts the number of rows it was fitted on, and a huge number for each of these rows."""

    def fit(self, rows: Any, label: Any) -> Memory:
        self.seen = set(np.asarray(rows)[:, 0].tolist())
        assert len(label) == len(self.seen)
        return self

    def predict(self, rows: Any) -> Any:
        return [1e9 if size in self.seen else float(len(self.seen)) for size in np.asarray(rows)[:, 0].tolist()]

    def get_params(self) -> dict[str, Any]:
        return {}


def test_each_fold_is_scored_by_a_model_fitted_on_all_other_rows_and_none_of_its_own() -> None:
    analysis = declared(task="regression", label="delay", metric="mae", folds=3)
    fold = np.array([0, 1, 2, 2, 1, 2, 0, 2], np.int32)
    train = Examples(pd.DataFrame({"size": np.arange(8, dtype=np.float32)}), np.zeros(8), fold)
    memory = CandidateModel("memory", Candidate(build=Memory, encode="ordinal"))
    (trial,) = cross_validate(analysis, [memory], train, silent)
    assert trial.scores == (6.0, 6.0, 4.0)
