"""Lists of the contents of a project and its lake: steps, datasets, rules, tables, drift of columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vertebra.declare.project import Project
    from vertebra.declare.rules import NamedRule
    from vertebra.denial import Notation
    from vertebra.governance.drift import ColumnDrift
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake


@dataclass(frozen=True)
class StepInfo:
    """One step of the pipeline.

    Attributes:
        step: its name, ``zone.subject``.
        reads: the tables it reads, or ``landing.<dataset>`` for batches.
        tags: of its declaration.
    """

    step: str
    reads: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class TableInfo:
    """One table that was written.

    Attributes:
        table: its qualified name.
        version: the latest version.
        rows: in the latest version.
        written: when the latest version was committed, UTC.
        by: the step that committed it.
    """

    table: str
    version: int
    rows: int
    written: datetime
    by: str


@dataclass(frozen=True)
class DatasetInfo:
    """One declared dataset and its landed batches.

    Attributes:
        batches, records: how many were received.
        collected: when the newest batch was collected, UTC; None before the first.
        every: its schedule as declared; None without one.
        file: the file that declares it.
    """

    dataset: str
    source: str
    batches: int
    records: int
    collected: datetime | None
    every: str | None
    file: str
    description: str


@dataclass(frozen=True)
class PublicationInfo:
    """One publication: how its last attempt ended, and what was sent last.

    Attributes:
        publication: its name.
        table: the table that is sent.
        to: the target.
        state: how the last attempt ended; ``never sent`` before the first.
        version, rows, sent, location: of what was sent last: the table's version, rows, time (UTC) and place.
    """

    publication: str
    table: str
    to: str
    state: str
    version: int | None
    rows: int | None
    sent: datetime | None
    location: str | None
    description: str


@dataclass(frozen=True)
class RuleInfo:
    """One rule of a dataset.

    Attributes:
        constraint_class: the class of its denial constraint, ``reference``, or ``whole table``.
        denies: the condition that must not hold, in the requested notation; None if the notation cannot express it. For
            a rule about the whole table, what must hold, in words.
    """

    dataset: str
    rule: str
    constraint_class: str
    denies: str | None


@dataclass(frozen=True)
class DatasetDrift:
    """One difference of a dataset's batches from its declared columns, or between batches."""

    dataset: str
    change: ColumnDrift


def list_steps(
    project: Project, lake: Lake, ledgers: Ledgers, selected: Sequence[str], excluded: Sequence[str]
) -> list[StepInfo]:
    """The selected steps, in the order they run.

    Raises:
        SelectionError: a selection matches nothing.
    """
    from vertebra.pipeline.plan import graph_of, modified_steps
    from vertebra.pipeline.selection import select
    from vertebra.pipeline.state import State

    graph = graph_of(project)
    state = State(lake, ledgers)
    chosen = select(graph, selected, excluded, lambda: modified_steps(graph, state, project))
    return [StepInfo(step.name, step.inputs, step.tags) for step in map(graph.steps.__getitem__, chosen)]


def list_tables(project: Project, lake: Lake, ledgers: Ledgers) -> list[TableInfo]:
    """Every table that was written, without those of retired datasets."""
    from vertebra.workspace.retire import undeclared_datasets

    retired = {name for one in undeclared_datasets(project, lake, ledgers) if one.retired for name in one.tables}
    found = []
    for table in lake.tables():
        if table.name in retired:
            continue
        latest = table.latest()
        if latest is not None:
            found.append(TableInfo(table.name, latest.version, table.rows(), latest.at, latest.step))
    return found


def list_datasets(project: Project, lake: Lake) -> list[DatasetInfo]:
    """Every declared dataset."""
    from vertebra.lake.batches import batches

    found = []
    for name, dataset in project.datasets.items():
        landed = batches(lake.landing, dataset.source, name)
        found.append(
            DatasetInfo(
                dataset=name,
                source=dataset.source,
                batches=len(landed),
                records=sum(batch.receipt.records for batch in landed),
                collected=landed[-1].receipt.collected_at if landed else None,
                every=dataset.collect.every,
                file=dataset.declared_in,
                description=dataset.description,
            )
        )
    return found


def list_publications(project: Project, ledgers: Ledgers) -> list[PublicationInfo]:
    """Every publication: how its last attempt ended, and what was sent last, when and where."""
    recorded = ledgers.read("publications").sort_by("run_id").to_pylist()
    attempts = {row["publication"]: row for row in recorded}
    sent = {row["publication"]: row for row in recorded if row["state"] == "sent"}
    found = []
    for name, one in project.publications.items():
        attempt, last = attempts.get(name), sent.get(name, {})
        found.append(
            PublicationInfo(
                publication=name,
                table=one.table,
                to=one.to,
                state=attempt["state"] if attempt else "never sent",
                version=last.get("table_version"),
                rows=last.get("rows"),
                sent=last.get("recorded_at"),
                location=last.get("location"),
                description=one.description,
            )
        )
    return found


def list_rules(project: Project, names: Sequence[str], notation: Notation) -> list[RuleInfo]:
    """The rules of datasets as denial constraints; references, which are not denial constraints, in words.

    Args:
        names: of datasets.
        notation: of the denial constraints.
    """
    from vertebra.declare.rules import rules_of
    from vertebra.declare.table_rule_compiler import table_rules_of
    from vertebra.workspace.check_result import WHOLE_TABLE

    return [
        info
        for name in names
        for dataset in (project.datasets[name],)
        for info in (
            *(_rule_info(name, rule, notation) for rule in rules_of(dataset, project.datasets)),
            *(RuleInfo(name, rule.name, WHOLE_TABLE, str(rule.condition)) for rule in table_rules_of(dataset)),
        )
    ]


def _rule_info(dataset: str, rule: NamedRule, notation: Notation) -> RuleInfo:
    from vertebra.denial import Inclusion, classify, format_constraint

    if isinstance(rule.constraint, Inclusion):
        texts = {"logic": str(rule.constraint), "vertebra": rule.constraint.text}
        return RuleInfo(dataset, rule.name, "reference", texts.get(notation))
    try:
        text: str | None = format_constraint(rule.constraint, notation)
    except RuleError:
        text = None
    return RuleInfo(dataset, rule.name, classify(rule.constraint).name, text)


def list_drift(project: Project, lake: Lake, names: Sequence[str]) -> list[DatasetDrift]:
    """How the columns of the batches of datasets differ from the declared ones, and change from batch to batch."""
    from vertebra.governance.drift import drift_of
    from vertebra.lake.batches import batches

    return [
        DatasetDrift(name, change)
        for name, dataset in ((name, project.datasets[name]) for name in names)
        for change in drift_of(dataset, batches(lake.landing, dataset.source, name))
    ]
