"""Analyses: each is one pipeline from an exploitation view to a registered model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from vertebra.declare.dataset import Declaration
from vertebra.declare.forecast_plan import Forecast
from vertebra.declare.preparation import Outliers
from vertebra.declare.quantity import parse_duration
from vertebra.declare.task import TASKS, metrics_of
from vertebra.declare.validation_plan import Folds, TestSet
from vertebra.suggestions import did_you_mean

BASELINE: Final = "baseline"
"""The candidate that every analysis has: a simple rule that a model has to beat."""


class AsOf(Declaration):
    """A point-in-time feature: an aggregate over what was already known when the prediction is made.

    For each example, it aggregates the rows of ``history`` that have the same ``by`` values and whose ``known_at`` lies
    in the ``window`` before the example's prediction time. A value that becomes known at the prediction time itself is
    not known yet, unless ``at`` says so. If ``history`` is the analysis's view, a row never becomes known before its
    own prediction time, so that an example cannot see itself: otherwise, the delay of a flight that leaves early would
    be one of its features.

    ``value`` may use columns that are unavailable at prediction time, because ``known_at`` says when they become
    available. ``known_at`` must therefore be the time of an event that happened (``departure``), never of a plan
    (``sched_departure``): for an unavailable value, an expression of available columns only is refused.

    Attributes:
        history: the exploitation view with the earlier rows.
        by: columns that both the view and the history have; NULL matches nothing.
        value: SQL expression over the history row. NULLs are ignored.
        known_at: SQL expression over the history row: the timestamp at which the value became known.
        window: how far back: a whole number of seconds, minutes, hours, days or weeks, e.g. ``3 hours``.
        aggregate: ``last`` is the latest value; of several at the same time, always the same one. ``std`` is the
            standard deviation of the sample. ``difference`` is the latest value minus the one ``lag`` values before it,
            which must be in the window too. Without values, ``count`` is 0 and the others are NULL.
        lag: how many values to go back from the latest, not counting NULLs: with ``last``, 0 is the latest value and 1
            the one before; with ``difference``, it is 1 unless declared.
        at: whether a value that becomes known exactly at the prediction time is known. ``before``: no; the window
            includes its beginning and not its end. ``until``: yes; the window includes its end and not its beginning.
            A row of the analysis's view is never known at its own prediction time.

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
    aggregate: Literal["mean", "max", "min", "sum", "count", "last", "median", "std", "difference"]
    lag: int = Field(default=0, ge=0, le=1000)
    at: Literal["before", "until"] = "before"

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

    @model_validator(mode="after")
    def _consistent(self) -> AsOf:
        if self.lag and self.aggregate not in ("last", "difference"):
            raise ValueError(f"lag is for last and difference; a {self.aggregate} uses all values in its window")
        return self

    @property
    def back(self) -> int:
        """How many values to go back from the latest."""
        return self.lag or int(self.aggregate == "difference")

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


class Monitor(Declaration):
    """What is watched of the champion in use: how far its features and predictions are from training, and its scores.

    The figures are about the rows that the champion was not trained on; they are in the ledger ``monitoring`` for every
    run, also without a declaration. A threshold is for ``psi`` or ``ks``, of each feature and of the predictions, or
    for a metric of the task, on rows whose labels have arrived.

    Attributes:
        window: only rows of the last time before the latest one, e.g. ``30 days``; by default all.
        warn: thresholds that a run warns of, e.g. ``{"psi": 0.25, "rmse": 12}``.
        fail: thresholds that fail the step of predictions, before they are written.
        at_least: with fewer rows, no threshold is applied, because both distances are large by chance.

    Example:
        >>> vertebra.Monitor(window="30 days", warn={"psi": 0.25}, fail={"psi": 1.0}).at_least
        100
    """

    window: str | None = None
    warn: Mapping[str, float] = {}
    fail: Mapping[str, float] = {}
    at_least: int = Field(default=100, ge=1)

    @field_validator("window")
    @classmethod
    def _span(cls, text: str | None) -> str | None:
        if text is not None:
            _duration(text)
        return text


