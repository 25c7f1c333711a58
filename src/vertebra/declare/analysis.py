"""Analyses: each is one pipeline from an exploitation view to a registered model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from vertebra.declare.dataset import Declaration
from vertebra.declare.metrics import Task, metrics_of
from vertebra.declare.quantity import parse_duration

BASELINE: Final = "baseline"
"""The candidate that every analysis has: it uses no feature."""


class AsOf(Declaration):
    """A point-in-time feature: an aggregate over what was already known when the prediction is made.

    For each example, it aggregates the rows of ``history`` that have the same ``by`` values and whose ``known_at`` lies
    in the ``window`` before the example's prediction time. A value that becomes known at the prediction time itself is
    not known yet. If ``history`` is the analysis's view, a row never becomes known before its own prediction time, so
    that an example cannot see itself: otherwise, the delay of a flight that leaves early would be one of its features.

    ``value`` may use columns that are unavailable at prediction time, because ``known_at`` says when they become
    available. ``known_at`` must therefore be the time of an event that happened (``departure``), never of a plan
    (``sched_departure``): for an unavailable value, an expression of available columns only is refused.

    Attributes:
        history: the exploitation view with the earlier rows.
        by: columns that both the view and the history have; NULL matches nothing.
        value: SQL expression over the history row. NULLs are ignored.
        known_at: SQL expression over the history row: the timestamp at which the value became known.
        window: how far back: a whole number of seconds, minutes, hours, days or weeks, e.g. ``3 hours``.
        aggregate: ``last`` is the latest value; of several at the same time, always the same one. Without values,
            ``count`` is 0 and the others are NULL.

    Example:
        >>> vertebra.AsOf(
        ...     history="departures", by=("origin",), value="dep_delay", known_at="departure", window="3 hours",
        ...     aggregate="mean",
        ... ).aggregate
        'mean'
    """

    history: str
    by: tuple[str, ...] = ()
    value: str = "1"
    known_at: str
    window: str
    aggregate: Literal["mean", "max", "min", "sum", "count", "last"]

    @field_validator("window")
    @classmethod
    def _readable(cls, text: str) -> str:
        try:
            span = parse_duration(text)
        except ValueError:
            span = timedelta()
        if "." in text or not span or span % timedelta(seconds=1):
            raise ValueError(f"{text!r} is not a window; write a whole number and a unit, e.g. '3 hours'")
        return text

    @property
    def seconds(self) -> int:
        """Length of the window."""
        return round(parse_duration(self.window).total_seconds())


class Candidate(Declaration):
    """One algorithm and the hyper-parameter values to try.

    Attributes:
        build: called with one value per hyper-parameter; returns an unfitted scikit-learn estimator. Import the
            library inside it: the file is read by every command.
        grid: values to try per hyper-parameter; every combination is cross-validated.
        encode: how features are encoded for the estimator. ``one_hot``: numbers are standardised, missing numbers are
            replaced by the mean and flagged, categories are one-hot encoded; for linear models, distances and neural
            networks. ``ordinal``: numbers stay unchanged, missing numbers are NaN, categories are codes; for trees.

    Example:
        >>> def forest(trees):
        ...     from sklearn.ensemble import RandomForestClassifier
        ...     return RandomForestClassifier(n_estimators=trees)
        >>> vertebra.Candidate(build=forest, grid={"trees": (100, 300)}).combinations
        [{'trees': 100}, {'trees': 300}]
    """

    build: Callable[..., Any]
    grid: Mapping[str, tuple[Any, ...]] = {}
    encode: Literal["one_hot", "ordinal"] = "one_hot"

    @property
    def combinations(self) -> list[dict[str, Any]]:
        """Every combination of hyper-parameter values, in the grid's order."""
        return [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]


