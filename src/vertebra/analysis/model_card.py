"""The model card: what a model is for, what it was made from, how good it is, and what to beware of; as Markdown.

After Mitchell et al., "Model cards for model reporting", 2019; what only people know, such as ethical considerations,
is left to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.declare.analysis import BASELINE
from vertebra.declare.metrics import metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vertebra.analysis.champion import Decision
    from vertebra.analysis.perfect_features import PerfectFeature
    from vertebra.analysis.plots import Evaluation
    from vertebra.analysis.split import TrainTestSets
    from vertebra.analysis.validate import Trial
    from vertebra.declare.analysis import Analysis


def model_card(
    analysis: Analysis,
    sets: TrainTestSets,
    chosen: Trial,
    evaluation: Evaluation,
    decision: Decision,
    perfect: Sequence[PerfectFeature],
) -> str:
    """Write the card of a model.

    Args:
        chosen: its setting, with its scores in cross-validation.
        evaluation: on the test set.
        decision: whether it is the champion.
        perfect: features that alone predict the label.
    """
    return "\n".join(_lines(analysis, sets, chosen, evaluation, decision, perfect)) + "\n"


def _lines(
    analysis: Analysis,
    sets: TrainTestSets,
    chosen: Trial,
    evaluation: Evaluation,
    decision: Decision,
    perfect: Sequence[PerfectFeature],
) -> Iterator[str]:
    yield f"# {analysis.name}: {chosen.setting}"
    yield ""
    yield analysis.description
    yield ""
    if perfect:
        yield "## Warnings"
        yield ""
        yield from (f"- {one}" for one in perfect)
        yield ""
    yield "## Question"
    yield ""
    yield f"- label: `{analysis.label}`" + (f" ({analysis.unit})" if analysis.unit else "")
    yield f"- examples: `{analysis.view}`" + (f" where `{analysis.where}`" if analysis.where else "")
    yield f"- predicted at: `{analysis.time}`"
    yield f"- features: {', '.join(analysis.features)}"
    yield ""
    yield "## Data"
    yield ""
    train, test = sets.train, sets.test
    yield f"- training: {train.rows:,} rows, `{train.table.name}` version {train.version}, before {analysis.test_from}"
    yield f"- test: {test.rows:,} rows, `{test.table.name}` version {test.version}, from {analysis.test_from}"
    yield ""
    yield "## Scores"
    yield ""
    yield f"| metric | test | {BASELINE} |"
    yield "|---|---|---|"
    for metric in metrics_of(analysis.task):
        mine, base = evaluation.metrics[metric.name], evaluation.baseline_metrics[metric.name]
        yield f"| {metric.label} | {mine:.4f} | {base:.4f} |"
    yield ""
    yield f"Cross-validated {analysis.metric}: {chosen.mean:.4f} ± {chosen.deviation:.4f} over {analysis.folds} folds."
    if decision.reason:
        yield ""
        yield f"{'Champion' if decision.promoted else 'Not the champion'}: {decision.reason}."
