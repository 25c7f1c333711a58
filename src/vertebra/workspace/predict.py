"""Scoring a table with a model of an analysis, on record like a step."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vertebra.errors import DeclarationError
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.lake.lease import lease
from vertebra.pipeline.dispatch import tracking_uri
from vertebra.pipeline.fingerprint import Fingerprint
from vertebra.pipeline.progress import Console, SilentConsole, StepResult
from vertebra.pipeline.record import Recorder
from vertebra.pipeline.run import new_run_id
from vertebra.pipeline.selection import did_you_mean
from vertebra.workspace.tables import existing

if TYPE_CHECKING:
    from vertebra.declare.analysis import Analysis
    from vertebra.workspace.workspace import Workspace


def predict(
    space: Workspace,
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

    declared = _declared(space, analysis)
    source = existing(space.lake, table or f"exploitation.{declared.view}")
    told = console or SilentConsole()
    now = datetime.now(UTC)
    run_id = new_run_id(now)
    step = f"predict.{declared.name}"
    settings = space.project.settings
    with lease(space.lake.root, f"prediction {run_id}", wait, lambda who: told.note(f"waiting for {who}")):
        recorder = Recorder(
            space.ledgers, space.lake.root / ".scratch", run_id, space.project.engine_name, space.project.profile
        )
        for sentence in recorder.open():
            told.note(sentence)
        recorder.doing(step)
        fingerprint = Fingerprint({}, {}, _versions(space, declared, source))
        context = StepContext(
            run_id=run_id,
            step=step,
            fingerprint=fingerprint.digest,
            inputs=fingerprint.inputs,
            now=now,
            lake=space.lake,
            engine=space.engine,
            ledgers=space.ledgers,
            scratch=recorder.folder / step,
            progress=lambda text: told.progress(step, text),
        )
        tracking = tracking_uri(space.project)

        def scored() -> StepOutcome:
            context.scratch.mkdir()
            try:
                return score(declared, tracking, settings.name, context, table=table and source, version=version)
            finally:
                shutil.rmtree(context.scratch, ignore_errors=True)

        clock = time.perf_counter()
        try:
            outcome = space.engine.attempt(scored, lambda text: told.note(f"{step}: {text}"))
        except BaseException:
            # What failed is told by the error; the mark is for runs that were killed.
            shutil.rmtree(recorder.folder, ignore_errors=True)
            raise
        seconds = time.perf_counter() - clock
        why = f"asked to score {source}"
        result = StepResult(step, "ok", why, seconds, outcome.rows, outcome.version, outcome.outputs, outcome.facts)
        recorder.ended(result, fingerprint)
        recorder.close("ok", f"predictions of {declared.name}", seconds)
    return outcome


def _declared(space: Workspace, name: str) -> Analysis:
    subject = name.removeprefix("analysis.")
    analyses = space.project.analyses
    if subject not in analyses:
        raise DeclarationError(
            f"there is no analysis {subject}", remedy=did_you_mean(subject, analyses, "vertebra ls -s zone:analysis")
        )
    return analyses[subject]


def _versions(space: Workspace, analysis: Analysis, source: str) -> dict[str, int]:
    from vertebra.analysis.run import inputs_of

    return {name: space.lake.table(name).version() for name in dict.fromkeys([source, *inputs_of(analysis)])}
