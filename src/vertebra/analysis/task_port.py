"""The port of tasks: what differs between kinds of analyses.

A task is one file in :mod:`vertebra.analysis.tasks` with a subclass of :class:`Task` and an instance named ``TASK``.
Everything else, such as features, folds, fitting, choice, registry and predictions, is the same for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from vertebra.declare.metrics import Metric
from vertebra.declare.task import TASKS

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes
    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

    from vertebra.analysis.example_set import Examples
    from vertebra.declare.analysis import Analysis

Draw = Callable[["Axes"], str]
"""Draws into axes, and returns the title."""


@dataclass(frozen=True)
class Evaluation:
    """The chosen model and the baseline on the test set.

    Attributes:
        observed: what was observed, one entry per row, as ``observed`` of the task gives it.
        predicted: what the model predicts, one entry per row, as ``predictions`` of the task gives it.
        baseline: what the baseline predicts.
        metrics: of the model, by name.
        baseline_metrics: of the baseline, by name.
        examples: the test set; None if only the predictions are at hand.
        classes: the classes of a classification whose label is not 0 and 1.
    """

    observed: NDArray[Any]
    predicted: NDArray[Any]
    baseline: NDArray[Any]
    metrics: Mapping[str, float]
    baseline_metrics: Mapping[str, float]
    examples: Examples | None = None
    classes: Sequence[str] = field(default=())


class Task(ABC):
    """A kind of analyses.

    Attributes:
        name: the name in ``task:``, and of the module.
        metrics: in the order in which reports show them.
        method: the method that an estimator needs besides ``fit``.
    """

    name: ClassVar[str]
    metrics: ClassVar[Sequence[Metric]]
    method: ClassVar[str] = "predict"

    def problems(self, analysis: Analysis) -> Iterator[str]:
        """What the task needs and the declaration lacks, or what it has and the task cannot use."""
        yield from required(analysis, "label", "test")
        yield from self.unused(analysis, "forecast")
        if analysis.folds.by is None:
            yield f"a {self.name} needs folds={{'by': …}}: examples with the same value stay in one fold"

    def unused(self, analysis: Analysis, *names: str) -> Iterator[str]:
        """Complains of arguments that the task does not use."""
        yield from (f"{name} is not for a {self.name}" for name in names if getattr(analysis, name) is not None)

    def label(self, column: Column, kind: DataType) -> Column:
        """The label as it is stored.

        Args:
            column: the label's expression.
            kind: its type.
        """
        return column.cast("double")

    def typed(self, analysis: Analysis, rows: DataFrame) -> DataFrame:
        """The examples with the label as it is stored, where that depends on its values."""
        return rows

    def strata(self, rows: DataFrame) -> dict[str, tuple[Column, Column]]:
        """Strata of groups, which are dealt to folds one after the other.

        Returns:
            By name, an aggregate of the rows of a group, of columns ``_label`` and ``_tested``, and an expression of
            the aggregates to sort groups by.
        """
        return {}

    def require_sound(self, analysis: Analysis, rows: DataFrame) -> None:  # noqa: B027 - most tasks accept all
        """Refuse sets that would mislead.

        Args:
            rows: the labelled examples, with ``_tested``: whether a row is in the test set.

        Raises:
            DeclarationError: they would.
        """

    @abstractmethod
    def baseline(self, analysis: Analysis) -> Any:
        """The unfitted estimator of the baseline."""

    def target(self, examples: Examples) -> Any:
        """The labels that estimators are fitted to; None for a task without."""
        return examples.label

    def fitted(self, analysis: Analysis, model: Any, rows: Any) -> Any:
        """A model that was just fitted, with what its predictions need besides.

        Args:
            model: the estimator.
            rows: the encoded rows that it was fitted on.
        """
        return model

    def observed(self, examples: Examples, encoded: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """What metrics compare predictions with, one entry per row.

        Args:
            encoded: gives the rows as the estimator takes them; for a task without labels.
        """
        return examples.label

    def predictions(self, analysis: Analysis, model: Any, features: Any, classes: Sequence[str] = ()) -> NDArray[Any]:
        """The predictions of a fitted model, one entry per row.

        Args:
            features: as the model takes them.
            classes: the classes that the columns of the result stand for; by default those of the model.
        """
        return np.asarray(model.predict(features), np.float64)

    def unscorable(self, metric: Metric, fitted: NDArray[Any], held: NDArray[Any]) -> str:
        """The reason why a fold cannot be scored; empty if it can.

        Args:
            fitted: labels of the rows that models are fitted on.
            held: labels of the rows that they predict.
        """
        if not len(fitted):
            return "it has no training rows"
        return "" if len(held) else "it has no rows"

    def scores(
        self,
        metrics: Sequence[Metric],
        observed: NDArray[Any],
        predicted: NDArray[Any],
        halves: Callable[[], tuple[NDArray[Any], NDArray[Any]]],
    ) -> dict[str, float]:
        """Metrics by name.

        Args:
            observed, predicted: as the metrics take them.
            halves: gives the predictions, for the same rows, of two models that are fitted on one half of the training
                rows each; for metrics of stability.
        """
        return {metric.name: metric.score(observed, predicted) for metric in metrics}

    def comparable(self, observed: NDArray[Any]) -> bool:
        """Whether rows tell a good model from a bad one."""
        return len(observed) >= 2

    def nothing(self, model: Any) -> NDArray[Any]:
        """Predictions of no rows, with the columns that a fitted model gives."""
        classes = classes_of(model)
        return np.empty((0, len(classes))) if classes else np.empty(0)

    def columns(self, predicted: NDArray[Any], classes: Sequence[str] = ()) -> dict[str, pa.Array]:
        """Predictions as columns of a table; ``_prediction`` is the first.

        Args:
            predicted: as :meth:`predictions` gives them.
            classes: the classes that its columns stand for.
        """
        import pyarrow as pa

        return {"_prediction": pa.array(predicted, pa.float64())}

    def plots(self, analysis: Analysis, evaluation: Evaluation) -> dict[str, Draw]:
        """The plots of the task, by file name."""
        return {}

    def warnings(self, analysis: Analysis, train: Examples, test: Examples) -> Iterator[str]:
        """What a person should know about the sets."""
        yield from ()


def required(analysis: Analysis, *names: str) -> Iterator[str]:
    """Complains of arguments that are missing."""
    yield from (f"a {analysis.task} needs {name}" for name in names if getattr(analysis, name) is None)


def task_of(analysis: Analysis) -> Task:
    """The task of an analysis."""
    task = TASKS[analysis.task]
    assert isinstance(task, Task)
    return task


def classes_of(model: Any) -> tuple[str, ...]:
    """The names of the classes of a fitted model; empty if they are 0 and 1, or it has none."""
    known = getattr(model, "classes_", None)
    return tuple(map(str, known)) if known is not None and len(known) and isinstance(known[0], str) else ()