class Analysis(Declaration):
    """One analysis, declared in ``analyses/<name>.py`` as the module's variable ``analysis``.

    The file can import modules of the project's folder. If you change one of them, the analysis runs again, as for a
    :func:`view`.

    Attributes:
        view: the exploitation view with one row per example.
        key: columns that identify an example.
        time: SQL expression: the moment of prediction (timestamp).
        where: SQL expression: which rows are examples, in training and in use. Rows whose label is NULL are never
            used for training or tests, so this need not (and must not) use unavailable columns.
        label: SQL expression: what is predicted. A classification's is boolean, or 0 and 1.
        unit: unit of a regression's label, e.g. ``minutes``.
        unavailable: columns of the view whose values are not known at prediction time, and ``view.column`` for those
            of other histories. The label's columns are always unavailable.
        features: SQL expressions over the view's available columns and the point-in-time features, or those
            features themselves.
        derive: features by code: a function of a Spark frame of the available columns and the point-in-time features,
            which returns it with more columns for ``features`` to use. It must keep the key columns and the rows.
        categorical: features that are categories, whatever their type.
        group: SQL expression: examples with the same value are in the same fold, and on the same side of the test date.
        folds: the number of folds of cross-validation.
        test_from: the first day of the test set, in ``zone``.
        zone: time zone of ``test_from``, e.g. ``America/New_York``.
        candidates: the algorithms. A baseline that uses no feature is always added.
        metric: the metric that candidates are compared by, one of those of the task, e.g. ``roc_auc`` or ``rmse``; see
            :data:`vertebra.declare.metrics.METRICS`.
        champion: which model predicts after a run: ``better`` keeps the champion unless the new model is better by the
            metric, on the same test rows; ``newest`` always takes the new one.
        seed: of the folds, and of every estimator that takes one.
        trust: types that a stored model may contain besides those of scikit-learn, NumPy, SciPy and LightGBM, e.g.
            ``xgboost.sklearn.XGBClassifier``.

    Example:
        >>> def logistic(strength):
        ...     from sklearn.linear_model import LogisticRegression
        ...     return LogisticRegression(C=strength)
        >>> analysis = vertebra.Analysis(
        ...     description="Will an order be expensive?", task="classification", view="sales", key=("order_id",),
        ...     time="ordered_on", label="amount > 50", features={"city": "city"}, categorical=("city",),
        ...     group="ordered_on", test_from="2025-03-01", metric="roc_auc",
        ...     candidates={"logistic": vertebra.Candidate(build=logistic, grid={"strength": (0.1, 1.0)})},
        ... )
        >>> list(analysis.expressions)
        ['city']
    """

    description: str
    task: Task
    view: str
    key: tuple[str, ...] = Field(min_length=1)
    time: str
    where: str | None = None
    label: str
    unit: str = ""
    features: Mapping[str, str | AsOf] = Field(min_length=1)
    derive: Callable[..., Any] | None = None
    categorical: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()
    group: str
    folds: int = Field(default=10, ge=2)
    test_from: date
    zone: str = "UTC"
    candidates: Mapping[str, Candidate] = Field(min_length=1)
    metric: str
    champion: Literal["better", "newest"] = "better"
    seed: int = 0
    trust: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    name: str = ""
    file: Path | None = None
    imports: tuple[Path, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Analysis:
        for name in self.features:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(f"{name!r} is not a feature's name; use a-z, 0-9 and _, beginning with a letter")
        unknown = [name for name in self.categorical if name not in self.features]
        if unknown:
            raise ValueError(f"categorical names {', '.join(unknown)}, which features does not have")
        known = [metric.name for metric in metrics_of(self.task)]
        if self.metric not in known:
            raise ValueError(f"{self.metric!r} is not a metric of a {self.task}; use {', '.join(known)}")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{self.zone!r} is not a time zone; write e.g. 'America/New_York'") from None
        if BASELINE in self.candidates:
            raise ValueError(f"the candidate {BASELINE!r} is part of every analysis; choose another name")
        return self

    @property
    def tzinfo(self) -> ZoneInfo:
        """The time zone of ``test_from``."""
        return ZoneInfo(self.zone)

    @property
    def as_of(self) -> dict[str, AsOf]:
        """The point-in-time features."""
        return {name: feature for name, feature in self.features.items() if isinstance(feature, AsOf)}

    @property
    def expressions(self) -> dict[str, str]:
        """The features that are SQL expressions."""
        return {name: feature for name, feature in self.features.items() if isinstance(feature, str)}
