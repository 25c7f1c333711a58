"""Champions of analyses: what people promote, and how two versions compare on the same rows."""

from __future__ import annotations

import getpass
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vertebra.errors import DecisionError, LakeError
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.promotions import Action, Champions, Promotion, champions, record_promotion
from vertebra.lake.owner import hold
from vertebra.pipeline.dispatch import tracking_uri
from vertebra.workspace.lookup import analysis_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.declare.analysis import Analysis
    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine
    from vertebra.lake.catalog import Lake


@dataclass(frozen=True)
class ModelComparison:
    """Two versions of a model on the same test rows, which neither was trained on.

    Attributes:
        analysis: its name.
        first, second: the versions.
        rows: how many rows they were compared on.
        metric: the declared metric.
        scores: of both, by metric.
        low, high: the bounds of the 95 % interval of the improvement of the second over the first; positive is better.
    """

    analysis: str
    first: str
    second: str
    rows: int
    metric: str
    scores: Mapping[str, tuple[float, float]]
    low: float
    high: float

    @property
    def better(self) -> str | None:
        """The version that is better by more than chance; None if neither is."""
        return self.second if self.low > 0 else self.first if self.high < 0 else None


def decide_champion(
    project: Project, lake: Lake, name: str, action: Action, version: str | None, reason: str, by: str | None
) -> Promotion:
    """Make a version the champion, go back to the one before, or let runs choose again.

    Args:
        version: for ``promote``.
        reason: why; it is recorded.
        by: who decides; by default the user.

    Raises:
        DecisionError: no reason is given, or there is nothing to do.
        LakeError: there is no such version, or it cannot predict from what is declared now.
        BusyError: a run holds the lake.
    """
    from vertebra.analysis import track
    from vertebra.analysis.recipe import as_trained, registered

    analysis = analysis_named(project, name)
    if not reason.strip():
        raise DecisionError(
            f"why {action} a model of {analysis.name}?",
            cause="the reason is recorded, for those who look at its predictions later",
            remedy=f'vertebra models {action} {analysis.name}{f" {version}" if version else ""} --reason "…"',
        )
    tracking, model = tracking_uri(project), track.model_name(project.settings.name, analysis)
    with hold(lake.root, project.settings.name, f"{action} a model of {analysis.name}"):
        ledgers = Ledgers(lake)
        known = champions(ledgers, analysis.name)
        chosen = _version(analysis, known, action, version)
        row = registered(ledgers, model, chosen)
        with tempfile.TemporaryDirectory() as folder:
            track.load(as_trained(analysis, row, tracking), tracking, row, Path(folder))
        who = by or getpass.getuser()
        before = known.version or ""
        made = Promotion(datetime.now(UTC), who, action, analysis.name, model, chosen, before, reason.strip())
        record_promotion(ledgers, made)
        track.deploy(tracking, model, chosen)
    return made


def _version(analysis: Analysis, known: Champions, action: Action, version: str | None) -> str:
    """The champion after a decision."""
    name = analysis.name
    if known.version is None:
        raise DecisionError(f"{name} has no model", cause="none was trained yet", remedy="vertebra run")
    if action == "promote":
        if version == known.version and known.held is not None:
            raise DecisionError(
                f"version {version} of {name} is the champion already",
                cause=str(known.held),
                remedy=f'vertebra models release {name} --reason "…", to let runs choose again',
            )
        return version or ""
    if action == "rollback":
        if not known.earlier:
            raise DecisionError(
                f"{name} has no champion before version {known.version}",
                cause="it is the first one",
                remedy=f"vertebra models {name} --history",
            )
        return known.earlier[-1]
    if known.held is None:
        raise DecisionError(
            f"no person holds the champion of {name}",
            cause="runs choose it",
            remedy=f'vertebra models promote {name} VERSION --reason "…"',
        )
    return known.version


def compare(project: Project, lake: Lake, engine: Engine, name: str, first: str, second: str | None) -> ModelComparison:
    """Compare two versions on the present test set of an analysis.

    Args:
        second: by default the champion.

    Raises:
        LakeError: there is no such version or test set, or a version cannot predict it.
    """
    from vertebra.analysis import track
    from vertebra.analysis.champion import ask_version
    from vertebra.analysis.examples import load, rows_of
    from vertebra.analysis.features import GROUP
    from vertebra.analysis.paired import improvement
    from vertebra.analysis.split import PinnedSet
    from vertebra.declare.task import metric_of, metrics_of
    from vertebra.governance.context import StepContext

    analysis = analysis_named(project, name)
    ledgers = Ledgers(lake)
    second = second or champions(ledgers, analysis.name).version
    table = lake.table(f"analysis.{analysis.name}_test")
    newest = table.newest_data() if table.exists() else None
    if newest is None or second is None:
        raise LakeError(f"{analysis.name} has no model", cause="none was trained yet", remedy="vertebra run")
    pinned = PinnedSet(table, newest.version, table.rows(newest.version))
    tracking, model = tracking_uri(project), track.model_name(project.settings.name, analysis)
    analysis = _as_tested(analysis, ledgers, newest.version, tracking)
    rows, test = rows_of(analysis, pinned), load(analysis, pinned)
    asked: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        for one in (first, second):
            scratch = Path(folder) / one
            scratch.mkdir(exist_ok=True)
            ctx = StepContext(
                "", "compare", "", newest.inputs, datetime.now(UTC), lake, engine, ledgers, scratch
            )  # fmt: skip
            found = ask_version(analysis, tracking, model, one, ctx, test, rows, pinned)
            if found.predicted is None or found.unseen is None:
                raise LakeError(
                    f"version {one} of {analysis.name} cannot be compared",
                    cause=found.why_not,
                    remedy=f"vertebra models {analysis.name} --history",
                )
            asked.append(found)
    both = asked[0].unseen & asked[1].unseen
    if not both.any():
        raise LakeError(
            f"versions {first} and {second} of {analysis.name} cannot be compared",
            cause="one of them was trained on each row of the present test set",
            remedy="wait for newer data, or choose a later test set",
        )
    observed, old, new = (values[both] for values in (test.label, asked[0].predicted, asked[1].predicted))
    scores = {
        one.name: (one.score(observed, old), one.score(observed, new))
        for one in metrics_of(analysis.task)
        if one.compares
    }
    groups = rows.filter(both).column(GROUP).to_pylist()
    gained = improvement(metric_of(analysis), observed, new, old, groups, analysis.seed)
    return ModelComparison(
        analysis.name, first, second, int(both.sum()), analysis.metric, scores, gained.low, gained.high
    )


def _as_tested(analysis: Analysis, ledgers: Ledgers, version: int, tracking: str) -> Analysis:
    """The analysis with the features that a version of its test set has."""
    from vertebra.analysis.recipe import as_trained

    made = [row for row in ledgers.rows("models") if row["model_sha256"] and row["test_version"] == version]
    own = [row for row in made if row["analysis"] == analysis.name]
    return as_trained(analysis, own[-1], tracking) if own else analysis
