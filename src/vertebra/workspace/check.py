"""Checking the tables of a project against its rules; nothing is written."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vertebra.errors import LakeError, VertebraError
from vertebra.governance.context import Progress, StepContext, silent
from vertebra.governance.ledgers import Ledgers
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine
    from vertebra.lake.catalog import Lake
    from vertebra.trusted.assess import Assessment
    from vertebra.trusted.detect import RulePlan


@dataclass(frozen=True)
class ProjectCheck:
    """The result of a check of a project's tables.

    Attributes:
        assessments: the measures of each dataset, by name.
        failing: rules declared with ``on_violation: fail`` that have violations nobody accepted, as ``dataset.rule``.
    """

    assessments: Mapping[str, Assessment]
    failing: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether no rule declared with ``on_violation: fail`` is failing."""
        return not self.failing


def check_tables(
    project: Project,
    lake: Lake,
    engine: Engine,
    names: Sequence[str],
    zone: str = "formatted",
    progress: Progress = silent,
) -> ProjectCheck:
    """Assess tables against the rules as they are declared now; nothing is written.

    Args:
        names: of declared datasets.
        zone: ``formatted`` (before cleaning) or ``trusted`` (after).
        progress: receives what is being done.

    Raises:
        LakeError: a table that is needed was not written yet.
        VertebraError: there is no such zone.
    """
    if zone not in DATASET_ZONES:
        raise VertebraError(f"{zone!r} is not {' or '.join(DATASET_ZONES)}", remedy="vertebra check --zone trusted")
    folder = lake.root / ".check"
    # next to the lake's data, where the engine can write: it may be on another machine
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)

    def assessed(name: str) -> Assessment:
        from vertebra.trusted.clean import check

        with tempfile.TemporaryDirectory(prefix="check-", dir=folder) as scratch:
            context = StepContext(
                run_id="check",
                step=f"check.{name}",
                fingerprint="",
                inputs=_versions(project, lake, name, zone),
                now=now,
                lake=lake,
                engine=engine,
                ledgers=Ledgers(lake),
                scratch=Path(scratch),
                progress=progress,
            )
            return check(project.datasets[name], context, zone, project.datasets)

    found: dict[str, Assessment] = {}
    for name in names:
        progress(f"checking {zone}.{name}")
        found[name] = engine.attempt(partial(assessed, name), progress)
    return ProjectCheck(found, tuple(_failing(project, found)))


def plan_rules(project: Project, names: Sequence[str]) -> dict[str, tuple[RulePlan, ...]]:
    """How the currently declared rules of datasets would be checked; no data are read.

    Args:
        names: of declared datasets.

    Raises:
        RuleError: a rule has no exact plan.
    """
    from vertebra.declare.rules import rules_of
    from vertebra.trusted.detect import explain

    rules = {name: rules_of(project.datasets[name], project.datasets) for name in names}
    return {name: explain(name, project.datasets, own) for name, own in rules.items() if own}


def _failing(project: Project, found: Mapping[str, Assessment]) -> list[str]:
    """The rules declared ``on_violation: fail`` that have violations nobody accepted."""
    from vertebra.declare.rules import rules_of
    from vertebra.declare.table_rule_compiler import table_rules_of

    failing = [
        f"{name}.{rule.name}"
        for name, assessment in found.items()
        for rule in rules_of(project.datasets[name], project.datasets)
        if rule.on_violation == "fail" and assessment.value("rule", rule.name, "unresolved")
    ]
    return failing + [
        f"{name}.{rule.name}"
        for name, assessment in found.items()
        for rule in table_rules_of(project.datasets[name])
        if rule.on_violation == "fail" and assessment.value("rule", rule.name, "violated")
    ]


def _versions(project: Project, lake: Lake, name: str, zone: str) -> dict[str, int]:
    from vertebra.trusted.inputs import inputs_of

    wanted = [f"{zone}.{name}", *inputs_of(project.datasets[name], project.datasets)[1:]]
    absent = [table for table in wanted if not lake.table(table).exists()]
    if absent:
        raise LakeError(
            f"{name} cannot be checked: {' and '.join(absent)} not written yet",
            remedy=f"vertebra run --select +{absent[0]}",
        )
    return {table: lake.table(table).version() for table in wanted}
