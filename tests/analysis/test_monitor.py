"""Drift of features and predictions against training, scores in use, thresholds, and when a run trains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from analysis_world import World, jobs, late_jobs, logistic
from effort import examples
from vertebra.analysis.drift import ks, psi_of_categories, psi_of_numbers
from vertebra.analysis.kept_model import waiting_model
from vertebra.analysis.monitor import drifted
from vertebra.analysis.predict import predict_new
from vertebra.declare.analysis import Analysis, Candidate, Monitor
from vertebra.errors import StepError

numbers = st.lists(st.floats(-100, 100), min_size=1, max_size=60).map(np.asarray)


@given(numbers, numbers)
@settings(max_examples=examples(fast=30, thorough=300))
def test_ks_is_that_of_scipy_and_psi_is_a_distance(one: Any, other: Any) -> None:
    assert ks(one, other) == pytest.approx(ks_2samp(one, other).statistic)
    assert ks(np.append(one, np.nan), other) == ks(one, other)
    assert psi_of_numbers(one, one) == 0
    assert psi_of_numbers(one, other) >= 0
    assert psi_of_categories(list(one), list(other)) >= 0


def test_moved_values_missing_values_and_new_categories_are_seen() -> None:
    random = np.random.default_rng(0)
    one, other = random.normal(size=2000), random.normal(size=2000)
    assert psi_of_numbers(one, other) < 0.05
    assert psi_of_numbers(one, other + 1) > 0.25
    assert psi_of_numbers(one, np.where(random.random(2000) < 0.3, np.nan, other)) > 0.25
    # a value that most rows have is a bin of its own
    assert psi_of_numbers(np.zeros(100), np.zeros(100)) == 0
    assert psi_of_numbers(np.zeros(100), np.ones(100)) > 0.25
    texts = ["a", "b", "c", None] * 50
    assert psi_of_categories(texts, texts[::-1]) == 0
    assert psi_of_categories(texts, ["z" if one == "a" else one for one in texts]) > 0.25


def declared(**changes: Any) -> Analysis:
    plain = {
        "candidates": {"logistic": Candidate(build=logistic, grid={"c": (1.0,)})},
        "folds": {"by": "day", "count": 2},
    }
    return late_jobs(**(plain | {"features": {"size": "size", "place": "place"}} | changes))


def test_figures_are_recorded_for_each_run_and_thresholds_warn_fail_and_train(
    make_world: Callable[[pa.Table], World],
) -> None:
    world = make_world(jobs())
    world.analyse(declared())

    def predicted(analysis: Analysis) -> Any:
        return predict_new(analysis, world.tracking, "workshop", world.context(analysis)).facts

    def figures() -> dict[tuple[str, str, str], dict[str, Any]]:
        rows = [row for row in world.ledgers.rows("monitoring") if row["run_id"] == f"run-{world.steps}"]
        return {(row["subject"], row["name"], row["measure"]): row for row in rows}

    assert predicted(declared()).warnings == ()
    found = figures()
    assert {*found} >= {
        ("feature", "size", "psi"), ("feature", "size", "ks"), ("feature", "place", "psi"), ("prediction", "", "psi"),
        ("performance", "roc_auc", "roc_auc"),
    }  # fmt: skip
    score = found["performance", "roc_auc", "roc_auc"]
    assert score["value"] == pytest.approx(score["reference"])  # the rows are those of the test set
    assert found["feature", "size", "psi"]["value"] < 0.2
    assert not drifted(world.ledgers, "late_jobs", "1")

    # later jobs are much bigger; the champion has not seen them
    rows = jobs()
    late = pc.greater_equal(rows.column("planned"), pa.scalar(datetime(2024, 4, 15, tzinfo=UTC)))
    bigger = pc.if_else(late, pc.add(rows.column("size"), 40.0), rows.column("size"))
    world.put("exploitation.jobs", rows.set_column(rows.schema.get_field_index("size"), "size", bigger))
    warned = predicted(declared(monitor=Monitor(warn={"psi": 0.5, "ks": 2})))
    assert any(text.startswith("feature size: psi ") for text in warned.warnings)
    assert not any("place" in text for text in warned.warnings)
    assert figures()["feature", "size", "psi"]["state"] == "warn"
    assert drifted(world.ledgers, "late_jobs", "1")
    # too few rows tell nothing
    few = Monitor(warn={"psi": 0.5}, at_least=10_000)
    assert predicted(declared(monitor=few)).warnings == ()
    assert figures()["feature", "size", "psi"]["state"] == "few"
    # a score falls below its threshold; the step fails before it writes, and the figures are kept
    written = world.lake.table("analysis.late_jobs_predictions").version()
    with pytest.raises(StepError, match=r"performance: roc_auc .* has passed 1, on \d+ rows"):
        predicted(declared(monitor=Monitor(fail={"roc_auc": 1.0})))
    assert world.lake.table("analysis.late_jobs_predictions").version() == written
    assert figures()["performance", "roc_auc", "roc_auc"]["state"] == "fail"
    # the window counts from the latest row
    predicted(declared(monitor=Monitor(window="2 days")))
    assert figures()["feature", "size", "psi"]["rows"] <= 3 * 14

    # without the declaration of the step, nobody knows whether the model is that of the declaration
    assert waiting_model(declared(retrain="30 days"), "workshop", world.context(declared())) is None


def test_a_run_trains_after_a_time_or_after_drift(make_world: Callable[[pa.Table], World]) -> None:
    from dataclasses import replace

    world = make_world(jobs())
    analysis = declared(retrain="30 days")

    def context(days: int = 0) -> Any:
        made = world.context(analysis)
        return replace(made, definition="same", now=made.now + timedelta(days=days))

    from vertebra.analysis.run import analyse

    assert analyse(analysis, world.tracking, "workshop", context(), again=False).facts.model_version == "1"
    kept = waiting_model(analysis, "workshop", context(29))
    assert kept is not None
    assert kept.facts is not None
    assert kept.facts.why == "its last training, of 2026-01-15, is younger than 30 days"
    assert waiting_model(analysis, "workshop", context(30)) is None
    assert waiting_model(analysis, "workshop", replace(context(1), definition="other")) is None
    by_drift = declared(retrain="drift", monitor=Monitor(warn={"psi": -1.0}, at_least=1))
    assert waiting_model(by_drift, "workshop", context(99)) is not None
    predict_new(by_drift, world.tracking, "workshop", context(99))  # any figure passes the threshold
    assert waiting_model(by_drift, "workshop", context(99)) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"monitor": {"warn": {"rmse": 1}}}, "monitor has no figure 'rmse'"),
        ({"monitor": {"window": "soon"}}, "'soon' is not a duration"),
        ({"retrain": "often"}, "'often' is not a duration"),
        ({"retrain": "drift"}, "retrain='drift' needs thresholds"),
    ],
)
def test_wrong_declarations_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        declared(**wrong)
