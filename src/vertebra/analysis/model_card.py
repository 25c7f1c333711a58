"""The model card: what a model is for, what it was made from, how good it is, and what to beware of; as Markdown.

After Mitchell et al., "Model cards for model reporting", 2019; what only people know, such as ethical considerations,
is left to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.declare.analysis import BASELINE
from vertebra.declare.task import metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vertebra.analysis.champion import Decision
    from vertebra.analysis.evaluate import Assessment
    from vertebra.analysis.split import TrainTestSets
    from vertebra.analysis.validate import Trial
    from vertebra.declare.analysis import Analysis


def model_card(
    analysis: Analysis,
    sets: TrainTestSets,
    chosen: Trial,
    found: Assessment,
    decision: Decision,
) -> str:
    """Write the card of a model.

    Args:
        chosen: its setting, with its scores in cross-validation.
        found: what is known about it after the test.
        decision: whether it is the champion.
    """
    return "\n".join(_lines(analysis, sets, chosen, found, decision)) + "\n"


def _lines(
    analysis: Analysis,
    sets: TrainTestSets,
    chosen: Trial,
    found: Assessment,
    decision: Decision,
) -> Iterator[str]:
    yield f"# {analysis.name}: {chosen.setting}"
    yield ""
    yield analysis.description
    yield ""
    if found.warnings:
        yield "## Warnings"
        yield ""
        yield from (f"- {one}" for one in found.warnings)
        yield ""
    yield "## Question"
    yield ""
    if analysis.label is not None:
        yield f"- label: `{analysis.label}`" + (f" ({analysis.unit})" if analysis.unit else "")
    yield f"- examples: `{analysis.view}`" + (f" where `{analysis.where}`" if analysis.where else "")
    yield f"- predicted at: `{analysis.time}`"
    yield f"- features: {', '.join(analysis.features)}"
    yield ""
    yield "## Data"
    yield ""
    train, test = sets.train, sets.test
    yield f"- training: {train.rows:,} rows, `{train.table.name}` version {train.version}"
    tested = analysis.test or "the training set"
    yield f"- test: {test.rows:,} rows, `{test.table.name}` version {test.version}, {tested}"
    yield ""
    yield "## Scores"
    yield ""
    yield f"| metric | test | {BASELINE} |"
    yield "|---|---|---|"
    for metric in metrics_of(analysis.task):
        if metric.name not in found.evaluation.metrics:
            continue
        mine, base = found.evaluation.metrics[metric.name], found.evaluation.baseline_metrics[metric.name]
        yield f"| {metric.label} | {mine:.4f} | {base:.4f} |"
    yield ""
    folds = f"{analysis.folds.count} {analysis.folds.scheme} folds"
    yield f"Cross-validated {analysis.metric}: {chosen.mean:.4f} ± {chosen.deviation:.4f} over {folds}."
    if found.forwards is not None:
        mean, deviation, count = found.forwards.mean, found.forwards.deviation, len(found.forwards.scores)
        yield f"Forwards in time, from earlier rows only: {mean:.4f} ± {deviation:.4f} over {count} rolling folds."
    if decision.reason:
        yield ""
        yield f"{'Champion' if decision.promoted else 'Not the champion'}: {decision.reason}."
