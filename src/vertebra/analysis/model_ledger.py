"""The rows of a run in the ledger ``models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vertebra.analysis.recipe import recipe_of
from vertebra.analysis.validation_cache import write_scores

if TYPE_CHECKING:
    from vertebra.analysis.champion import Decision
    from vertebra.analysis.split import TrainTestSets
    from vertebra.analysis.task_port import Evaluation
    from vertebra.analysis.track import Registered
    from vertebra.analysis.validate import Trial
    from vertebra.declare.analysis import Analysis
    from vertebra.governance.context import StepContext


def ledger_rows(
    analysis: Analysis,
    ctx: StepContext,
    sets: TrainTestSets,
    trials: list[Trial],
    chosen: Trial,
    evaluation: Evaluation,
    decision: Decision,
    registered: Registered,
) -> list[dict[str, Any]]:
    """One row per setting in cross-validation; per metric on the test set, one for the chosen model and the baseline,
    and one for the champion before, if it was compared."""
    shared = {
        "run_id": ctx.run_id,
        "analysis": analysis.name,
        "model_name": registered.name,
        "mlflow_run": registered.run,
        "train_table": sets.train.table.name,
        "train_version": sets.train.version,
        "recorded_at": ctx.now,
    }
    rows = [
        shared
        | _setting(trial)
        | {
            "chosen": trial is chosen,
            "split": "cross-validation",
            "metric": analysis.metric,
            "value": trial.mean,
            "deviation": trial.deviation,
            "fold_scores": write_scores(trial.scores),
            "validation_key": trial.key or None,
            "seconds": None if trial.cached else trial.seconds,
        }
        for trial in trials
    ]
    tested = shared | {"split": "test", "test_table": sets.test.table.name, "test_version": sets.test.version}
    version = {"model_version": registered.version, "model_sha256": registered.sha256, "champion": decision.promoted}
    version |= {"recipe": recipe_of(analysis), "reason": decision.reason or None}
    rows += _measured(tested | _setting(chosen) | version | {"chosen": True}, evaluation.metrics)
    rows += _measured(tested | _setting(trials[0]) | {"chosen": False}, evaluation.baseline_metrics)
    before = decision.before
    if before is not None and decision.metrics is not None:
        of_it = {
            "candidate": before.candidate,
            "parameters": before.parameters,
            "model_version": before.version,
            # it was trained in another run, on another version
            "mlflow_run": None,
            "train_table": None,
            "train_version": None,
        }
        rows += _measured(tested | of_it | {"chosen": False, "champion": not decision.promoted}, decision.metrics)
    return rows


def _measured(row: dict[str, Any], metrics: Any) -> list[dict[str, Any]]:
    return [row | {"metric": metric, "value": value} for metric, value in metrics.items()]


def _setting(trial: Trial) -> dict[str, Any]:
    return {"candidate": trial.setting.name, "parameters": trial.setting.parameters_json}
