"""An analysis, end to end on a small world: sets, folds, choice, registry, predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from analysis_world import START, World, jobs, late_jobs
from vertebra.analysis import predict as prediction
from vertebra.analysis import track
from vertebra.analysis.examples import load
from vertebra.analysis.features import example_frame
from vertebra.analysis.split import PinnedSet, store_sets
from vertebra.analysis.train import candidate_models
from vertebra.analysis.validate import cross_validate
from vertebra.declare.analysis import Candidate
from vertebra.engine import Engine
from vertebra.errors import DeclarationError, LakeError, StepError
from vertebra.governance.context import silent
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.step_facts import PredictionFacts

TEST_DAY = 45  # 15 April
PLOTS = (
    "candidates",
    "importances",
    "calibration",
    "roc",
    "precision_recall",
    "confusion",
    "folds",
    "over_time",
    "contributions",
    "dependence",
)


@pytest.fixture(scope="module")
def world(make_world: Callable[[pa.Table], World]) -> World:
    """A world in which the analysis was done once."""
    made = make_world(jobs())
    made.analyse(late_jobs(), plots=made.root / "plots")
    return made


def predict(world: World, **options: Any) -> Any:
    analysis = late_jobs()
    return prediction.predict(analysis, world.tracking, "workshop", world.context(analysis), **options)


def rows_of(world: World, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = world.lake.table(name).arrow().to_table().to_pylist()
    return sorted(rows, key=lambda row: row["id"])


# -- sets ----------------------------------------------------------------------------------------------------------


def test_the_test_set_is_what_comes_after_the_date_and_unlabelled_rows_are_in_neither(world: World) -> None:
    train, test = (rows_of(world, f"analysis.late_jobs_{part}") for part in ("train", "test"))
    boundary = START.replace(month=4, day=15)
    assert all(row["_time"] < boundary for row in train)
    assert all(row["_time"] >= boundary for row in test)
    labelled = sum(value is not None for value in jobs().column("delay").to_pylist())
    assert len(train) + len(test) == labelled
    assert {row["_label"] for row in train} == {0, 1}


def test_a_fold_is_a_set_of_whole_days_and_folds_have_equal_numbers_of_them(world: World) -> None:
    folds: dict[str, set[int]] = {}
    for row in rows_of(world, "analysis.late_jobs_train"):
        folds.setdefault(row["_group"], set()).add(row["_fold"])
    assert all(len(found) == 1 for found in folds.values())
    per_fold = [sum(found == {fold} for found in folds.values()) for fold in range(5)]
    assert per_fold == [9, 9, 9, 9, 9]


def test_both_engines_make_the_same_sets(world: World, engine: Engine, make_world: Callable[[pa.Table], World]) -> None:
    other = World(make_world(jobs()).root, engine)
    analysis = late_jobs()
    context = other.context(analysis)
    frame = other.lake.table("exploitation.jobs").frame(engine)
    store_sets(
        analysis,
        engine.materialise(example_frame(analysis, frame, {"jobs": frame}, engine), context.scratch / "e"),
        context,
    )
    for part in ("train", "test"):
        assert rows_of(other, f"analysis.late_jobs_{part}") == rows_of(world, f"analysis.late_jobs_{part}")


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"test": {"from": START.date().replace(year=2030)}}, "the test set is empty"),
        ({"test": {"from": START.date()}}, "the training set is empty"),
        ({"folds": {"by": "place"}}, "both sides of the test set from 2024-04-15"),
        ({"folds": {"by": "day", "count": 46}}, "45 groups cannot fill 46 folds"),
        ({"key": ("day",)}, "with several examples"),
        ({"label": "cast(delay * 9 as int)"}, "more than 50 classes"),
        ({"label": "delay"}, "a fraction is no class"),
        ({"label": "day < '2024-04-10' and delay > 8"}, "the test set has one class: the label of all .* is 0"),
        (
            {"features": {"size": "size"}, "categorical": ("size",)},
            "is listed in categorical, and a double is no category",
        ),
    ],
)
def test_sets_that_would_mislead_are_refused(world: World, changes: dict[str, Any], fact: str) -> None:
    with pytest.raises(DeclarationError, match=fact):
        world.analyse(late_jobs(name="misled", **changes))
    assert not world.lake.table("analysis.misled_train").exists()


# -- choice --------------------------------------------------------------------------------------------------------


def test_every_setting_and_the_baseline_is_on_record_with_mean_and_deviation(world: World) -> None:
    tried = world.models(split="cross-validation", run_id="run-1")
    settings = [(row["candidate"], json.loads(row["parameters"])) for row in tried]
    assert settings == [
        ("baseline", {}),
        ("logistic", {"c": 0.01}),
        ("logistic", {"c": 1.0}),
        ("tree", {"depth": 2}),
        ("tree", {"depth": 4}),
    ]
    assert tried[0]["value"] == 0.5
    assert all(row["deviation"] > 0 for row in tried[1:])
    best = max(tried, key=lambda row: row["value"])
    assert [row for row in tried if row["chosen"]] == [best]
    tested = {(row["candidate"], row["metric"]): row["value"] for row in world.models(split="test", run_id="run-1")}
    assert tested["baseline", "roc_auc"] == 0.5
    assert tested[best["candidate"], "roc_auc"] > 0.6


def test_the_test_set_has_no_say_in_the_choice(world: World, make_world: Callable[[pa.Table], World]) -> None:
    turned = make_world(jobs(worse_from=TEST_DAY))
    turned.analyse(late_jobs())
    compared = ("candidate", "parameters", "chosen", "value", "deviation")
    for other, mine in zip(
        turned.models(split="cross-validation"), world.models(split="cross-validation", run_id="run-1"), strict=True
    ):
        assert [other[key] for key in compared] == [mine[key] for key in compared]
    (score,) = [row["value"] for row in turned.models(split="test", metric="roc_auc", chosen=True)]
    assert score < 0.5


def test_the_pinned_versions_give_the_same_scores_again(world: World) -> None:
    analysis = late_jobs()
    record = world.models(split="cross-validation", run_id="run-1")
    table = world.lake.table(record[0]["train_table"])
    table.write_arrow(table.arrow().to_table().slice(0, 10), world.context(analysis).commit())
    train = load(analysis, PinnedSet(table, record[0]["train_version"], 0))
    again = cross_validate(analysis, candidate_models(analysis), train, silent)
    assert [trial.mean for trial in again] == [row["value"] for row in record]
    table.restore(record[0]["train_version"])


def test_a_model_that_beats_nothing_is_not_chosen(make_world: Callable[[pa.Table], World]) -> None:
    world = make_world(jobs())
    outcome = world.analyse(late_jobs(features={"constant": "1"}, metric="log_loss"))
    assert outcome.facts.chosen == "baseline"


# -- registry ------------------------------------------------------------------------------------------------------


def test_the_chosen_model_is_the_champion_with_its_evidence_in_mlflow(world: World) -> None:
    client = track.client_of(world.tracking)
    (champion,) = world.models(split="test", metric="roc_auc", chosen=True, run_id="run-1")
    found = client.get_model_version("workshop.late_jobs", champion["model_version"])
    run = client.get_run(found.run_id)
    assert run.info.run_id == champion["mlflow_run"]
    assert run.data.tags["vertebra.train"] == f"analysis.late_jobs_train@{champion['train_version']}"
    assert run.data.metrics["test_roc_auc"] == champion["value"]
    plots = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "plots")}
    assert plots == {f"{name}.png" for name in PLOTS}
    assert {path.name for path in (world.root / "plots").iterdir()} == plots
    nested = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    assert len(nested) == 5
    assert (world.root / "mlartifacts").is_dir()


def test_a_crash_before_the_ledger_deploys_nothing_and_the_next_run_completes(
    make_world: Callable[[pa.Table], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(jobs())

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Ledgers, "append", crash)
        with pytest.raises(KeyboardInterrupt):
            world.analyse(late_jobs())
    with pytest.raises(LakeError, match="there is no champion"):
        predict(world)
    with pytest.raises(LakeError, match="the ledger of models has no"):
        predict(world, version="1")
    assert world.analyse(late_jobs()).facts.model_version == "2"
    assert predict(world).facts == PredictionFacts("exploitation.jobs", "workshop.late_jobs", "2")


def test_a_model_of_code_that_nobody_trusts_is_not_deployed(make_world: Callable[[pa.Table], World]) -> None:
    from sklearn.tree import DecisionTreeClassifier

    class Smuggled(DecisionTreeClassifier):  # type: ignore[misc]
        pass

    Smuggled.__module__, Smuggled.__qualname__ = "smugglers", "Smuggled"
    world = make_world(jobs())
    with pytest.raises(StepError, match=r"smugglers\.Smuggled"):
        world.analyse(late_jobs(candidates={"smuggled": Candidate(build=lambda: Smuggled(max_depth=3))}))
    assert world.models() == []


# -- predictions ---------------------------------------------------------------------------------------------------


def test_predictions_are_those_of_the_model_on_every_row_of_the_view(world: World) -> None:
    outcome = predict(world)
    rows = {row["id"]: row for row in rows_of(world, "analysis.late_jobs_predictions")}
    assert outcome.rows == len(rows) == jobs().num_rows
    assert set(rows[0]) == {"id", "_time", "_label", "_prediction", "_model_version", "_seen_in_training", "_known_at",
                            "_inputs"}  # fmt: skip
    for tested in rows_of(world, "analysis.late_jobs"):
        assert rows[tested["id"]]["_prediction"] == pytest.approx(tested["_prediction"], rel=1e-6)
        assert not rows[tested["id"]]["_seen_in_training"]
    seen = sum(row["_seen_in_training"] for row in rows.values())
    assert seen == world.lake.table("analysis.late_jobs_train").rows()
    assert sum(row["_label"] is None for row in rows.values()) == jobs().column("delay").null_count


def test_a_repeated_scoring_replaces_the_last_one(world: World) -> None:
    first, second = predict(world), predict(world)
    assert second.rows == first.rows == len(rows_of(world, "analysis.late_jobs_predictions"))
    assert second.version == first.version + 1


def test_new_rows_without_outcome_are_scored_with_the_history_there_is(world: World) -> None:
    coming = jobs().filter(pa.compute.greater(jobs().column("id"), 800)).drop_columns(["delay", "done"])
    world.put("exploitation.coming", coming)
    outcome = predict(world, table="exploitation.coming")
    whole = {row["id"]: row["_prediction"] for row in rows_of(world, "analysis.late_jobs")}
    rows = rows_of(world, "analysis.late_jobs_predictions")
    assert outcome.rows == coming.num_rows
    assert all(
        row["_label"] is None and row["_prediction"] == pytest.approx(whole[row["id"]])
        for row in rows
        if row["id"] in whole
    )


def test_a_model_file_that_was_changed_is_not_read(world: World) -> None:
    files = list((world.root / "mlartifacts").rglob("model.skops"))
    kept = [(path, path.read_bytes()) for path in files]
    for path, content in kept:
        path.write_bytes(content + b" ")
    with pytest.raises(LakeError, match="changed after it was trained"):
        predict(world)
    for path, content in kept:
        path.write_bytes(content)


# -- regression ----------------------------------------------------------------------------------------------------


def test_a_regression_is_chosen_by_its_error_and_drawn_with_residuals(world: World) -> None:
    def ridge(alpha: float) -> Any:
        from sklearn.linear_model import Ridge

        return Ridge(alpha=alpha)

    analysis = late_jobs(
        name="delay", task="regression", label="delay", unit="minutes", metric="rmse", candidates={"ridge": Candidate(build=ridge, grid={"alpha": (1, 100)})},
    )  # fmt: skip
    outcome = world.analyse(analysis, plots=world.root / "delay")
    assert outcome.facts.chosen.startswith("ridge")
    assert outcome.facts.test < outcome.facts.baseline
    assert "residuals.png" in {path.name for path in (world.root / "delay").iterdir()}
