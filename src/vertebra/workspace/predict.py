"""Scoring a table with a model of an analysis; recorded in the ledgers like a step."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vertebra.pipeline.context import run_context
from vertebra.pipeline.dispatch import tracking_uri
from vertebra.pipeline.fingerprint import Fingerprint
from vertebra.pipeline.progress import Console, StepResult
from vertebra.workspace.lookup import analysis_named
from vertebra.workspace.tables import existing

if TYPE_CHECKING:
    from vertebra.declare.analysis import Analysis
    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine
    from vertebra.governance.context import StepContext, StepOutcome
    from vertebra.lake.catalog import Lake


def predict(
    project: Project,
    lake: Lake,
    engine: Engine,
    analysis: str,
    table: str | None = None,
    version: str | None = None,
    wait: float = 0,
    console: Console | None = None,
) -> StepOutcome:
    """Score a table and write ``analysis.<name>_predictions``.

    Args:
        analysis: name of a declared analysis.
        table: the table to score; the analysis's view by default.
        version: of the registered model; the champion by default.
        wait: seconds to wait for a run that holds the lake.

    Raises:
        DeclarationError: there is no such analysis.
        LakeError: there is no such table or model.
        BusyError: a run holds the lake.
    """
    from vertebra.analysis.predict import predict as score

    declared = analysis_named(project, analysis)
    source = existing(lake, table or f"exploitation.{declared.view}")
    step, tracking = f"predict.{declared.name}", tracking_uri(project)
    name = project.settings.name

    def scored(context: StepContext) -> StepOutcome:
        return score(declared, tracking, name, context, table=table and source, version=version)

    with run_context(project, "prediction", wait=wait, console=console, engine=engine) as run:
        for sentence in run.recorder.open():
            run.console.note(sentence)
        fingerprint = Fingerprint(inputs=_versions(lake, declared, source))
        clock = time.perf_counter()
        try:
            outcome = run.perform(step, fingerprint, scored)
        except BaseException:
            # the error describes the failure; only runs that were killed are recorded as killed
            run.recorder.abandon()
            raise
        seconds = time.perf_counter() - clock
        why = f"predictions for {source} were requested"
        result = StepResult(step, "ok", why, seconds, outcome.rows, outcome.version, outcome.outputs, outcome.facts)
        run.recorder.ended(result, fingerprint)
        run.recorder.close("ok", f"predictions of {declared.name}", seconds)
    return outcome


def _versions(lake: Lake, analysis: Analysis, source: str) -> dict[str, int]:
    from vertebra.analysis.run import inputs_of

    return {name: lake.table(name).version() for name in dict.fromkeys([source, *inputs_of(analysis)])}
