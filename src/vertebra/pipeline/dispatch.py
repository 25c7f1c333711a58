"""How the steps of each zone are done; those of landing are in :mod:`vertebra.pipeline.land`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.pipeline.steps import PUBLISH
from vertebra.zones import Zone

if TYPE_CHECKING:
    from vertebra.declare.project import Project
    from vertebra.governance.context import StepContext, StepOutcome
    from vertebra.pipeline.steps import Step


def dispatch(step: Step, project: Project, ctx: StepContext, full_refresh: bool) -> StepOutcome:
    """Do a step of any zone but landing.

    Args:
        full_refresh: an incremental step starts from nothing.
    """
    match step.zone:
        case Zone.FORMATTED:
            from vertebra.formatted.format import format_dataset

            return format_dataset(step.declaration, ctx, full_refresh=full_refresh)
        case Zone.TRUSTED:
            from vertebra.trusted.clean import trust

            return trust(step.declaration, ctx, project.datasets, full_refresh=full_refresh)
        case Zone.EXPLOITATION:
            return _integrate(step, ctx, full_refresh)
        case Zone.ANALYSIS:
            return _analyse(step, project, ctx)
        case _ if step.zone == PUBLISH:
            from vertebra.publish.publish import publish

            return publish(step.declaration, ctx, project.settings.name, project.root, project.settings.schemes)
        case zone:
            raise ValueError(f"{zone} has no such steps")


def _integrate(step: Step, ctx: StepContext, full_refresh: bool) -> StepOutcome:
    from vertebra.declare.view import View

    if isinstance(step.declaration, View):
        from vertebra.exploitation.views import build_view

        return build_view(step.declaration, ctx, full_refresh=full_refresh)
    from vertebra.exploitation.reconcile import reconcile

    return reconcile(step.declaration, ctx)


def _analyse(step: Step, project: Project, ctx: StepContext) -> StepOutcome:
    from vertebra.analysis.run import analyse

    plots = project.root / "plots" / step.subject
    return analyse(step.declaration, tracking_uri(project), project.settings.name, ctx, plots=plots)


def tracking_uri(project: Project) -> str:
    """Where MLflow keeps runs and models: as declared, or a SQLite file in the project."""
    return project.settings.tracking or f"sqlite:///{project.root / 'mlflow.db'}"
