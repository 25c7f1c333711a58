"""MLflow: the trials of an analysis, the chosen model, and the registry that it is deployed from.

Only MLflow's client is used, never its module-wide "active run", so that two analyses in one process do not mix. An
analysis is logged when its work is done, so a failed one leaves no incomplete run.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from vertebra.analysis.model_file import FILE, read_model, trusted_types, write_model
from vertebra.analysis.question import QUESTION, question
from vertebra.analysis.task_port import task_of
from vertebra.analysis.train import predictions, quiet
from vertebra.declare.analysis import Analysis
from vertebra.durable import sha256_of
from vertebra.errors import LakeError, StepError

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from vertebra.analysis.split import TrainTestSets
    from vertebra.analysis.validate import Trial
    from vertebra.governance.context import StepContext

CHAMPION: Final = "champion"
"""The alias of the version that predictions are made with."""

CARD: Final = "model_card.md"
"""The model card, an artifact of the run; it is also the description of the version."""

CARD_PAGE: Final = "model_card.html"
"""The model card as a page, an artifact of the run."""

_REQUIREMENTS: Final = ("scikit-learn", "lightgbm", "numpy", "pandas", "skops")


@dataclass(frozen=True)
class Registered:
    """A model version in the registry.

    Attributes:
        name: ``<project>.<analysis>``.
        sha256: of the model file.
        run: id of the MLflow run it was logged in.
    """

    name: str
    version: str
    sha256: str
    run: str


@dataclass(frozen=True)
class TrainingRecord:
    """The results that an analysis logs to MLflow.

    Attributes:
        trials: everything that was cross-validated.
        chosen: the trial whose setting was refitted.
        model: the refitted model.
        sample: some rows of features, for the model's signature.
        metrics: on the test set, by name.
        plots: PNG files.
        card: the model card, Markdown.
        page: the model card, HTML.
    """

    trials: Sequence[Trial]
    chosen: Trial
    model: Any
    sample: pd.DataFrame
    metrics: Mapping[str, float]
    plots: Sequence[Path]
    card: str = ""
    page: str = ""


def model_name(project: str, analysis: Analysis) -> str:
    """The name of an analysis's model in the registry."""
    return f"{project}.{analysis.name}"


