"""Checking data against its rules without writing anything."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vertebra.errors import LakeError
from vertebra.governance.context import Progress, StepContext, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vertebra.trusted.assess import Assessment
    from vertebra.trusted.detect import RulePlan
    from vertebra.workspace.workspace import Workspace


def check(
    space: Workspace, datasets: Sequence[str], zone: str = "formatted", progress: Progress = silent
) -> Mapping[str, Assessment]:
    """Assess tables against the rules as they are declared now; nothing is written.

    Args:
        datasets: names of declared datasets.
        zone: ``formatted`` (before cleaning) or ``trusted`` (after).

    Raises:
        LakeError: a table that is needed was not written yet.
    """
    from vertebra.trusted.clean import check as assess

    declared, now = space.project.datasets, datetime.now(UTC)

    def assessed(name: str) -> Assessment:
        with tempfile.TemporaryDirectory(prefix="check-", dir=_scratch(space)) as folder:
            context = StepContext(
                run_id="check",
                step=f"check.{name}",
                fingerprint="",
                inputs=_versions(space, name, zone),
                now=now,
                lake=space.lake,
                engine=space.engine,
                ledgers=space.ledgers,
                scratch=Path(folder),
                progress=progress,
            )
            return assess(declared[name], context, zone, declared)

    found: dict[str, Assessment] = {}
    for name in datasets:
        progress(f"checking {zone}.{name}")
        found[name] = space.engine.attempt(partial(assessed, name), progress)
    return found


def explain(space: Workspace, datasets: Sequence[str]) -> dict[str, tuple[RulePlan, ...]]:
    """How the rules of datasets would be checked, as they are declared now; no data are read.

    Args:
        datasets: names of declared datasets.

    Raises:
        RuleError: a rule has no exact plan.
    """
    from vertebra.declare.rules import rules_of
    from vertebra.trusted.detect import explain as explained

    declared = space.project.datasets
    rules = {name: rules_of(declared[name], declared) for name in datasets}
    return {name: explained(name, declared, own) for name, own in rules.items() if own}


def _scratch(space: Workspace) -> Path:
    """Next to the lake's data, where the engine can write: it may be on another machine."""
    folder = space.lake.root / ".check"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _versions(space: Workspace, name: str, zone: str) -> dict[str, int]:
    from vertebra.trusted.clean import inputs_of

    wanted = [f"{zone}.{name}", *inputs_of(space.project.datasets[name], space.project.datasets)[1:]]
    absent = [table for table in wanted if not space.lake.table(table).exists()]
    if absent:
        raise LakeError(
            f"{name} cannot be checked: {' and '.join(absent)} not written yet",
            remedy=f"vertebra run --select +{absent[0]}",
        )
    return {table: space.lake.table(table).version() for table in wanted}