def _duration(text: str) -> None:
    try:
        parse_duration(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a duration; write a number and a unit, e.g. '30 days'") from None


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
        task: what kind of question it answers: ``classification``, ``regression``, ``forecast``, ``clustering`` or
            ``anomaly``; see ``docs/analyses.md``.
        label: SQL expression: what is predicted. A classification's is boolean, or 0 and 1, or any other value that
            names a class. A clustering has none; an anomaly detection may have one, boolean, which is only tested with.
        unit: unit of the label of a regression or forecast, e.g. ``minutes``.
        unavailable: columns of the view whose values are not known at prediction time, and ``view.column`` for those
            of other histories. The label's columns are always unavailable.
        features: SQL expressions over the view's available columns and the point-in-time features, or those
            features themselves.
        derive: features by code: a function of a Spark frame of the available columns and the point-in-time features,
            which returns it with more columns for ``features`` to use. It must keep the key columns and the rows.
        categorical: features that are categories, whatever their type.
        text: features that are texts: the words of each become features by TF-IDF, fitted with the model.
        forecast: the series and the horizon of a forecast.
        outliers: what is done with outlying values before a model is fitted.
        impute: what replaces a missing number in ``one_hot`` encoding; a flag says that it was missing.
        scale: how numbers are scaled in ``one_hot`` encoding. ``standard``: mean 0 and standard deviation 1.
            ``robust``: median 0 and interquartile range 1.
        folds: the folds of cross-validation.
        test: the test set. A task without a label can do without.
        zone: time zone of ``test`` and ``forecast``, e.g. ``America/New_York``.
        flag: of an anomaly detection: the share of the training rows that are flagged.
        candidates: the algorithms. The baseline of the task is always added.
        metric: the metric that candidates are compared by, one of those of the task, e.g. ``roc_auc`` or ``rmse``.
        champion: which model predicts after a run: ``better`` keeps the champion unless the new model is better by the
            metric, on the same test rows; ``newest`` always takes the new one.
        predict: which rows of the view a run predicts, in ``analysis.<name>_predictions``: ``unseen``, those that the
            champion was not trained on; ``unlabelled``, those without a label; ``all``; or ``none``.
        monitor: thresholds for the champion in use; see :class:`Monitor`.
        retrain: when a run trains anew, if the declaration is the same: ``examples``, whenever they changed; ``drift``,
            when the last monitoring has passed a threshold as well; or a duration such as ``30 days``, not before the
            last training is so old.
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
        ...     folds={"by": "ordered_on"}, test={"from": "2025-03-01"}, metric="roc_auc",
        ...     candidates={"logistic": vertebra.Candidate(build=logistic, grid={"strength": (0.1, 1.0)})},
        ... )
        >>> list(analysis.expressions)
        ['city']
    """

    description: str
    task: str
    view: str
    key: tuple[str, ...] = Field(min_length=1)
    time: str
    where: str | None = None
    label: str | None = None
    unit: str = ""
    features: Mapping[str, str | AsOf] = Field(min_length=1)
    derive: Callable[..., Any] | None = None
    categorical: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()
    forecast: Forecast | None = None
    outliers: Outliers | None = None
    impute: Literal["mean", "median", "zero"] = "mean"
    scale: Literal["standard", "robust", "none"] = "standard"
    folds: Folds = Folds()
    test: TestSet | None = None
    zone: str = "UTC"
    candidates: Mapping[str, Candidate] = Field(min_length=1)
    metric: str
    flag: float = Field(default=0.01, gt=0, lt=0.5)
    champion: Literal["better", "newest"] = "better"
    predict: Literal["unseen", "unlabelled", "all", "none"] = "unseen"
    monitor: Monitor | None = None
    retrain: str = "examples"
    seed: int = 0
    trust: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    name: str = ""
    file: Path | None = None
    imports: tuple[Path, ...] = ()

    @field_validator("task")
    @classmethod
    def _known(cls, task: str) -> str:
        if task not in TASKS:
            raise ValueError(f"{task!r} is not a task; {did_you_mean(task, TASKS, 'use ' + ', '.join(TASKS))}")
        return task

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_releases(cls, given: Any) -> Any:
        """Read ``group``, ``folds=5`` and ``test_from`` of earlier releases as ``folds`` and ``test``."""
        if not isinstance(given, Mapping):
            return given
        read = dict(given)
        if isinstance(read.get("folds"), int):
            read["folds"] = {"count": read["folds"]}
        if "group" in read:
            folds = read.get("folds", {})
            if not isinstance(folds, Mapping) or "by" in folds:
                raise ValueError("group is now by of folds; declare one of them")
            read["folds"] = {**folds, "by": read.pop("group")}
        if "test_from" in read:
            if read.get("test") is not None:
                raise ValueError("test_from is now from of test; declare one of them")
            read["test"] = {"from": read.pop("test_from")}
        return read

    @model_validator(mode="after")
    def _consistent(self) -> Analysis:
        for name in self.features:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(f"{name!r} is not a feature's name; use a-z, 0-9 and _, beginning with a letter")
        for part in ("categorical", "text"):
            unknown = [name for name in getattr(self, part) if name not in self.features]
            if unknown:
                raise ValueError(f"{part} names {', '.join(unknown)}, which features does not have")
        if twice := set(self.categorical) & set(self.text):
            raise ValueError(f"{', '.join(sorted(twice))} is both in categorical and in text")
        self._check_task()
        self._check_outliers()
        self._check_monitor()
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{self.zone!r} is not a time zone; write e.g. 'America/New_York'") from None
        if BASELINE in self.candidates:
            raise ValueError(f"the candidate {BASELINE!r} is part of every analysis; choose another name")
        return self

    def _check_task(self) -> None:
        known = [metric.name for metric in metrics_of(self.task)]
        if self.metric not in known:
            raise ValueError(f"{self.metric!r} is not a metric of a {self.task}; use {', '.join(known)}")
        for problem in TASKS[self.task].problems(self):
            raise ValueError(problem)

    def _check_monitor(self) -> None:
        known = [metric.name for metric in metrics_of(self.task) if metric.compares]
        for name in (*(self.monitor.warn if self.monitor else ()), *(self.monitor.fail if self.monitor else ())):
            if name not in ("psi", "ks", *known):
                raise ValueError(f"monitor has no figure {name!r}; use psi, ks, {', '.join(known)}")
        if self.retrain not in ("examples", "drift"):
            _duration(self.retrain)
        if self.retrain == "drift" and (self.monitor is None or not (self.monitor.warn or self.monitor.fail)):
            raise ValueError("retrain='drift' needs thresholds; declare monitor=Monitor(warn={'psi': 0.25})")

    def _check_outliers(self) -> None:
        for name in self.outliers.columns if self.outliers else ():
            if name != "label" and (name not in self.features or name in (*self.categorical, *self.text)):
                raise ValueError(f"outliers names {name}, which is not a feature that is a number")

    @property
    def tzinfo(self) -> ZoneInfo:
        """The time zone of ``test`` and ``forecast``."""
        return ZoneInfo(self.zone)

    @property
    def feature_names(self) -> list[str]:
        """The names of all features, those that a forecast adds included."""
        return [*self.features, *(self.forecast.made if self.forecast else ())]

    @property
    def numbers(self) -> list[str]:
        """The features that are numbers."""
        return [name for name in self.feature_names if name not in (*self.categorical, *self.text)]

    @property
    def as_of(self) -> dict[str, AsOf]:
        """The point-in-time features."""
        return {name: feature for name, feature in self.features.items() if isinstance(feature, AsOf)}

    @property
    def expressions(self) -> dict[str, str]:
        """The features that are SQL expressions."""
        return {name: feature for name, feature in self.features.items() if isinstance(feature, str)}
