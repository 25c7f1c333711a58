"""How the steps of each zone are run, and in which version; those of landing are in :mod:`vertebra.pipeline.land`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.pipeline.steps import PUBLISH
from vertebra.zones import Zone

if TYPE_CHECKING:
    from collections.abc import Mapping

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
            return _analyse(step, project, ctx, full_refresh)
        case _ if step.zone == PUBLISH:
            from vertebra.publish.publish import publish

            return publish(step.declaration, ctx, project.settings.name, project.root, project.settings.schemes)
        case zone:
            raise ValueError(f"{zone} has no such steps")


def step_versions(step: Step) -> dict[str, int | str]:
    """The declared versions of all code that affects the result of a step of any zone but landing.

    Each version stands next to the code, with a comment that says when to raise it. A plug-in has the version of its
    package. Names of one word are those of Vertebra's own steps; messages rely on this.

    Raises:
        RegistryError: a plug-in that the step uses is no longer installed.
    """
    match step.zone:
        case Zone.FORMATTED:
            from vertebra.declare.parse import FORMATS
            from vertebra.formatted.digest import VERSION
            from vertebra.landing.parsing.format import format_named

            name = step.declaration.parse.format
            plugin = FORMATS.plugin_version(name)
            return {"formatted": VERSION, f"format {name}": format_named(name).version} | _of_plugins({name: plugin})
        case Zone.TRUSTED:
            from vertebra.declare.repair import repair_plugins
            from vertebra.trusted.inputs import VERSION

            return {"trusted": VERSION} | _of_plugins(repair_plugins(step.declaration))
        case Zone.EXPLOITATION:
            return _integration_versions(step)
        case Zone.ANALYSIS:
            from vertebra.analysis import predict, run

            return {"prediction": predict.VERSION} if _predicts(step) else {"analysis": run.VERSION}
        case _ if step.zone == PUBLISH:
            from vertebra.declare.publication import target_plugin
            from vertebra.publish.publish import publish_versions

            return publish_versions(step.declaration) | _of_plugins(target_plugin(step.declaration))
        case zone:
            raise ValueError(f"{zone} has no such steps")


def _integration_versions(step: Step) -> dict[str, int | str]:
    from vertebra.declare.reconciliation import EntityResolution, LookupTable, comparison_plugins
    from vertebra.declare.view import View

    if isinstance(step.declaration, View):
        from vertebra.exploitation.views import VERSION

        return {"view": VERSION}
    from vertebra.exploitation import lookup

    if isinstance(step.declaration, LookupTable):
        return {"lookup": lookup.VERSION}
    from vertebra.exploitation.matching.resolution import VERSION as RESOLUTION

    plugins = comparison_plugins(step.declaration) if isinstance(step.declaration, EntityResolution) else {}
    return {"resolution": RESOLUTION} | _of_plugins(plugins)


def _of_plugins(versions: Mapping[str, str | None]) -> dict[str, int | str]:
    return {f"plug-in {name}": version for name, version in versions.items() if version is not None}


def _integrate(step: Step, ctx: StepContext, full_refresh: bool) -> StepOutcome:
    from vertebra.declare.view import View

    if isinstance(step.declaration, View):
        from vertebra.exploitation.views import build_view

        check = None
        if step.declaration.rules is not None:
            from vertebra.trusted.view_check import check_view

            check = check_view
        return build_view(step.declaration, ctx, full_refresh=full_refresh, check=check)
    from vertebra.exploitation.reconcile import reconcile

    return reconcile(step.declaration, ctx)


def _predicts(step: Step) -> bool:
    from vertebra.declare.predictions import Predictions

    return isinstance(step.declaration, Predictions)


def _analyse(step: Step, project: Project, ctx: StepContext, full_refresh: bool) -> StepOutcome:
    tracking, name = tracking_uri(project), project.settings.name
    if _predicts(step):
        from vertebra.analysis.predict import predict_new

        return predict_new(step.declaration.analysis, tracking, name, ctx)
    from vertebra.analysis.run import analyse

    plots = project.root / "plots" / step.subject
    return analyse(step.declaration, tracking, name, ctx, plots=plots, again=full_refresh)


def tracking_uri(project: Project) -> str:
    """Where MLflow keeps runs and models: as declared, or a SQLite file in the project."""
    return project.settings.tracking or f"sqlite:///{project.root / 'mlflow.db'}"
