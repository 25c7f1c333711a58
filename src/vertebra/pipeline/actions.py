"""How each zone's steps are done: the one place where the pipeline calls the zones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vertebra.declare.project import Project
    from vertebra.governance.context import Progress, StepContext, StepOutcome
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
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

            return trust(step.declaration, ctx, project.datasets)
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

    plots = project.root / "plots" / step.subject
    return analyse(step.declaration, tracking_of(project), project.settings.name, ctx, plots=plots)


def tracking_of(project: Project) -> str:
    """Where MLflow keeps runs and models: as declared, or a SQLite file in the project."""
    return project.settings.tracking or f"sqlite:///{project.root / 'mlflow.db'}"


@dataclass(frozen=True)
class Landed:
    """What a landing step did.

    Attributes:
        records: in the new batches.
        facts: to tell a person; empty when nothing was new.
    """

    records: int
    facts: Mapping[str, int | float | str]


def land(
    step: Step,
    project: Project,
    lake: Lake,
    ledgers: Ledgers,
    run_id: str,
    now: datetime,
    progress: Progress,
) -> Landed:
    """Collect a dataset's new batches.

    Raises:
        CollectError: the source cannot be read, or a payload was refused; batches landed before that stay.
    """
    from vertebra.landing.collect import collect

    schemes = project.settings.schemes
    outcome = collect(step.declaration, project.root, lake, ledgers, run_id, now, progress, schemes=schemes)
    facts: dict[str, int | float | str] = {}
    if outcome.new:
        facts = {"new batches": len(outcome.new), "records": outcome.records}
    if outcome.reparsed:
        facts["batches parsed again"] = outcome.reparsed
    return Landed(outcome.records, facts)
