"""How each zone's steps are done: the one place where the pipeline calls the zones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vertebra.declare.project import Project
    from vertebra.governance.context import Progress, StepContext, StepOutcome
    from vertebra.governance.ledgers import Ledgers
    from vertebra.pipeline.steps import Step


def act(step: Step, project: Project, ctx: StepContext, afresh: bool) -> StepOutcome:
    """Do a step of any zone but landing.

    Args:
        afresh: an incremental step starts from nothing.
    """
    match step.zone:
        case "formatted":
            from vertebra.formatted.format import format_dataset

            return format_dataset(step.declaration, ctx, full_refresh=afresh)
        case "trusted":
            from vertebra.trusted.clean import trust

            return trust(step.declaration, ctx)
        case "exploitation":
            return _integrate(step, ctx)
        case "analysis":
            return _analyse(step, project, ctx)
        case zone:
            raise ValueError(f"{zone} has no such steps")


def _integrate(step: Step, ctx: StepContext) -> StepOutcome:
    from vertebra.declare.view import View

    if isinstance(step.declaration, View):
        from vertebra.exploitation.views import build_view

        return build_view(step.declaration, ctx)
    from vertebra.exploitation.reconcile import reconcile

    return reconcile(step.declaration, ctx)


def _analyse(step: Step, project: Project, ctx: StepContext) -> StepOutcome:
    from vertebra.analysis.run import analyse

    return analyse(step.declaration, tracking_of(project), project.settings.name, ctx)


def tracking_of(project: Project) -> str:
    """Where MLflow keeps runs and models: as declared, or a SQLite file in the project."""
    return project.settings.tracking or f"sqlite:///{project.root / 'mlflow.db'}"


def land(
    step: Step, project: Project, ctx_ledgers: Ledgers, run_id: str, now: datetime, progress: Progress
) -> tuple[StepOutcome, int]:
    """Collect a dataset's new batches.

    Returns:
        The outcome, whose version is the last batch number, and the number of new batches.
    """
    raise NotImplementedError
