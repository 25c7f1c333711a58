"""Where the training set ends and the test set begins, and where one fold ends and the next begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis_world import late_jobs
from effort import examples
from vertebra.analysis.example_set import Examples
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


NUMBERS = {"task": "regression", "label": "delay", "metric": "mae"}
BOUNDARY = datetime(2024, 4, 15, tzinfo=UTC)


def declared(**changes: Any) -> Analysis:
    features = {"features": {"size": "size"}, "folds": {"by": "day", "count": 2}, "test": {"from": date(2024, 4, 15)}}
    return late_jobs(**(features | NUMBERS | changes))


def stored(
    analysis: Analysis,
    moments: dict[int, datetime],
    engine: Engine,
    context: Context,
    lake: Lake,
    groups: dict[int, tuple[str, int]] | None = None,
) -> dict[str, Any]:
    """Split one example a moment, each in a group of its own unless ``groups`` has its group and label."""
    rows = [
        (number, at, *(groups[number] if groups else (f"g{number:03}", number % 2)), 1.0)
        for number, at in moments.items()
    ]
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
    found = stored(declared(folds={"by": "day", "count": folds}), moments | {groups: boundary}, sail, context, lake)
    sizes = np.bincount([row[FOLD] for row in found["train"].values()])
    assert len(sizes) == folds
    assert set(sizes) <= {groups // folds, -(-groups // folds)}
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert FOLD not in found["test"][groups]


def test_fewer_groups_than_folds_are_refused(sail: Engine, context: Context, lake: Lake) -> None:
    boundary = datetime(2024, 4, 15, tzinfo=UTC)
    moments = {number: boundary - timedelta(hours=number + 1) for number in range(4)} | {4: boundary}
    with pytest.raises(DeclarationError, match="4 groups cannot fill 5 folds"):
        stored(declared(folds={"by": "day", "count": 5}), moments, sail, context, lake)


def classified(
    days: list[str], engine: Engine, context: Context, lake: Lake, folds: int, tested: str = "01"
) -> list[set[tuple[int, int]]]:
    """Split days whose examples have the given labels, before the boundary; the folds as sets of group and label.

    Args:
        days: for each group, the labels of its examples: ``"001"``.
        tested: the labels of the test set.
    """
    labels = [(f"g{day}", int(label)) for day, those in enumerate(days) for label in those]
    groups = dict(enumerate([*labels, *(("test", int(label)) for label in tested)]))
    moments = {
        number: BOUNDARY if group == "test" else BOUNDARY - timedelta(1) for number, (group, _) in groups.items()
    }
    analysis = declared(task="classification", label="late", metric="roc_auc", folds={"by": "day", "count": folds})
    found = stored(analysis, moments, engine, context, lake, groups)["train"].values()
    return [{(row[GROUP], row[LABEL]) for row in found if row[FOLD] == fold} for fold in range(folds)]


def test_every_fold_has_both_classes_where_enough_groups_do(engine: Engine, context: Context, lake: Lake) -> None:
    # of 12 days, 3 have class 1, as few as there are folds; no order of a hash spreads them
    days = ["0"] * 5 + ["1"] + ["0"] * 3 + ["01", "0", "1"]
    folds = classified(days, engine, context, lake, folds=3)
    assert all({label for _, label in fold} == {0, 1} for fold in folds)
    assert [len({group for group, _ in fold}) for fold in folds] == [4, 4, 4]
    assert set().union(*folds) == {(f"g{day}", int(label)) for day, those in enumerate(days) for label in those}


@settings(max_examples=examples(fast=4, thorough=40), deadline=None, suppress_health_check=[*HealthCheck])
@given(days=st.lists(st.sampled_from(["0", "1", "01"]), min_size=2, max_size=9), folds=st.integers(2, 4))
def test_folds_are_stratified_or_the_analysis_is_refused(
    sail: Engine, context: Context, lake: Lake, days: list[str], folds: int
) -> None:
    enough = min(sum(label in those for those in days) for label in "01") >= folds
    if enough:
        found = classified(days, sail, context, lake, folds)
        assert all({label for _, label in fold} == {0, 1} for fold in found)
        sizes = [len({group for group, _ in fold}) for fold in found]
        assert max(sizes) - min(sizes) <= 1
    else:
        with pytest.raises(DeclarationError, match=r"too few for|cannot fill|training set has one class"):
            classified(days, sail, context, lake, folds)


@pytest.mark.parametrize(
    ("days", "tested", "fact", "remedy"),
    [
        (["01", "01"], "00", "the test set has one class: the label of all 2 rows from 2024-04-15", "earlier beginning of test"),
        (["01", "0", "01"], "01", "class 1 is in 2 groups of the training set, too few for 3 folds", "count=2, or a finer"),
        (["01", "0", "0"], "01", "class 1 is in 1 group of the training set, too few for 3 folds", "declare a finer group"),
    ],
)  # fmt: skip
def test_a_set_with_one_class_is_refused_with_what_to_do(
    sail: Engine, context: Context, lake: Lake, days: list[str], tested: str, fact: str, remedy: str
) -> None:
    with pytest.raises(DeclarationError, match=fact) as told:
        classified(days, sail, context, lake, folds=3 if len(days) > 2 else 2, tested=tested)
    assert remedy in told.value.remedy
    assert "vertebra sql" in told.value.remedy


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
    analysis = declared(folds={"by": "day", "count": 3})
    fold = np.array([0, 1, 2, 2, 1, 2, 0, 2], np.int32)
    train = Examples(pd.DataFrame({"size": np.arange(8, dtype=np.float32)}), np.zeros(8), fold)
    memory = CandidateModel("memory", Candidate(build=Memory, encode="ordinal"))
    (trial,) = cross_validate(analysis, [memory], train, silent)
    assert trial.scores == (6.0, 6.0, 4.0)
