"""The champion stays unless the new model is better on the same test rows; features that are too good are named."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from analysis_world import World, jobs, late_jobs, logistic
from vertebra.analysis import track
from vertebra.analysis.champion import Champion, decide
from vertebra.analysis.example_set import Examples
from vertebra.analysis.paired import improvement
from vertebra.analysis.perfect_features import perfect_features
from vertebra.analysis.question import question
from vertebra.declare.analysis import Analysis, Candidate
from vertebra.declare.task import all_metrics
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.promotions import Promotion, champions, promotions_digest, record_promotion
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.lake.erasure import Erasure, begin_erasure
from vertebra.report.models import write_models
from vertebra.report.step_facts import phrases
from vertebra.workspace.models import chosen_models, model_scores

OBSERVED = np.array([0, 1] * 10, np.float64)
GOOD = OBSERVED * 0.8 + 0.1
BAD = 1 - GOOD
ALL = np.ones(20, np.bool_)
AT, HOUR = datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1)


def small(**changes: Any) -> Analysis:
    plain = {"candidates": {"logistic": Candidate(build=logistic, grid={"c": (1.0,)})}, "features": {"size": "size"}}
    return late_jobs(**(plain | {"folds": {"by": "day", "count": 2}} | changes))


def turned(rows: pa.Table) -> pa.Table:
    """The same jobs, of which the big ones before the test are early and the small ones late."""
    early = pc.less(rows.column("day"), date(2024, 4, 15))
    delay = pc.if_else(early, pc.subtract(16, rows.column("delay")), rows.column("delay"))
    return rows.set_column(rows.schema.get_field_index("delay"), "delay", delay)


# -- the decision --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new", "promoted"), [(BAD, GOOD, True), (GOOD, BAD, False), (GOOD, GOOD, False)])
def test_the_champion_is_replaced_only_by_a_better_model(old: Any, new: Any, promoted: bool) -> None:
    made = decide(small(), Champion("3", predicted=old, unseen=ALL), OBSERVED, new)
    assert made.promoted is promoted
    assert "on the same 20 test rows" in made.reason
    newest = decide(small(champion="newest"), Champion("3", predicted=old, unseen=ALL), OBSERVED, new)
    assert newest.promoted
    lower = decide(small(metric="log_loss"), Champion("3", predicted=old, unseen=ALL), OBSERVED, new)
    assert lower.promoted is promoted


def test_rows_that_the_champion_was_trained_on_do_not_count_for_it() -> None:
    unseen = np.arange(20) >= 10
    remembered = np.where(unseen, BAD, GOOD)
    made = decide(small(), Champion("3", predicted=remembered, unseen=unseen), OBSERVED, GOOD)
    assert (made.promoted, made.rows, made.score) == (True, 10, 0.0)
    none = decide(small(), Champion("3", predicted=GOOD, unseen=~ALL), OBSERVED, BAD)
    assert none.promoted
    assert none.reason == "version 3 could not be compared: it was trained on rows of this test set"


def test_a_model_of_another_question_is_not_compared_with() -> None:
    asked = question(small())
    assert (
        question(small(folds={"by": "day", "count": 3}, metric="brier", seed=4, test={"from": date(2024, 4, 1)}))
        == asked
    )
    others: list[dict[str, Any]] = [
        {"label": "delay > 9"}, {"where": "size > 1"}, {"features": {"size": "size + 1"}}, {"time": "planned + interval 1 day"},
    ]  # fmt: skip
    assert all(question(small(**one)) != asked for one in others)


def test_the_champion_stays_when_training_data_go_bad_and_the_run_says_why(
    make_world: Callable[[pa.Table], World],
) -> None:
    world = make_world(jobs())
    first = world.analyse(small()).facts
    assert (first.champion, first.comparison, first.warnings) == ("1", "", ())
    world.put("exploitation.jobs", turned(jobs()))
    outcome = world.analyse(small())
    facts = outcome.facts
    assert (facts.model_version, facts.champion) == ("2", "1")
    assert facts.comparison.startswith(f"roc_auc of the new model {facts.test:.4f}, of version 1 {first.test:.4f}, on ")
    assert phrases(facts)[-1] == f"version 1 stays the champion: {facts.comparison}"
    assert facts.warnings == (
        f"on the test set the chosen model is worse than the baseline: roc_auc {facts.test:.4f}, 0.5000",
    )
    client = track.client_of(world.tracking)
    assert track.current(world.tracking, "workshop.late_jobs")[0] == "1"
    card = client.get_model_version("workshop.late_jobs", "2").description
    assert f"Not the champion: {facts.comparison}." in card
    # the ledger and the table tell what is true after the run
    tested = world.models(split="test", metric="roc_auc", run_id="run-2")
    assert {(row["model_version"], row["champion"], row["value"]) for row in tested} == {
        ("2", False, facts.test), ("1", True, first.test), (None, None, 0.5),
    }  # fmt: skip
    predicted = world.lake.table("analysis.late_jobs").arrow(outcome.version).to_table()
    assert set(predicted.column("_model_version").to_pylist()) == {"1"}
    (model,) = chosen_models(world.lake)
    assert (model.version, model.champion, model.champion_test) == ("2", "1", first.test)
    stream = io.StringIO()
    write_models(model_scores(world.lake), True, "table", stream, stream)
    assert "workshop.late_jobs version 2; version 1 stays the champion" in stream.getvalue()
    # the champion predicts from its own features, whatever is declared now; equal models are a tie
    facts = world.analyse(small(features={"half": "size / 2"})).facts
    assert (facts.champion, facts.model_version) == ("1", "3")
    assert f"of version 1 {first.test:.4f}, on the same " in facts.comparison
    # another label makes it another question
    facts = world.analyse(small(label="delay > 7")).facts
    assert facts.champion == facts.model_version == "4"
    said = "version 1 could not be compared: it cannot be asked: version 1 cannot predict: it predicts something else"
    assert said in facts.comparison
    # an erasure that is under way removes records from the training set
    tables = ("analysis.late_jobs_train",)
    erasure = Erasure("e", datetime.now(UTC), "ada", "request 7", "shop", "jobs", {}, (), {}, tables=tables)
    begin_erasure(world.lake, erasure)
    facts = world.analyse(small(label="delay > 7")).facts
    assert facts.champion == facts.model_version == "5"
    assert "version 4 could not be compared: it was trained with records that were forgotten" in facts.comparison


def test_a_difference_that_may_be_chance_changes_nothing() -> None:
    random = np.random.default_rng(0)
    observed = (random.random(60) < 0.5).astype(float)
    old = np.clip(observed * 0.5 + random.random(60) * 0.5, 0, 1)
    metric = all_metrics()["brier"]
    noise = np.clip(old + random.normal(0, 0.05, 60), 0, 1)
    analysis = small(metric="brier")
    champion = Champion("1", predicted=old, unseen=np.ones(60, np.bool_))
    assert not decide(analysis, champion, observed, noise).promoted
    assert decide(analysis, champion, observed, observed).promoted
    # whole groups are drawn: ten days of six equal rows are ten rows, not sixty
    rows = improvement(metric, observed, noise, old)
    days = improvement(metric, np.repeat(observed[:10], 6), np.repeat(noise[:10], 6), np.repeat(old[:10], 6), list(
        np.repeat(range(10), 6)))  # fmt: skip
    assert days.high - days.low > rows.high - rows.low


def test_a_new_model_must_also_beat_the_baseline_and_what_a_person_promoted_stays() -> None:
    champion = Champion("1", predicted=BAD, unseen=ALL)
    made = decide(small(), champion, OBSERVED, GOOD, baseline=GOOD)
    assert not made.promoted
    assert "the baseline is as good as the new model" in made.reason
    held = decide(small(champion="newest"), replace(champion, held="ann promoted version 1"), OBSERVED, GOOD)
    assert not held.promoted
    assert held.reason.endswith("ann promoted version 1")


def test_decisions_of_people_are_followed_and_taken_back(tmp_path: Path) -> None:
    ledgers = Ledgers(Lake(tmp_path / "lake"))

    def chose(number: int, champion: str, new: str) -> None:
        shared = {"run_id": f"run-{number}", "analysis": "m", "model_name": "p.m", "recorded_at": AT + number * HOUR}
        rows = [{"model_version": new, "model_sha256": "x", "champion": champion == new}]
        rows += [{"model_version": champion, "champion": True}] if champion != new else []
        ledgers.append("models", [shared | row for row in rows], Commit(f"run-{number}", "analysis.m", ""))

    def person(number: int, action: Any, version: str) -> None:
        record_promotion(ledgers, Promotion(AT + number * HOUR, "ann", action, "m", "p.m", version, "", "why"))

    assert champions(ledgers, "m").version is None
    chose(1, "1", "1")
    chose(2, "2", "2")
    chose(3, "2", "3")
    found = champions(ledgers, "m")
    assert (found.version, found.earlier, found.held) == ("2", ("1",), None)
    digest = promotions_digest(ledgers, "m")
    person(4, "promote", "3")
    assert promotions_digest(ledgers, "m") != digest
    chose(5, "3", "4")
    found = champions(ledgers, "m")
    assert (found.version, found.earlier, found.held and found.held.decided_by) == ("3", ("1", "2"), "ann")
    person(6, "rollback", "2")
    person(7, "rollback", "1")
    assert (champions(ledgers, "m").version, champions(ledgers, "m").earlier) == ("1", ())
    person(8, "release", "1")
    assert champions(ledgers, "m").held is None
    chose(9, "5", "5")
    assert [one.version for one in champions(ledgers, "m").history] == ["1", "2", "3", "2", "1", "5"]
    assert promotions_digest(ledgers, "other") == ""


# -- features that are too good ------------------------------------------------------------------------------------


def examples_of(features: dict[str, Any], label: Any) -> Examples:
    return Examples(pd.DataFrame(features), np.asarray(label, np.float64), np.arange(len(label), dtype=np.int32) % 5)


def test_a_feature_that_alone_predicts_the_label_is_named() -> None:
    random = np.random.default_rng(0)
    label = (random.random(400) < 0.2).astype(float)
    noise = random.normal(size=400).astype(np.float32)
    features = {
        "honest": (label + noise).astype(np.float32),
        "paid_at": np.where(label == 1, noise, np.nan).astype(np.float32),  # there only if the label is 1
        "middle": np.where(label == 1, 0, np.sign(noise) * (1 + abs(noise))).astype(np.float32),
        "status": np.where(label == 1, random.choice(["late", "lost"], 400), random.choice(["ok", "early"], 400)),
    }
    analysis = small(features=dict.fromkeys(features, "1"), categorical=("status",))
    found = perfect_features(analysis, examples_of(features, label))
    assert {one.feature for one in found} == {"paid_at", "middle", "status"}
    assert all("alone predicts the label: ROC AUC 1.000 on held-out rows" in str(one) for one in found)
    delay = noise * 10
    numbers = {
        "honest": (delay + random.normal(0, 3, 400)).astype(np.float32),
        "minutes": (delay * 60).astype(np.float32),
    }
    regression = small(task="regression", label="delay", metric="mae", features=dict.fromkeys(numbers, "1"))
    assert [one.feature for one in perfect_features(regression, examples_of(numbers, delay))] == ["minutes"]


def test_few_rows_and_labels_by_chance_warn_of_nothing() -> None:
    few = {"size": np.array([1, 1, 9, 9, 1, 9, 1, 9], np.float32)}
    analysis = small()
    assert perfect_features(analysis, examples_of(few, few["size"] > 5)) == ()
    random = np.random.default_rng(1)
    many = {"size": np.arange(300, dtype=np.float32)}  # an identifier
    assert perfect_features(analysis, examples_of(many, random.random(300) < 0.5)) == ()