def client_of(tracking: str) -> MlflowClient:
    """MLflow's client for a tracking URI; silent, and without telemetry."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    for noisy in ("alembic", "mlflow"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    return mlflow.MlflowClient(tracking_uri=tracking, registry_uri=tracking)


def record(
    analysis: Analysis, tracking: str, project: str, ctx: StepContext, sets: TrainTestSets, evidence: TrainingRecord
) -> Registered:
    """Log an analysis to MLflow: a run, a nested run for each setting, plots, and a new version of the model.

    The version has no alias yet; :func:`deploy` gives it one.

    Raises:
        StepError: the model consists of types that would not be read back.
    """
    client = client_of(tracking)
    experiment = _experiment(client, tracking, model_name(project, analysis))
    tags = {
        "vertebra.run_id": ctx.run_id,
        "vertebra.fingerprint": ctx.fingerprint,
        "vertebra.train": f"{sets.train.table.name}@{sets.train.version}",
        "vertebra.test": f"{sets.test.table.name}@{sets.test.version}",
        QUESTION: question(analysis),
    }
    run = client.create_run(experiment, run_name=f"{analysis.name} {ctx.run_id}", tags=tags).info.run_id
    try:
        for trial in evidence.trials:
            _log_trial(client, experiment, run, analysis, trial, chosen=trial is evidence.chosen)
        _log_summary(client, run, analysis, sets, evidence)
        registered = _register(client, run, model_name(project, analysis), analysis, ctx.scratch, evidence)
    except BaseException:
        client.set_terminated(run, "FAILED")
        raise
    client.set_terminated(run)
    return registered


def tag_of(tracking: str, name: str, version: str, tag: str) -> str:
    """A tag of the run that a version was logged in; empty if there is none."""
    client = client_of(tracking)
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_model_version(name, version).run_id
        return str(client.get_run(run).data.tags.get(tag, ""))
    except MlflowException:
        return ""


def load(analysis: Analysis, tracking: str, row: Mapping[str, Any], scratch: Path) -> Any:
    """The fitted model of a row of the ledger ``models``.

    Args:
        scratch: a folder for its file.

    Raises:
        LakeError: there is no such version, or its file differs from the one that the ledger recorded.
        StepError: it consists of types that are not allowed.
    """
    folder = scratch / f"version_{row['model_version']}"
    folder.mkdir(parents=True, exist_ok=True)
    _, file = fetch(tracking, row["model_name"], row["model_version"], folder)
    return read_model(file, row["model_sha256"], analysis)


def current(tracking: str, name: str) -> tuple[str | None, str]:
    """The version of the champion of a model and the question that it answers; None and empty if there is none."""
    client = client_of(tracking)
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException:
        return None, ""
    return str(found.version), str(client.get_run(found.run_id).data.tags.get(QUESTION, ""))


def deploy(tracking: str, name: str, version: str) -> None:
    """Give a version the alias of the champion."""
    client_of(tracking).set_registered_model_alias(name, CHAMPION, version)


def fetch(tracking: str, name: str, version: str | None, folder: Path) -> tuple[str, Path]:
    """The model file of a version, or of the champion, downloaded into a folder.

    Returns:
        The version and the file, which is not read yet.

    Raises:
        LakeError: there is no such model.
    """
    client = client_of(tracking)
    from mlflow.exceptions import MlflowException

    try:
        found = (
            client.get_model_version(name, version) if version else client.get_model_version_by_alias(name, CHAMPION)
        )
    except MlflowException as error:
        raise LakeError(
            f"there is no {f'version {version}' if version else CHAMPION} of model {name}",
            cause=str(error).splitlines()[0],
            remedy="vertebra models, to see what there is; vertebra run, to train one",
        ) from error
    path = Path(client.download_artifacts(found.run_id, f"model/{FILE}", str(folder)))
    return str(found.version), path


def _experiment(client: MlflowClient, tracking: str, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(name, artifact_location=_artifacts(tracking)))


def _artifacts(tracking: str) -> str | None:
    """The folder of artifacts: next to a SQLite file; None for a server, which has its own setting."""
    parts = urlsplit(tracking)
    if parts.scheme != "sqlite":
        return None
    database = Path(parts.path.removeprefix("/") if not parts.path.startswith("//") else parts.path[1:])
    return (database.resolve().parent / "mlartifacts").as_uri()


def _log_trial(
    client: MlflowClient, experiment: str, parent: str, analysis: Analysis, trial: Trial, chosen: bool
) -> None:
    from mlflow.entities import Metric, Param

    tags = {"mlflow.parentRunId": parent, "vertebra.chosen": str(chosen).lower()}
    run = client.create_run(experiment, run_name=str(trial.setting), tags=tags).info.run_id
    metrics = [
        Metric(f"fold_{analysis.metric}", score, 0, fold) for fold, score in enumerate(trial.scores) if isfinite(score)
    ]
    metrics += [
        Metric(f"cv_{analysis.metric}", trial.mean, 0, 0),
        Metric(f"cv_{analysis.metric}_sd", trial.deviation, 0, 0),
        Metric("seconds", trial.seconds, 0, 0),
    ]
    params = [Param("candidate", trial.setting.name), Param("encode", trial.setting.candidate.encode)]
    params += [Param(key, str(value)) for key, value in trial.setting.parameters.items()]
    client.log_batch(run, metrics=metrics, params=params)
    client.set_terminated(run)


def _log_summary(
    client: MlflowClient, run: str, analysis: Analysis, sets: TrainTestSets, evidence: TrainingRecord
) -> None:
    from mlflow.entities import Metric, Param

    metrics = [Metric(f"test_{name}", value, 0, 0) for name, value in evidence.metrics.items()]
    metrics.append(Metric(f"cv_{analysis.metric}", evidence.chosen.mean, 0, 0))
    about = {
        "chosen": str(evidence.chosen.setting),
        "metric": analysis.metric,
        "folds": analysis.folds.count,
        "scheme": analysis.folds.scheme,
        "test": analysis.test,
        "seed": analysis.seed,
        "train_table": sets.train.table.name,
        "train_version": sets.train.version,
        "train_rows": sets.train.rows,
        "test_table": sets.test.table.name,
        "test_version": sets.test.version,
        "test_rows": sets.test.rows,
    }
    client.log_batch(run, metrics=metrics, params=[Param(key, str(value)) for key, value in about.items()])
    for plot in evidence.plots:
        client.log_artifact(run, str(plot), "plots")
    client.log_text(run, evidence.card, CARD)
    if evidence.page:
        client.log_text(run, evidence.page, CARD_PAGE)


def _register(
    client: MlflowClient, run: str, name: str, analysis: Analysis, scratch: Path, evidence: TrainingRecord
) -> Registered:
    """Log the model and make it a version."""
    import mlflow.sklearn
    from mlflow.exceptions import MlflowException
    from mlflow.models import infer_signature

    with quiet():
        predicted = predictions(analysis, evidence.model, evidence.sample)
    folder = scratch / "model"
    mlflow.sklearn.save_model(
        evidence.model,
        folder,
        serialization_format="skops",
        skops_trusted_types=write_model(evidence.model, scratch / FILE, analysis),
        signature=infer_signature(evidence.sample, predicted),
        pip_requirements=_requirements(),  # otherwise MLflow starts a process to infer them
        pyfunc_predict_fn=task_of(analysis).method,
    )
    trusted_types(folder / FILE, analysis)
    client.log_artifacts(run, str(folder), "model")
    try:
        client.create_registered_model(name, description=analysis.description)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise StepError(f"the model {name} cannot be registered", cause=str(error)) from error
    version = client.create_model_version(name, source=f"runs:/{run}/model", run_id=run, description=evidence.card)
    return Registered(name, str(version.version), sha256_of(folder / FILE), run)


def _requirements() -> list[str]:
    from importlib.metadata import version

    return [f"{package}=={version(package)}" for package in _REQUIREMENTS]
