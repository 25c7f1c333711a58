"""Clustering: groups of similar examples, without a label."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.analysis.task_port import Draw, Evaluation, Task
from vertebra.analysis.unlabelled_plots import profile
from vertebra.declare.metrics import Metric

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from vertebra.analysis.example_set import Examples
    from vertebra.declare.analysis import Analysis

_SCORES: Final = "vertebra.analysis.cluster_scores"


class Clustering(Task):
    """Assigns examples to clusters.

    The number of clusters is a parameter of candidates, so that it is chosen by the metric on rows that the clusters
    were not fitted on. The baseline is one cluster, whose silhouette is 0. A cluster's number has no meaning beyond its
    model: another version can give the same cluster another number.
    """

    name = "clustering"
    metrics = (
        Metric("silhouette", "silhouette", True, False, f"{_SCORES}:silhouette"),
        Metric("stability", "stability (adjusted Rand index)", True, False, f"{_SCORES}:agreement", compares=False),
        Metric("largest_share", "largest cluster's share", False, False, f"{_SCORES}:largest_share", compares=False),
    )

    def problems(self, analysis: Analysis) -> Iterator[str]:
        """It has no label, and all candidates the same encoding, so that distances can be compared."""
        yield from self.unused(analysis, "label", "forecast")
        if analysis.metric == "largest_share":
            yield "largest_share is reported only; use silhouette or stability"
        for name, candidate in analysis.candidates.items():
            if candidate.encode != "one_hot":
                yield f"candidate {name} needs encode='one_hot': distances between codes mean nothing"

    def baseline(self, analysis: Analysis) -> Any:
        """One cluster."""
        from vertebra.analysis.baselines import OneCluster

        return OneCluster()

    def target(self, examples: Examples) -> Any:
        """Nothing."""
        return None

    def observed(self, examples: Examples, encoded: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The encoded rows."""
        return np.asarray(encoded(), np.float64)

    def scores(
        self,
        metrics: Sequence[Metric],
        observed: NDArray[Any],
        predicted: NDArray[Any],
        halves: Callable[[], tuple[NDArray[Any], NDArray[Any]]],
    ) -> dict[str, float]:
        """Stability is the agreement of the clusters that are fitted on either half of the training rows."""
        return {
            metric.name: metric.score(*halves()) if metric.name == "stability" else metric.score(observed, predicted)
            for metric in metrics
        }

    def columns(self, predicted: NDArray[Any], classes: Sequence[str] = ()) -> dict[str, pa.Array]:
        """The number of the cluster."""
        import pyarrow as pa

        return {"_prediction": pa.array(predicted.astype(np.int32), pa.int32())}

    def plots(self, analysis: Analysis, evaluation: Evaluation) -> dict[str, Draw]:
        """The mean of each number in each cluster."""
        return {"profile": lambda axes: profile(axes, analysis, evaluation)}


TASK: Final = Clustering()
