"""Fitting one estimator: built as declared, seeded, and fitted on encoded rows."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vertebra.analysis.encode import codes, encoder
from vertebra.analysis.example_set import Examples
from vertebra.analysis.outliers import inliers
from vertebra.analysis.task_port import task_of
from vertebra.declare.analysis import BASELINE, Analysis, Candidate
from vertebra.declare.analysis_file import location_of
from vertebra.errors import DeclarationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

# OpenMP's threads spin while they wait for each other. On a machine under load, the thread they wait for is not
# scheduled, and fitting took 20 times as long. The variable is read when the model libraries are imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@dataclass(frozen=True)
class CandidateModel:
    """One candidate with one combination of hyper-parameter values."""

    name: str
    candidate: Candidate
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        listed = ", ".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.name}({listed})" if listed else self.name

    @property
    def parameters_json(self) -> str:
        """The parameters as JSON, for the ledger."""
        return json.dumps(dict(self.parameters), default=str)


def candidate_models(analysis: Analysis) -> list[CandidateModel]:
    """Every candidate with every combination of its parameters, the baseline first."""
    declared = [
        CandidateModel(name, candidate, combination)
        for name, candidate in analysis.candidates.items()
        for combination in candidate.combinations
    ]
    return [baseline(analysis), *declared]


def baseline(analysis: Analysis) -> CandidateModel:
    """The baseline of the task."""
    return CandidateModel(BASELINE, Candidate(build=lambda: task_of(analysis).baseline(analysis), encode="ordinal"))


def build(analysis: Analysis, setting: CandidateModel, threads: int | None = None) -> Any:
    """The unfitted estimator of a setting, with the analysis's seed if it takes one.

    Args:
        threads: number of threads to fit with, if the estimator has ``n_jobs``; by default as declared.

    Raises:
        DeclarationError: ``build`` failed, or returned no estimator of the task.
    """
    needed = ("fit", task_of(analysis).method)
    try:
        estimator = setting.candidate.build(**setting.parameters)
    except Exception as error:
        raise _wrong(analysis, setting, f"failed: {type(error).__name__}: {error}") from error
    missing = [name for name in needed if not hasattr(estimator, name)]
    if missing:
        raise _wrong(analysis, setting, f"returned a {type(estimator).__name__}, which has no {missing[0]}()")
    parameters = estimator.get_params()
    if "random_state" in parameters and parameters["random_state"] is None:
        estimator.set_params(random_state=analysis.seed)
    # scikit-learn's linear models ignore n_jobs, with a warning
    if threads is not None and "n_jobs" in parameters and "linear_model" not in type(estimator).__module__:
        estimator.set_params(n_jobs=threads)
    return estimator


def fit(analysis: Analysis, setting: CandidateModel, examples: Examples) -> Pipeline:
    """Fit encoding and estimator on all given rows, as one pipeline from features to predictions."""
    from sklearn.pipeline import Pipeline

    steps = [
        ("codes", codes(analysis)),
        ("encode", encoder(analysis, setting.candidate.encode)),
        ("model", build(analysis, setting)),
    ]
    with quiet():
        kept = examples.where(inliers(analysis, examples.features, examples.label))
        pipeline = Pipeline(steps).fit(kept.features, task_of(analysis).target(kept))
        task_of(analysis).fitted(analysis, pipeline[-1], pipeline[:-1].transform(kept.features))
        return pipeline


def predictions(analysis: Analysis, model: Any, features: Any, classes: Sequence[str] = ()) -> NDArray[np.float64]:
    """The predictions of a fitted model, one entry per row; see ``predictions`` of the task."""
    return task_of(analysis).predictions(analysis, model, features, classes)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress warnings of model libraries that do not help users of a pipeline, such as those about feature names.

    Use it in the main thread, around all the work: warning filters belong to the process.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*feature names.*")
        warnings.filterwarnings("ignore", message=".*unknown categories.*")
        warnings.filterwarnings("ignore", message=".*sklearn.utils.parallel.delayed.*")
        yield


def _wrong(analysis: Analysis, setting: CandidateModel, fact: str) -> DeclarationError:
    return DeclarationError(
        f"build of candidate {setting} {fact}",
        cause="build is called with one value per hyper-parameter and returns an unfitted scikit-learn estimator",
        remedy="vertebra run --select " + f"analysis.{analysis.name}, after correcting it",
        where=location_of(analysis, "candidates"),
    )
