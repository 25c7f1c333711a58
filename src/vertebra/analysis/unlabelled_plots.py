"""Plots of clusterings and anomaly detections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vertebra.analysis.task_port import Evaluation
    from vertebra.declare.analysis import Analysis

_BLUE: Final = "#1769aa"
_ORANGE: Final = "#d9730d"
_SOFT: Final = "#8a94a3"
_MOST_NUMBERS: Final = 15


def profile(axes: Axes, analysis: Analysis, evaluation: Evaluation) -> str:
    """The mean of each number in each cluster, in standard deviations from the mean of all rows."""
    assert evaluation.examples is not None
    names = analysis.numbers[:_MOST_NUMBERS]
    values = (
        evaluation.examples.features[names].to_numpy(np.float64) if names else np.empty((len(evaluation.predicted), 0))
    )
    clusters, sizes = np.unique(evaluation.predicted.astype(np.int64), return_counts=True)
    spread = np.nanstd(values, axis=0)
    scaled = (values - np.nanmean(values, axis=0)) / np.where(spread > 0, spread, 1)
    means = np.array([np.nanmean(scaled[evaluation.predicted == one], axis=0) for one in clusters])
    axes.grid(visible=False)
    image = axes.imshow(means.T, cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    axes.figure.colorbar(image, ax=axes, label="standard deviations from the mean")
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(clusters)), [f"{one}\n{size:,} rows" for one, size in zip(clusters, sizes, strict=True)])
    axes.set_xlabel("Cluster")
    found = evaluation.metrics.get("silhouette", float("nan"))
    if len(clusters) == 1:
        return "One cluster: no candidate separates the rows better"
    return f"{len(clusters)} clusters with {sizes.min():,} to {sizes.max():,} rows; silhouette {found:.3f}"


def anomaly_scores(axes: Axes, evaluation: Evaluation) -> str:
    """The distribution of the scores, and from where on rows are flagged."""
    scores, flagged = evaluation.predicted[:, 0], evaluation.predicted[:, 1] > 0
    edges = np.histogram_bin_edges(scores, bins=60)
    axes.hist(scores[~flagged], bins=list(edges), color=_BLUE, label="not flagged")
    axes.hist(scores[flagged], bins=list(edges), color=_ORANGE, label="flagged")
    axes.set_yscale("log")
    axes.set(xlabel="Score (higher is more unusual)", ylabel="Rows")
    axes.legend(frameon=False)
    share = float(np.mean(flagged))
    return f"{int(flagged.sum()):,} of {len(flagged):,} rows are flagged ({100 * share:.2f} %)"


def precision_of_flags(axes: Axes, evaluation: Evaluation) -> str:
    """Precision against recall of the scores, beside the baseline's."""
    from sklearn.metrics import precision_recall_curve

    shown = (("model", _BLUE, evaluation.predicted), ("robust z-score", _SOFT, evaluation.baseline))
    for name, colour, predicted in shown:
        precision, recall, _ = precision_recall_curve(evaluation.observed, predicted[:, 0])
        axes.plot(recall, precision, color=colour, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="Recall", ylabel="Precision")
    axes.legend(frameon=False)
    flagged = evaluation.predicted[:, 1] > 0
    right = float(np.mean(evaluation.observed[flagged])) if flagged.any() else 0.0
    share = 100 * float(np.mean(evaluation.observed))
    return f"{100 * right:.0f} % of the flagged rows are anomalies; {share:.1f} % of all rows are"
