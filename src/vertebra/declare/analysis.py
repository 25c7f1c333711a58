"""An analysis: one pipeline from an exploitation view to a deployed model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from vertebra.declare.dataset import Declared


class AsOf(Declared):
    """A point-in-time feature: an aggregate over what was already known when the prediction is made.

    For each example, the rows of ``history`` with the same ``by`` values whose ``known_at`` lies in the ``window``
    before the example's prediction time (strictly before it) are aggregated.

    Attributes:
        history: the exploitation view to look back into.
        by: columns that link an example to its history.
        value: SQL expression over the history row.
        known_at: SQL expression: the moment (timestamp) the value became known.
        window: how far back, e.g. ``3 hours``, ``1 day``.
        aggregate: ``mean``, ``max``, ``min``, ``sum``, ``count`` or ``last``.
    """

    history: str
    by: tuple[str, ...]
    value: str
    known_at: str
    window: str
    aggregate: Literal["mean", "max", "min", "sum", "count", "last"]


class Candidate(Declared):
    """One algorithm and the hyper-parameter values to try.

    Attributes:
        build: called with one value per hyper-parameter; returns an unfitted scikit-learn estimator.
        grid: values to try per hyper-parameter; every combination is cross-validated.
    """

    build: Callable[..., Any]
    grid: Mapping[str, tuple[Any, ...]] = {}


class Analysis(Declared):
    """One analysis, declared in ``analyses/<name>.py`` as the module's variable ``analysis``."""

    description: str
    task: Literal["classification", "regression"]
    view: str
    key: tuple[str, ...]
    time: str
    where: str | None = None
    label: str
    features: Mapping[str, str | AsOf]
    categorical: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()
    group: str
    folds: int = 10
    test_from: date
    candidates: Mapping[str, Candidate]
    metric: str
    seed: int = 0
    tags: tuple[str, ...] = ()
    name: str = ""
    file: Path | None = None
