"""The step of an analysis: from its exploitation view to the champion model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vertebra.declare.analysis import Analysis
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.step_facts import AnalysisFacts

if TYPE_CHECKING:
    from vertebra.analysis.champion import Decision
    from vertebra.analysis.evaluate import Assessment
    from vertebra.analysis.example_set import Examples
    from vertebra.analysis.split import TrainTestSets
    from vertebra.analysis.task_port import Evaluation
    from vertebra.analysis.track import Registered
    from vertebra.analysis.validate import Trial


VERSION: Final = 5
"""The version of the analysis step. Raise it when the same views and declaration come to give other sets, models or
metrics: all analyses are then run again. See "Raise a version" in ``CONTRIBUTING.md``."""


def inputs_of(analysis: Analysis) -> tuple[str, ...]:
    """The tables an analysis reads: its view, and the histories of its point-in-time features."""
    histories = [feature.history for feature in analysis.as_of.values()]
    return tuple(dict.fromkeys(f"exploitation.{name}" for name in [analysis.view, *histories]))


def outputs_of(analysis: Analysis) -> tuple[str, ...]:
    """The tables an analysis writes; the commit of the last one ends the step."""
    return (f"analysis.{analysis.name}_train", f"analysis.{analysis.name}_test", f"analysis.{analysis.name}")


@dataclass(frozen=True)
class _Result:
    sets: TrainTestSets
    chosen: Trial
    found: Assessment
    decision: Decision
    registered: Registered

    @property
    def champion(self) -> str:
        """The version that predicts after the run."""
        before = self.decision.before
        return self.registered.version if self.decision.promoted or before is None else before.version


def analyse(
    analysis: Analysis, tracking: str, project: str, ctx: StepContext, *, plots: Path | None = None, again: bool = True
) -> StepOutcome:
    """Run an analysis: features, training and test sets, cross-validation, choice, test, registration.

    The test set is read once, after the choice. The new model becomes the champion if it is better than the present one
    on the same test rows. The predictions of the champion for the test set are the step's main table,
    ``analysis.<name>``, which is committed last: until then the champion is the previous one, or one that the ledger
    has recorded.

    Args:
        tracking: MLflow tracking URI.
        project: name of the project; the registered model is ``<project>.<analysis>``.
        plots: folder for PNG files; by default they go to MLflow only.
        again: train even if the examples and the declaration are those of the last training.

    Raises:
        LeakageError: a feature uses a value that is not known at the prediction time. Nothing has run.
        DeclarationError: the declaration does not fit the view's columns or rows.
        StepError: a model consists of code that a stored model may not contain.
    """
    from vertebra.analysis import track
    from vertebra.analysis.card_page import card_page
    from vertebra.analysis.choose import choose
    from vertebra.analysis.evaluate import assess
    from vertebra.analysis.examples import load
    from vertebra.analysis.kept_model import kept_model, waiting_model
    from vertebra.analysis.model_card import model_card
    from vertebra.analysis.model_ledger import ledger_rows
    from vertebra.analysis.perfect_features import perfect_features
    from vertebra.analysis.train import candidate_models
    from vertebra.analysis.validate import cross_validate
    from vertebra.analysis.validation_cache import known_scores

    waiting = None if again else waiting_model(analysis, project, ctx)
    if waiting is not None:
        return waiting
    sets = _examples(analysis, tracking, ctx)
    kept = None if again else kept_model(analysis, tracking, project, ctx, sets)
    if kept is not None:
        return kept
    train = load(analysis, sets.train)
    known = known_scores(analysis, train, ctx.ledgers)
    trials = cross_validate(analysis, candidate_models(analysis), train, ctx.progress, known)
    chosen = choose(analysis, trials)
    perfect = perfect_features(analysis, train)
    test = load(analysis, sets.test, train)
    found = assess(analysis, train, test, trials, chosen, perfect, ctx, plots)
    decision = _decide(analysis, tracking, project, ctx, sets, test, found.evaluation)
    ctx.progress("recording in MLflow")
    card = model_card(analysis, sets, chosen, found, decision)
    metrics, sample = found.evaluation.metrics, train.features.head(100)
    page = card_page(analysis, sets, chosen, found, decision, train)
    evidence = track.TrainingRecord(trials, chosen, found.model, sample, metrics, found.plots, card, page)
    registered = track.record(analysis, tracking, project, ctx, sets, evidence)
    result = _Result(sets, chosen, found, decision, registered)
    rows = ledger_rows(analysis, ctx, sets, trials, chosen, found.evaluation, decision, registered)
    ctx.ledgers.append("models", rows, ctx.commit())
    if decision.promoted:
        track.deploy(tracking, registered.name, registered.version)
    version = _store_predictions(analysis, ctx, result)
    return _outcome(analysis, result, version)


def _examples(analysis: Analysis, tracking: str, ctx: StepContext) -> TrainTestSets:
    from vertebra.analysis.features import example_frame, histories_of
    from vertebra.analysis.leakage import refuse_leakage, require_columns
    from vertebra.analysis.libraries import preloaded_libraries
    from vertebra.analysis.split import store_sets

    refuse_leakage(analysis)
    frames = {
        name: ctx.lake.table(f"exploitation.{name}").frame(ctx.engine, ctx.inputs[f"exploitation.{name}"])
        for name in dict.fromkeys([analysis.view, *histories_of(analysis)])
    }
    require_columns(analysis, {name: frame.columns for name, frame in frames.items()})
    ctx.progress("computing features")
    with preloaded_libraries(analysis, tracking):
        examples = example_frame(analysis, frames[analysis.view], frames, ctx.engine)
        return store_sets(analysis, ctx.engine.materialise(examples, ctx.scratch / "examples"), ctx)


def _decide(
    analysis: Analysis,
    tracking: str,
    project: str,
    ctx: StepContext,
    sets: TrainTestSets,
    test: Examples,
    evaluation: Evaluation,
) -> Decision:
    """Compare the new model with the champion on the test set."""
    from vertebra.analysis.champion import champion_of, decide
    from vertebra.analysis.examples import rows_of
    from vertebra.analysis.features import GROUP

    ctx.progress("comparing it with the champion")
    rows = rows_of(analysis, sets.test)
    champion = champion_of(analysis, tracking, project, ctx, test, rows, sets.test)
    groups = rows.column(GROUP).to_pylist()
    return decide(analysis, champion, evaluation.observed, evaluation.predicted, groups, evaluation.baseline)


def _store_predictions(analysis: Analysis, ctx: StepContext, result: _Result) -> int:
    """Store the predictions of the champion for the test set, next to the observed labels."""
    import numpy as np

    from vertebra.analysis.examples import rows_of
    from vertebra.analysis.kept_model import origin
    from vertebra.analysis.predict import answers

    before, evaluation = result.decision.before, result.found.evaluation
    kept = before if before is not None and not result.decision.promoted else None
    # without a test set of its own, the test set is the training set
    predicted, seen = evaluation.predicted, np.full(result.sets.test.rows, analysis.test is None)
    if kept is not None and kept.predicted is not None and kept.unseen is not None:
        predicted, seen = kept.predicted, ~kept.unseen
    rows = rows_of(analysis, result.sets.test)
    table = answers(analysis, rows, predicted, result.champion, seen, evaluation.classes)
    commit = ctx.commit(extra=origin(result.sets, result.champion))
    return ctx.lake.table(f"analysis.{analysis.name}").write_arrow(table, commit)


def _outcome(analysis: Analysis, result: _Result, version: int) -> StepOutcome:
    sets, evaluation, metric = result.sets, result.found.evaluation, analysis.metric
    tables = {f"analysis.{analysis.name}": version}
    tables |= {pinned.table.name: pinned.version for pinned in (sets.train, sets.test)}
    return StepOutcome(
        rows=sets.test.rows,
        version=version,
        outputs=tables,
        facts=AnalysisFacts(
            chosen=str(result.chosen.setting),
            metric=metric,
            test=evaluation.metrics[metric],
            baseline=evaluation.baseline_metrics[metric],
            cross_validated=result.chosen.mean,
            deviation=result.chosen.deviation,
            training_rows=sets.train.rows,
            test_rows=sets.test.rows,
            model=result.registered.name,
            model_version=result.registered.version,
            champion=result.champion,
            comparison=result.decision.reason,
            warnings=result.found.warnings,
        ),
    )
