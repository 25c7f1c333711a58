"""Classification: the class of an example, one of two or of many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.analysis.class_checks import require_classes, with_classes
from vertebra.analysis.plots import calibration, confusion, precision_recall, roc
from vertebra.analysis.task_port import Draw, Evaluation, Task, classes_of
from vertebra.declare.metrics import Metric

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

    from vertebra.analysis.example_set import Examples
    from vertebra.declare.analysis import Analysis

_SCORES: Final = "vertebra.analysis.class_scores"


class Classification(Task):
    """Predicts the class of an example.

    A label that is a boolean, or 0 and 1, has two classes, and the prediction is the probability of 1. Any other label
    names its class: the prediction is the most probable one, and the table has the probability of each. The baseline
    predicts the frequencies of the classes in the training set.
    """

    name = "classification"
    method = "predict_proba"
    metrics = (
        Metric("roc_auc", "ROC AUC", True, False, f"{_SCORES}:roc_auc", needs_classes=True),
        Metric("pr_auc", "average precision", True, False, f"{_SCORES}:average_precision", needs_classes=True),
        Metric("log_loss", "log loss", False, False, f"{_SCORES}:log_loss"),
        Metric("brier", "Brier score", False, False, f"{_SCORES}:brier"),
        Metric("f1_macro", "macro F1", True, False, f"{_SCORES}:f1_macro"),
        Metric("accuracy", "accuracy", True, False, f"{_SCORES}:accuracy"),
    )

    def label(self, column: Column, kind: DataType) -> Column:
        """A boolean is 0 or 1; a number stays one until the values are known; anything else is a text."""
        from pyspark.sql import types as T

        if isinstance(kind, T.BooleanType):
            return column.cast("int")
        if isinstance(kind, T.NumericType):
            return column.cast("bigint" if isinstance(kind, T.IntegralType) else "double")
        return column.cast("string")

    def typed(self, analysis: Analysis, rows: DataFrame) -> DataFrame:
        """0 and 1, or texts."""
        return with_classes(analysis, rows)

    def strata(self, rows: DataFrame) -> dict[str, tuple[Column, Column]]:
        """Groups with class 1 only first, then those with both, then those with 0 only; or by their rarest class."""
        from pyspark.sql import functions as F
        from pyspark.sql import types as T

        training, label = ~F.col("_tested"), F.col("_label")
        if isinstance(rows.schema["_label"].dataType, T.IntegerType):
            two = F.when(F.col("train_0") == 0, 0).when(F.col("train_1") == 0, 2).otherwise(1)
            return {
                "train_0": (F.count_if(training & (label == 0)), two),
                "train_1": (F.count_if(training & (label == 1)), F.lit(0)),
            }
        sizes = rows.where(training).groupBy("_label").count().orderBy("count", "_label").collect()
        rank = F.create_map(*[part for place, row in enumerate(sizes) for part in (F.lit(row[0]), F.lit(place))])
        return {"rarest": (F.min(F.when(training, rank[label])), F.col("rarest"))}

    def require_sound(self, analysis: Analysis, rows: DataFrame) -> None:
        """Both sets need two classes, and no more than a person can name."""
        require_classes(analysis, rows)

    def baseline(self, analysis: Analysis) -> Any:
        """The frequencies of the classes."""
        from sklearn.dummy import DummyClassifier

        return DummyClassifier(strategy="prior")

    def target(self, examples: Examples) -> Any:
        """The names of the classes, or 0 and 1."""
        if not examples.classes:
            return examples.label
        return np.asarray(examples.classes, object)[examples.label.astype(np.int64)]

    def predictions(self, analysis: Analysis, model: Any, features: Any, classes: Sequence[str] = ()) -> NDArray[Any]:
        """The probability of class 1, or a column of probabilities for each class."""
        found = np.asarray(model.predict_proba(features), np.float64)
        known = classes_of(model)
        if not known:
            return found[:, 1]
        if not classes or known == tuple(classes):
            return found
        aligned = np.zeros((len(found), len(classes)))
        aligned[:, [list(classes).index(one) for one in known]] = found
        return aligned

    def unscorable(self, metric: Metric, fitted: NDArray[Any], held: NDArray[Any]) -> str:
        """A fold needs two classes to fit a model, and for most metrics to score it."""
        if reason := super().unscorable(metric, fitted, held):
            return reason
        if len(np.unique(fitted)) < 2:
            return "its training rows have one class"
        return "its rows have one class" if metric.needs_classes and len(np.unique(held)) < 2 else ""

    def comparable(self, observed: NDArray[Any]) -> bool:
        """Two classes are needed."""
        return len(np.unique(observed)) >= 2

    def columns(self, predicted: NDArray[Any], classes: Sequence[str] = ()) -> dict[str, pa.Array]:
        """The probability of class 1; or the most probable class, its probability, and the probability of each."""
        import pyarrow as pa

        if predicted.ndim == 1:
            return super().columns(predicted)
        best = np.argmax(predicted, axis=1)
        offsets = pa.array(np.arange(len(predicted) + 1, dtype=np.int32) * len(classes))
        each = pa.array(list(classes) * len(predicted), pa.string()), pa.array(predicted.ravel(), pa.float64())
        return {
            "_prediction": pa.array([classes[one] for one in best], pa.string()),
            "_probability": pa.array(predicted[np.arange(len(best)), best], pa.float64()),
            "_probabilities": pa.MapArray.from_arrays(offsets, *each),
        }

    def plots(self, analysis: Analysis, evaluation: Evaluation) -> dict[str, Draw]:
        """ROC, precision and recall and calibration of two classes; the confusion matrix of any number."""
        drawn: dict[str, Draw] = {"confusion": lambda axes: confusion(axes, evaluation)}
        if evaluation.predicted.ndim == 1:
            drawn |= {
                "calibration": lambda axes: calibration(axes, analysis, evaluation),
                "roc": lambda axes: roc(axes, evaluation),
                "precision_recall": lambda axes: precision_recall(axes, evaluation),
            }
        return drawn

    def warnings(self, analysis: Analysis, train: Examples, test: Examples) -> Iterator[str]:
        """Classes that only one of the sets has."""
        for number, name in enumerate(test.classes):
            if not (train.label == number).any():
                yield f"class {name} is in the test set only, so no model can predict it"
            elif not (test.label == number).any():
                yield f"class {name} is not in the test set, so no metric tells how well it is predicted"


TASK: Final = Classification()
