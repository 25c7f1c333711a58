"""Anomaly detection: how unusual an example is, learnt without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.analysis.task_port import Draw, Evaluation, Task
from vertebra.analysis.unlabelled_plots import anomaly_scores, precision_of_flags
from vertebra.declare.metrics import Metric

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import Column
    from pyspark.sql.types import DataType

    from vertebra.analysis.example_set import Examples
    from vertebra.declare.analysis import Analysis

_SCORES: Final = "vertebra.analysis.anomaly_scores"
_LABELLED: Final = ("pr_auc", "roc_auc")


class Anomaly(Task):
    """Scores how unusual examples are, and flags a declared share of them.

    An estimator has ``score_samples``, lower for what is more unusual, as scikit-learn's detectors have it. A row is
    flagged if its score is above that of all but the share ``flag`` of the training rows. The baseline is the robust
    z-score of the most unusual number. A label, if there is one, is used to compare and to test candidates, never to
    fit them.
    """

    name = "anomaly"
    method = "score_samples"
    metrics = (
        Metric("pr_auc", "average precision", True, False, f"{_SCORES}:average_precision", needs_classes=True),
        Metric("roc_auc", "ROC AUC", True, False, f"{_SCORES}:roc_auc", needs_classes=True),
        Metric("stability", "stability (Jaccard index of flags)", True, False, f"{_SCORES}:agreement", compares=False),
        Metric("share_flagged", "share flagged", False, False, f"{_SCORES}:share_flagged", compares=False),
    )

    def problems(self, analysis: Analysis) -> Iterator[str]:
        """Metrics of labels need one."""
        yield from self.unused(analysis, "forecast")
        if analysis.metric == "share_flagged":
            yield "share_flagged is reported only; use stability, or pr_auc with a label"
        if analysis.metric in _LABELLED and analysis.label is None:
            yield f"{analysis.metric} needs a label; without one, use stability"
        if analysis.label is not None and analysis.test is None:
            yield "an anomaly detection with a label needs test"

    def label(self, column: Column, kind: DataType) -> Column:
        """1 for an anomaly, 0 for a usual example."""
        return column.cast("boolean").cast("int")

    def baseline(self, analysis: Analysis) -> Any:
        """The robust z-score."""
        from vertebra.analysis.baselines import RobustZScore

        return RobustZScore()

    def fitted(self, analysis: Analysis, model: Any, rows: Any) -> Any:
        """Keep the score from which rows are flagged with the model."""
        scores = -np.asarray(model.score_samples(rows), np.float64)
        model.flagged_from_ = float(np.quantile(scores, 1 - analysis.flag))
        return model

    def target(self, examples: Examples) -> Any:
        """Nothing: detectors are fitted without labels."""
        return None

    def predictions(self, analysis: Analysis, model: Any, features: Any, classes: Sequence[str] = ()) -> NDArray[Any]:
        """A column with the score, higher for what is more unusual, and one with 1 for what is flagged."""
        scores = -np.asarray(model.score_samples(features), np.float64)
        return np.column_stack([scores, scores > _last(model).flagged_from_])

    def nothing(self, model: Any) -> NDArray[Any]:
        """No rows of two columns."""
        return np.empty((0, 2))

    def unscorable(self, metric: Metric, fitted: NDArray[Any], held: NDArray[Any]) -> str:
        """Metrics of labels need both classes in the fold."""
        one = metric.needs_classes and len(held) and len(np.unique(held)) < 2
        return super().unscorable(metric, fitted, held) or ("its rows have one class" if one else "")

    def scores(
        self,
        metrics: Sequence[Metric],
        observed: NDArray[Any],
        predicted: NDArray[Any],
        halves: Callable[[], tuple[NDArray[Any], NDArray[Any]]],
    ) -> dict[str, float]:
        """Stability is the agreement of the flags of detectors that are fitted on either half of the training rows."""
        found = {}
        for metric in metrics:
            if metric.name == "stability":
                found[metric.name] = metric.score(*halves())
            elif not metric.needs_classes or len(np.unique(observed[np.isfinite(observed)])) == 2:
                found[metric.name] = metric.score(observed, predicted)
        return found

    def comparable(self, observed: NDArray[Any]) -> bool:
        """Both classes are needed."""
        return len(np.unique(observed)) >= 2

    def columns(self, predicted: NDArray[Any], classes: Sequence[str] = ()) -> dict[str, pa.Array]:
        """The score, and whether the row is flagged."""
        import pyarrow as pa

        flags = pa.array(predicted[:, 1] > 0, pa.bool_())
        return {"_prediction": pa.array(predicted[:, 0], pa.float64()), "_flagged": flags}

    def plots(self, analysis: Analysis, evaluation: Evaluation) -> dict[str, Draw]:
        """The distribution of scores; with a label, precision and recall."""
        drawn: dict[str, Draw] = {"scores": lambda axes: anomaly_scores(axes, evaluation)}
        if analysis.label is not None:
            drawn["precision_recall"] = lambda axes: precision_of_flags(axes, evaluation)
        return drawn


def _last(model: Any) -> Any:
    """The estimator of a pipeline."""
    return model.steps[-1][1] if hasattr(model, "steps") else model


TASK: Final = Anomaly()
