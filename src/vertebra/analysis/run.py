"""The step of an analysis: from its exploitation view to the champion model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.analysis import Analysis
from vertebra.declare.metrics import metrics_of
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.step_facts import AnalysisFacts

if TYPE_CHECKING:
    from vertebra.analysis.plots import Evaluation
    from vertebra.analysis.split import TrainTestSets
    from vertebra.analysis.track import Registered
    from vertebra.analysis.validate import Trial


VERSION: Final = 3
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
    trials: list[Trial]
    chosen: Trial
    evaluation: Evaluation
    registered: Registered


def analyse(
    analysis: Analysis, tracking: str, project: str, ctx: StepContext, *, plots: Path | None = None
) -> StepOutcome:
    """Run an analysis: features, training and test sets, cross-validation, choice, test, registration.

    The test set is read once, after the choice. The predictions of the chosen model for it are the step's main table,
    ``analysis.<name>``, which is committed last: until then the champion is the previous one, or one that the ledger
    has recorded.

    Args:
        tracking: MLflow tracking URI.
        project: name of the project; the registered model is ``<project>.<analysis>``.
        plots: folder for PNG files; by default they go to MLflow only.

    Raises:
        LeakageError: a feature uses a value that is not known at the prediction time. Nothing has run.
        DeclarationError: the declaration does not fit the view's columns or rows.
        StepError: a model consists of code that a stored model may not contain.
    """
    from vertebra.analysis import track
    from vertebra.analysis.choose import choose
    from vertebra.analysis.examples import load
    from vertebra.analysis.train import candidate_models
    from vertebra.analysis.validate import cross_validate

    sets = _examples(analysis, tracking, ctx)
    train = load(analysis, sets.train)
    trials = cross_validate(analysis, candidate_models(analysis), train, ctx.progress)
    chosen = choose(analysis, trials)
    model, baseline = _fitted(analysis, chosen, train, ctx)
    evaluation, drawn = _test(analysis, sets, trials, chosen, (model, baseline), ctx, plots)
    ctx.progress("recording in MLflow")
    evidence = track.TrainingRecord(trials, chosen, model, train.features.head(100), evaluation.metrics, drawn)
    registered = track.record(analysis, tracking, project, ctx, sets, evidence)
    result = _Result(sets, trials, chosen, evaluation, registered)
    ctx.ledgers.append("models", _ledger_rows(analysis, ctx, result), ctx.commit())
    track.deploy(tracking, registered)
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


def _fitted(analysis: Analysis, chosen: Trial, train: Any, ctx: StepContext) -> tuple[Any, Any]:
    """The chosen setting and the baseline, fitted on all training rows."""
    from vertebra.analysis.train import baseline, fit

    ctx.progress(f"fitting {chosen.setting} on all {len(train.label):,} training rows")
    return fit(analysis, chosen.setting, train), fit(analysis, baseline(analysis), train)


def _test(
    analysis: Analysis,
    sets: TrainTestSets,
    trials: list[Trial],
    chosen: Trial,
    models: tuple[Any, Any],
    ctx: StepContext,
    plots: Path | None,
) -> tuple[Evaluation, list[Path]]:
    """Evaluate the chosen model on the test set: the only time it is read."""
    from vertebra.analysis.examples import load
    from vertebra.analysis.explain import importances
    from vertebra.analysis.plots import Evaluation, draw_all
    from vertebra.analysis.train import predictions, quiet

    test = load(analysis, sets.test)
    ctx.progress(f"testing it on {len(test.label):,} test rows")
    with quiet():
        predicted, base = (predictions(analysis, model, test.features) for model in models)
    evaluation = Evaluation(
        observed=test.label,
        predicted=predicted,
        baseline=float(base[0]),
        metrics={m.name: m.score(test.label, predicted) for m in metrics_of(analysis.task)},
        baseline_metrics={m.name: m.score(test.label, base) for m in metrics_of(analysis.task)},
    )
    explained = importances(analysis, models[0], test)
    ctx.progress("drawing plots")
    return evaluation, draw_all(analysis, evaluation, trials, chosen, explained, plots or ctx.scratch / "plots")


def _ledger_rows(analysis: Analysis, ctx: StepContext, result: _Result) -> list[dict[str, Any]]:
    shared = {
        "run_id": ctx.run_id,
        "analysis": analysis.name,
        "model_name": result.registered.name,
        "mlflow_run": result.registered.run,
        "train_table": result.sets.train.table.name,
        "train_version": result.sets.train.version,
        "recorded_at": ctx.now,
    }
    test_set = {"test_table": result.sets.test.table.name, "test_version": result.sets.test.version}
    version = {"model_version": result.registered.version, "model_sha256": result.registered.sha256}
    rows = [
        shared
        | _setting(trial)
        | {
            "chosen": trial is result.chosen,
            "split": "cross-validation",
            "metric": analysis.metric,
            "value": trial.mean,
            "deviation": trial.deviation,
            "seconds": trial.seconds,
        }
        for trial in result.trials
    ]
    evaluation = result.evaluation
    measured = ((result.chosen, True, evaluation.metrics), (result.trials[0], False, evaluation.baseline_metrics))
    for trial, chosen, values in measured:
        rows += [
            shared
            | test_set
            | _setting(trial)
            | (version if chosen else {})
            | {"chosen": chosen, "split": "test", "metric": metric, "value": value}
            for metric, value in values.items()
        ]
    return rows


def _setting(trial: Trial) -> dict[str, Any]:
    return {"candidate": trial.setting.name, "parameters": trial.setting.parameters_json}


def _store_predictions(analysis: Analysis, ctx: StepContext, result: _Result) -> int:
    """Store the predictions of the chosen model for the test set, next to the observed labels."""
    from vertebra.analysis.examples import rows_of
    from vertebra.analysis.predict import scored

    table = scored(
        analysis, rows_of(analysis, result.sets.test), result.evaluation.predicted, result.registered.version
    )
    return ctx.lake.table(f"analysis.{analysis.name}").write_arrow(table, ctx.commit())


def _outcome(analysis: Analysis, result: _Result, version: int) -> StepOutcome:
    sets, evaluation, metric = result.sets, result.evaluation, analysis.metric
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
        ),
    )
