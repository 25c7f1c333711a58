"""Folds and test sets as declared: rolling and blocked folds, gaps, the last examples, groups."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis_world import late_jobs
from vertebra.analysis.evaluate import _flattered
from vertebra.analysis.example_set import Examples
from vertebra.analysis.features import GROUP, LABEL, PER, TESTED, TIME
from vertebra.analysis.folds import forward_folds, training_rows
from vertebra.analysis.split import FOLD, store_sets
from vertebra.analysis.train import CandidateModel, baseline
from vertebra.analysis.validate import Trial, cross_validate, forward
from vertebra.declare.analysis import Analysis, Candidate
from vertebra.declare.validation_plan import Folds
from vertebra.engine import Engine
from vertebra.errors import DeclarationError
from vertebra.governance.context import StepContext, silent
from vertebra.lake.catalog import Lake

Context = Callable[..., StepContext]
START = datetime(2024, 3, 1, tzinfo=UTC)
DAY = 86_400_000_000
SCHEMA = f"id bigint, {TIME} timestamp, {GROUP} string, {LABEL} double, {PER} string, {TESTED} boolean, size double"


def numbers(**changes: Any) -> Analysis:
    plain = {"task": "regression", "label": "delay", "metric": "mae", "features": {"size": "size"}}
    return late_jobs(**(plain | {"folds": {"by": "day", "count": 2}} | changes))


def stored(
    analysis: Analysis, rows: list[tuple[Any, ...]], engine: Engine, context: Context, lake: Lake
) -> dict[str, Any]:
    """Split rows of day, ``per`` and whether they are tested; the sets as ids, and the fold of each training row."""
    frame = engine.session.createDataFrame(
        [(number, START + timedelta(day), f"d{day:03}", 1.0 * number, per, tested, 1.0) for number, (day, per, tested) in enumerate(rows)],
        SCHEMA,
    )  # fmt: skip
    unused = [name for name, wanted in ((PER, analysis.test and analysis.test.per), (TESTED, analysis.test and analysis.test.group)) if not wanted]  # fmt: skip
    store_sets(analysis, frame.drop(*unused), context("analysis.late_jobs", {}, engine))
    train, test = (
        lake.table(f"analysis.late_jobs_{part}").arrow().to_table().to_pylist() for part in ("train", "test")
    )
    assert not {PER, TESTED} & set(train[0])
    folds = {row["id"]: row[FOLD] for row in train}
    return {"train": set(folds), "test": {row["id"] for row in test}, "folds": folds}


def test_the_last_share_is_of_rows_and_of_whole_groups(engine: Engine, context: Context, lake: Lake) -> None:
    # ten rows on six days: the last 30 % are three rows, and the day of the first of them has two
    rows = [(day, "", False) for day in (0, 1, 1, 2, 2, 3, 4, 4, 5, 5)]
    found = stored(numbers(test={"last": "30 %"}), rows, engine, context, lake)
    assert found["test"] == {8, 9}
    assert found["train"] == set(range(8))


def test_the_last_share_per_device_is_the_same_share_of_each(engine: Engine, context: Context, lake: Lake) -> None:
    rows = [(day, "a", False) for day in range(10)] + [(day, "b", False) for day in range(100, 105)]
    found = stored(numbers(test={"last": "20 %", "per": "place"}), rows, engine, context, lake)
    assert found["test"] == {8, 9, 14}


def test_the_last_span_ends_with_the_data_so_that_it_moves_with_them(
    sail: Engine, context: Context, lake: Lake
) -> None:
    rows = [(day, "", False) for day in range(40)]
    analysis = numbers(test={"last": "1 month"})
    assert stored(analysis, rows, sail, context, lake)["test"] == set(range(9, 40))  # after 9 March
    more = stored(analysis, [(day, "", False) for day in range(50)], sail, context, lake)
    assert more["test"] == set(range(19, 50))  # after 19 March
    assert more["train"] == set(range(19))


def test_a_test_set_by_condition_is_of_the_rows_it_names(sail: Engine, context: Context, lake: Lake) -> None:
    rows = [(day, "", day % 3 == 0) for day in range(9)]
    assert stored(numbers(test={"group": "place = 'a'"}), rows, sail, context, lake)["test"] == {0, 3, 6}
    with pytest.raises(DeclarationError, match="1 group has examples on both sides"):
        stored(numbers(test={"group": "place = 'a'"}), [*rows, (0, "", False)], sail, context, lake)


def test_last_examples_that_are_not_last_are_refused(sail: Engine, context: Context, lake: Lake) -> None:
    frame = sail.session.createDataFrame(
        [(number, START + timedelta(day), group, 1.0, 1.0) for number, (day, group) in enumerate([(0, "a"), (9, "a"), (1, "b"), (8, "c"), (2, "d")])],
        f"id bigint, {TIME} timestamp, {GROUP} string, {LABEL} double, size double",
    )  # fmt: skip
    with pytest.raises(DeclarationError, match=r"has examples until .*, after the test set begins"):
        store_sets(numbers(test={"last": "2 days"}), frame, context("analysis.late_jobs", {}, sail))


@pytest.mark.parametrize(("scheme", "folds"), [("rolling", [-1, -1, 0, 0, 1, 1]), ("blocked", [0, 0, 0, 1, 1, 1])])
def test_rolling_and_blocked_folds_follow_each_other_in_time(
    engine: Engine, context: Context, lake: Lake, scheme: str, folds: list[int]
) -> None:
    rows = [(day, "", day > 5) for day in (3, 0, 5, 1, 4, 2, 6)]
    analysis = numbers(test={"group": "place = 'a'"}, folds={"by": "day", "scheme": scheme, "count": 2})
    found = stored(analysis, rows, engine, context, lake)["folds"]
    assert [found[number] for number in sorted(found, key=lambda number: rows[number][0])] == folds


def over_days(fold: list[int], per_day: int = 1) -> Examples:
    days = np.arange(len(fold) * per_day) // per_day
    label = np.arange(len(days), dtype=np.float64)
    features = pd.DataFrame({"size": label.astype(np.float32)})
    return Examples(features, label, np.repeat(np.array(fold, np.int32), per_day), days * DAY, days)


def test_rolling_folds_are_predicted_from_rows_before_the_gap_and_blocked_ones_from_both_sides() -> None:
    rolling, blocked = (Folds(by="day", scheme=scheme, count=2, gap="2 days") for scheme in ("rolling", "blocked"))
    train = over_days([-1, -1, -1, 0, 0, 0, 1, 1, 1])
    assert np.flatnonzero(training_rows(rolling, train, 0)).tolist() == [0]
    assert np.flatnonzero(training_rows(rolling, train, 1)).tolist() == [0, 1, 2, 3]
    train = over_days([0, 0, 0, 0, 1, 1, 1, 1])
    assert np.flatnonzero(training_rows(blocked, train, 0)).tolist() == [5, 6, 7]
    ungapped = Folds(by="day", scheme="blocked", count=2)
    assert np.flatnonzero(training_rows(ungapped, train, 0)).tolist() == [4, 5, 6, 7]


def test_forward_folds_are_whole_groups_in_the_order_of_time() -> None:
    train = over_days([0, 1] * 6, per_day=3)
    folds = forward_folds(train, 5)
    assert folds is not None
    assert folds.tolist() == np.repeat([-1, -1, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4], 3).tolist()
    assert forward_folds(over_days([0, 1, 0, 1, 0]), 5) is None


class Nearest:
    """Predicts the label of the nearest row: perfect between known days, blind beyond them."""

    def fit(self, rows: Any, label: Any) -> Nearest:
        self.rows, self.label = np.asarray(rows)[:, 0], np.asarray(label)
        return self

    def predict(self, rows: Any) -> Any:
        return self.label[np.abs(np.asarray(rows)[:, :1] - self.rows).argmin(axis=1)]

    def get_params(self) -> dict[str, Any]:
        return {}


def test_grouped_folds_that_flatter_are_told_with_the_rolling_figure() -> None:
    random = np.random.default_rng(0)
    train = over_days(random.permutation(np.arange(60) % 5).tolist())
    analysis = numbers(folds={"by": "day", "count": 5})
    nearest = CandidateModel("nearest", Candidate(build=Nearest, encode="ordinal"))
    (grouped,) = cross_validate(analysis, [nearest], train, silent)
    found = forward(analysis, nearest, train)
    assert found is not None
    assert found[1].mean == pytest.approx(5.5)  # ten days ahead of the last known one: 1, 2, … 10
    assert grouped.mean < 2
    (told,) = _flattered(analysis, grouped, found[1])
    assert "grouped folds flatter: mae" in told
    assert "5.5000" in told
    assert not list(_flattered(analysis, grouped, grouped))


def test_a_fold_of_one_class_is_marked_and_too_few_are_refused() -> None:
    train = over_days([-1, -1, 0, 0, 1, 1, 2, 2])
    label = np.array([0.0, 1, 0, 1, 1, 1, 0, 1])
    train = Examples(train.features, label, train.fold, train.time, train.group)
    plan = {"by": "day", "scheme": "rolling", "count": 3}
    analysis = late_jobs(features={"size": "size"}, folds=plan)
    (trial,) = cross_validate(analysis, [baseline(analysis)], train, silent)
    assert trial.unscored == {1: "its rows have one class"}
    assert np.isnan(trial.scores[1])
    assert trial.mean == 0.5
    one = Examples(train.features, np.array([0.0, 1, 1, 1, 1, 1, 0, 1]), train.fold, train.time, train.group)
    with pytest.raises(DeclarationError, match="1 fold of 3 can be scored") as refused:
        cross_validate(analysis, [baseline(analysis)], one, silent)
    assert "fold 1: its rows have one class; fold 2: its rows have one class" in refused.value.cause


def test_a_trial_averages_the_folds_that_were_scored() -> None:
    trial = Trial(CandidateModel("a", Candidate(build=dict)), (1.0, float("nan"), 3.0), 0.0)
    assert (trial.mean, round(trial.deviation, 3)) == (2.0, 1.414)


def test_a_setting_is_not_fitted_again_on_the_same_rows(make_world: Callable[..., Any]) -> None:
    from analysis_world import jobs, logistic

    fitted: list[float] = []

    def counted(c: float) -> Any:
        model = logistic(c)
        fitted.append(c)
        return model

    def fits(candidate: float) -> int:
        return fitted.count(candidate)

    world = make_world(jobs())
    one = {"counted": Candidate(build=counted, grid={"c": (0.5,)})}
    world.analyse(late_jobs(candidates=one))
    first = fits(0.5)
    fitted.clear()
    world.analyse(late_jobs(candidates={"counted": Candidate(build=counted, grid={"c": (0.5, 2.0)})}))
    # the key and the test build the estimator, and the folds forwards in time; the five declared folds do not
    assert fits(0.5) <= first - 5
    assert fits(2.0) >= 5
    runs = [world.models(split="cross-validation", candidate="counted", run_id=f"run-{number}") for number in (1, 2)]
    assert runs[0][0]["value"] == runs[1][0]["value"]
    assert runs[0][0]["fold_scores"] == runs[1][0]["fold_scores"]
    assert (runs[0][0]["seconds"] or 0) > 0
    assert runs[1][0]["seconds"] is None
    keys = [row["validation_key"] for row in runs[1]]
    assert keys[0] == runs[0][0]["validation_key"] != keys[1]
    changed = {"folds": {"by": "day", "count": 4}, "metric": "brier"}
    world.analyse(late_jobs(candidates=one, **changed))
    (again,) = world.models(split="cross-validation", candidate="counted", run_id="run-3")
    assert again["validation_key"] not in keys
    assert again["seconds"] > 0
