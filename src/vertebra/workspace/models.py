"""The models of the analyses, from the ``models`` ledger."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from vertebra.declare.analysis import BASELINE
from vertebra.workspace.sql import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vertebra.lake.catalog import Lake

VALIDATION: Final = "cross-validation"
TEST: Final = "test"


@dataclass(frozen=True)
class ModelScore:
    """A score of one model by one metric: a row of the ``models`` ledger.

    Attributes:
        analysis: the analysis it was trained for.
        candidate: the algorithm.
        parameters: its hyper-parameters as JSON.
        chosen: whether the analysis chose this model.
        split: ``cross-validation`` or ``test``.
        metric, value: the score.
        deviation: standard deviation over the folds; None for the test set.
        seconds: of training.
        model_name, model_version, model_sha256: of the registered model; None for models that were not chosen.
        champion: whether the version predicts after the run; None for what is no version, and in rows of earlier
            releases.
        mlflow_run: the run of the tracking server.
        train_table, train_version, test_table, test_version: the tables it was trained and tested on, and their
            versions.
        recorded_at: UTC.
        recipe: of registered versions: what they predict and from which features, as JSON.
        reason: why it is the champion or not.
    """

    run_id: str
    analysis: str
    candidate: str
    parameters: str
    chosen: bool
    split: str
    metric: str
    value: float | None
    deviation: float | None
    seconds: float | None
    model_name: str | None
    model_version: str | None
    model_sha256: str | None
    champion: bool | None
    mlflow_run: str | None
    train_table: str | None
    train_version: int | None
    test_table: str | None
    test_version: int | None
    recorded_at: datetime
    recipe: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ChosenModel:
    """The model an analysis chose, and its scores by the declared metric.

    Attributes:
        validation: mean over the folds, with its standard deviation.
        test: on the held-out test set.
        baseline: of the dummy model, on the test set.
        champion: the version that predicts after the run; None in rows of earlier releases.
        champion_test: its score on the test set, or on the rows of it that it was not trained on.
        version: that of the chosen model.
    """

    analysis: str
    candidate: str
    parameters: str
    metric: str
    validation: float | None
    deviation: float | None
    test: float | None
    baseline: float | None
    champion: str | None = None
    champion_test: float | None = None
    version: str | None = None


def model_scores(lake: Lake, analysis: str | None = None, history: bool = False) -> list[ModelScore]:
    """The scores of every model that was tried.

    Args:
        analysis: one analysis; None takes all.
        history: those of every run, not only of each analysis's last.
    """
    only = "true" if analysis is None else f"analysis = '{analysis}'"
    last = "" if history else " QUALIFY rank() OVER (PARTITION BY analysis ORDER BY run_id DESC) = 1"
    recorded = set(lake.table("governance.models").schema().names) if lake.table("governance.models").exists() else ()
    names = [one.name if one.name in recorded or not recorded else f"NULL AS {one.name}" for one in fields(ModelScore)]
    found = query(lake, f"SELECT {', '.join(names)} FROM governance.models WHERE {only}{last}")
    return [ModelScore(**row) for row in found.to_arrow_table().to_pylist()]


def chosen_models(lake: Lake) -> list[ChosenModel]:
    """The model that each analysis chose in its last run."""
    by_analysis: dict[str, list[ModelScore]] = {}
    for score in model_scores(lake):
        by_analysis.setdefault(score.analysis, []).append(score)
    found = (_chosen(name, scores) for name, scores in sorted(by_analysis.items()))
    return [model for model in found if model is not None]


def _chosen(analysis: str, scores: Sequence[ModelScore]) -> ChosenModel | None:
    best = next((one for one in scores if one.split == VALIDATION and one.chosen), None)
    if best is None:
        return None
    tested = [one for one in scores if one.split == TEST and one.metric == best.metric]
    return ChosenModel(
        analysis,
        best.candidate,
        best.parameters,
        best.metric,
        best.value,
        best.deviation,
        next((one.value for one in tested if one.chosen), None),
        next((one.value for one in tested if one.candidate == BASELINE and one.model_version is None), None),
        next((one.model_version for one in tested if one.champion), None),
        next((one.value for one in tested if one.champion), None),
        next((one.model_version for one in tested if one.chosen), None),
    )
