"""Each task end to end on small data: its labels, baseline, metrics, plots and columns of predictions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analysis_world import World, late_jobs
from vertebra.analysis import predict as prediction
from vertebra.declare.analysis import Analysis, Candidate
from vertebra.declare.task import TASKS

START = datetime(2024, 3, 1, tzinfo=UTC)
KINDS = ("oak", "ash", "elm")
DAYS, A_DAY = 30, 8


def trees() -> pa.Table:
    """Trees of three kinds, which differ in height and width and in what is written about them; a few are odd."""
    random = np.random.default_rng(3)
    rows = []
    for number in range(DAYS * A_DAY):
        kind = number % 3
        odd = number % 40 == 7
        seen = START + timedelta(days=number // A_DAY, hours=number % A_DAY)
        rows.append(
            {
                "id": number, "day": seen.date(), "seen": seen, "kind": KINDS[kind], "grade": kind + 1, "odd": odd,
                "height": float((10, 20, 30)[kind] + random.normal() + (40 if odd else 0)),
                "width": float((3, 1, 2)[kind] + random.normal() / 5),
                "note": None if number % 17 == 0 else f"{('Große Krone', 'seeds with a wing', 'rough leaf')[kind]} no {number}",
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows)


def declared(**changes: Any) -> Analysis:
    plain: dict[str, Any] = {
        "name": "kinds", "description": "Trees.", "view": "jobs", "key": ("id",), "time": "seen", "unavailable": (),
        "features": {"height": "height", "width": "width"}, "folds": {"by": "day", "count": 3}, "test": {"last": "30 %"},
    }  # fmt: skip
    return late_jobs(**(plain | changes))


@pytest.fixture(scope="module")
def world(make_world: Callable[[pa.Table], World]) -> World:
    return make_world(trees())


def forest(leaves: int) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(num_leaves=leaves, n_estimators=5, min_child_samples=5, verbose=-1)


def logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def means(clusters: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(clusters, n_init=3)


def isolation() -> Any:
    from sklearn.ensemble import IsolationForest

    return IsolationForest(n_estimators=50)


def predicted(world: World, analysis: Analysis) -> dict[int, dict[str, Any]]:
    prediction.predict(analysis, world.tracking, "workshop", world.context(analysis))
    rows = world.lake.table(f"analysis.{analysis.name}_predictions").arrow().to_table().to_pylist()
    return {row["id"]: row for row in rows}


def plots_of(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def test_a_classification_of_many_classes_has_a_probability_for_each(world: World, tmp_path: Path) -> None:
    analysis = declared(label="kind", metric="log_loss", candidates={"forest": Candidate(build=forest, grid={"leaves": (4,)}, encode="ordinal")})  # fmt: skip
    outcome = world.analyse(analysis, plots=tmp_path)
    assert outcome.facts.chosen == "forest(leaves=4)"
    test = {row["metric"]: row["value"] for row in world.models(split="test", analysis="kinds", candidate="forest")}
    base = {row["metric"]: row["value"] for row in world.models(split="test", analysis="kinds", candidate="baseline")}
    assert test["accuracy"] > 0.95 > base["accuracy"]
    assert test["roc_auc"] > 0.95
    assert base["roc_auc"] == 0.5
    assert base["log_loss"] == pytest.approx(np.log(3), abs=0.02)
    assert {"confusion", "candidates", "importances", "folds"} <= plots_of(tmp_path)
    rows = predicted(world, analysis)
    assert sum(row["_prediction"] == row["_label"] for row in rows.values()) > 0.9 * len(rows)
    one = rows[0]
    assert dict(one["_probabilities"]).keys() == set(KINDS)
    assert sum(dict(one["_probabilities"]).values()) == pytest.approx(1)
    assert (
        dict(one["_probabilities"])[one["_prediction"]]
        == one["_probability"]
        == max(dict(one["_probabilities"]).values())
    )
    tested = {row["id"]: row for row in world.lake.table("analysis.kinds").arrow().to_table().to_pylist()}
    assert all(rows[number]["_prediction"] == row["_prediction"] for number, row in tested.items())
    assert all(rows[number]["_seen_in_training"] is (number not in tested) for number in rows)


def test_integers_are_classes_and_texts_are_features(world: World, tmp_path: Path) -> None:
    analysis = declared(
        name="grades", label="grade", metric="accuracy", features={"note": "note", "width": "0 * width"}, text=("note",),
        candidates={"logistic": Candidate(build=logistic), "forest": Candidate(build=forest, grid={"leaves": (4,)}, encode="ordinal")},
    )  # fmt: skip
    outcome = world.analyse(analysis, plots=tmp_path)
    assert outcome.facts.test > 0.9  # a note is missing on a few
    both = world.models(split="cross-validation", analysis="grades")
    assert all(row["value"] > 0.9 for row in both if row["candidate"] != "baseline")
    assert {row["_prediction"] for row in predicted(world, analysis).values()} == {"1", "2", "3"}


def test_a_clustering_chooses_the_number_of_clusters_and_is_told_by_its_profile(world: World, tmp_path: Path) -> None:
    analysis = declared(
        name="types", task="clustering", label=None, metric="silhouette", test=None, where="not odd", folds={"count": 3},
        candidates={"means": Candidate(build=means, grid={"clusters": (2, 3, 5)})},
    )  # fmt: skip
    outcome = world.analyse(analysis, plots=tmp_path)
    assert outcome.facts.chosen == "means(clusters=3)"
    test = {row["metric"]: row["value"] for row in world.models(split="test", analysis="types", candidate="means")}
    assert test["silhouette"] > 0.6
    assert test["stability"] > 0.99
    assert test["largest_share"] == pytest.approx(1 / 3, abs=0.02)
    assert "profile" in plots_of(tmp_path)
    rows = world.lake.table("analysis.types").arrow().to_table().to_pylist()
    assert all(row["_seen_in_training"] for row in rows)
    kinds = {row["id"]: row["kind"] for row in trees().to_pylist()}
    assert len({(row["_prediction"], kinds[row["id"]]) for row in rows}) == 3


def test_rows_without_structure_stay_one_cluster(world: World) -> None:
    analysis = declared(
        name="none", task="clustering", label=None, metric="stability", features={"x": "id * 7919 % 1009", "y": "id * 104729 % 997"},
        candidates={"means": Candidate(build=means, grid={"clusters": (7,)})}, test=None,
    )  # fmt: skip
    world.analyse(analysis)
    base = {row["metric"]: row["value"] for row in world.models(split="test", analysis="none", candidate="baseline")}
    assert (base["silhouette"], base["stability"], base["largest_share"]) == (0, 0, 1)


def test_an_anomaly_detection_is_compared_with_the_robust_z_score(world: World, tmp_path: Path) -> None:
    analysis = declared(
        name="odd", task="anomaly", label="odd", metric="pr_auc", flag=0.03, folds={"by": "id", "count": 2}, test={"group": "id % 2 = 0 or day > '2024-03-20'"},
        candidates={"isolation": Candidate(build=isolation, encode="ordinal")},
    )  # fmt: skip
    world.analyse(analysis, plots=tmp_path)
    both = {row["candidate"]: row["value"] for row in world.models(split="cross-validation", analysis="odd")}
    assert both["baseline"] == 1.0
    assert both["isolation"] > 0.8
    assert {"scores", "precision_recall"} <= plots_of(tmp_path)
    rows = predicted(world, analysis)
    flagged = {number for number, row in rows.items() if row["_flagged"]}
    odd = {row["id"] for row in trees().to_pylist() if row["odd"]}
    assert len(flagged & odd) >= 4
    assert min(rows[number]["_prediction"] for number in odd) > np.median([row["_prediction"] for row in rows.values()])


def test_without_labels_the_most_stable_detector_is_chosen_and_the_share_is_as_declared(world: World) -> None:
    analysis = declared(
        name="unlabelled", task="anomaly", label=None, metric="stability", flag=0.05, folds={"by": "id", "count": 2},
        candidates={"isolation": Candidate(build=isolation, encode="ordinal")}, test=None,
    )  # fmt: skip
    world.analyse(analysis)
    tested = {
        (row["candidate"], row["metric"]): row["value"] for row in world.models(split="test", analysis="unlabelled")
    }
    assert {metric for _, metric in tested} == {"stability", "share_flagged"}
    assert tested["baseline", "share_flagged"] == pytest.approx(0.05, abs=0.005)


def test_the_tasks_are_found_by_their_modules() -> None:
    assert {"classification", "regression", "clustering", "anomaly"} <= set(TASKS)
