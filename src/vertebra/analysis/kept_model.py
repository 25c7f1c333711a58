"""Whether an analysis has to train: not if its examples and its declaration are those of the last training.

Rows of a view that are no examples, such as those of another place, change nothing then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.analysis.monitor import drifted
from vertebra.declare.quantity import parse_duration
from vertebra.governance.context import StepOutcome
from vertebra.governance.promotions import champions
from vertebra.governance.step_facts import KeptModelFacts
from vertebra.lake.erasure import pending_erasures

if TYPE_CHECKING:
    from vertebra.analysis.split import TrainTestSets
    from vertebra.declare.analysis import Analysis
    from vertebra.governance.context import StepContext

_SETS: Final = "sets"
_CHAMPION: Final = "champion"


def origin(sets: TrainTestSets, champion: str) -> dict[str, str]:
    """What the commit of the main table of an analysis records: its sets, and the version that predicted."""
    return {_SETS: f"{sets.train.version} {sets.test.version}", _CHAMPION: champion}


def waiting_model(analysis: Analysis, project: str, ctx: StepContext) -> StepOutcome | None:
    """The outcome of a step that is not to train yet by ``retrain:``; None if it may train."""
    if analysis.retrain == "examples":
        return None
    names = [f"analysis.{analysis.name}{part}" for part in ("", "_train", "_test")]
    tables = [ctx.lake.table(name) for name in names]
    main, version = tables[0], champions(ctx.ledgers, analysis.name).version
    written = ctx.extensible(main)
    if written is None or version is None or written.extra.get(_CHAMPION) != version:
        return None
    if any(names[1] in one.tables for one in pending_erasures(ctx.lake)):
        return None
    if analysis.retrain == "drift":
        if drifted(ctx.ledgers, analysis.name, version):
            return None
        why = "monitoring has passed no threshold"
    else:
        made = [row["recorded_at"] for row in ctx.ledgers.rows("models") if row["analysis"] == analysis.name]
        if not made or ctx.now - max(made) >= parse_duration(analysis.retrain):
            return None
        why = f"its last training, of {max(made):%Y-%m-%d}, is younger than {analysis.retrain}"
    facts = KeptModelFacts(why, f"{project}.{analysis.name}", version, unchanged=True)
    outputs = {table.name: newest.version for table in tables if (newest := table.newest_data())}
    return StepOutcome(main.rows(written.version), written.version, outputs, facts)


def kept_model(
    analysis: Analysis, tracking: str, project: str, ctx: StepContext, sets: TrainTestSets
) -> StepOutcome | None:
    """The outcome of a step that needs no training; None if it does.

    If a person made another version the champion, the predictions for the test set become those of that version.
    """
    main = ctx.lake.table(f"analysis.{analysis.name}")
    written = ctx.extensible(main)
    version = champions(ctx.ledgers, analysis.name).version
    if written is None or version is None or not (sets.train.unchanged and sets.test.unchanged):
        return None
    if written.extra.get(_SETS) != origin(sets, version)[_SETS]:
        return None  # the run that wrote these sets was killed before it had a model
    if any(sets.train.table.name in one.tables for one in pending_erasures(ctx.lake)):
        return None
    found = written.version
    unchanged = written.extra.get(_CHAMPION) == version
    if not unchanged:
        found = _predict_again(analysis, tracking, project, ctx, sets, version)
    model = f"{project}.{analysis.name}"
    facts = KeptModelFacts("its examples are unchanged", model, version, unchanged or None)
    tables = {main.name: found} | {one.table.name: one.version for one in (sets.train, sets.test)}
    return StepOutcome(sets.test.rows, found, tables, facts)


def _predict_again(
    analysis: Analysis, tracking: str, project: str, ctx: StepContext, sets: TrainTestSets, version: str
) -> int:
    """Store the predictions of another champion for the test set."""
    from vertebra.analysis.champion import champion_of
    from vertebra.analysis.examples import load, rows_of
    from vertebra.analysis.predict import answers
    from vertebra.errors import LakeError

    rows = rows_of(analysis, sets.test)
    test = load(analysis, sets.test, load(analysis, sets.train))
    champion = champion_of(analysis, tracking, project, ctx, test, rows, sets.test)
    if champion is None or champion.predicted is None or champion.unseen is None:
        raise LakeError(
            f"version {version} of {project}.{analysis.name} cannot predict the test set",
            cause=champion.why_not if champion else "there is no such version",
            remedy=f"vertebra models rollback {analysis.name}",
        )
    table = answers(analysis, rows, champion.predicted, version, ~champion.unseen, test.classes)
    commit = ctx.commit(extra=origin(sets, version))
    return ctx.lake.table(f"analysis.{analysis.name}").write_arrow(table, commit)
