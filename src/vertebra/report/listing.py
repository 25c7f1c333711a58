"""Lists: the steps of a project, the tables of a lake, the registry of data sources, the history of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vertebra.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.denial import Notation
    from vertebra.workspace.tables import TableHandle
    from vertebra.workspace.workspace import Workspace

Rows = list[dict[str, Any]]
DRIFT: Final = (
    "dataset", "column", "drift", "detail", "policy", "batches", "first_seen", "last_seen", "suggestion",
)  # fmt: skip
PUBLICATIONS: Final = (
    "publication", "table", "to", "state", "version", "rows", "sent", "location", "description",
)  # fmt: skip


def steps(space: Workspace, wanted: Sequence[str], excluded: Sequence[str]) -> Rows:
    """The selected steps in the order they run, with what each reads."""
    from vertebra.pipeline.plan import graph_of, modified_steps
    from vertebra.pipeline.selection import select
    from vertebra.pipeline.state import State

    graph = graph_of(space.project)
    state = State(space.lake, space.ledgers)
    chosen = select(graph, wanted, excluded, lambda: modified_steps(graph, state, space.project))
    found = [graph.steps[name] for name in chosen]
    return [{"step": s.name, "reads": ", ".join(s.inputs), "tags": ", ".join(s.tags)} for s in found]


def tables(space: Workspace) -> Rows:
    """Every table that was written: version, rows, when and by which step."""
    found = []
    for table in space.lake.tables():
        latest = table.latest()
        about = {"version": latest.version, "written": latest.at, "by": latest.step} if latest else {}
        found.append({"table": table.name, "rows": table.rows(), **about})
    return found


def rules(space: Workspace, notation: Notation) -> Rows:
    """Every rule of every dataset, as a denial constraint; a reference, which is none, in words.

    Args:
        notation: a rule that HoloClean's notation cannot express has none there.
    """
    from vertebra.declare.rules import rules_of
    from vertebra.denial import Inclusion, classify, written
    from vertebra.errors import RuleError

    found = []
    for name, dataset in space.project.datasets.items():
        for rule in rules_of(dataset, space.project.datasets):
            kind, text = "reference", None
            if not isinstance(rule.constraint, Inclusion):
                kind = classify(rule.constraint).name
                try:
                    text = written(rule.constraint, notation)
                except RuleError:
                    text = None
            elif notation != "holoclean":
                text = str(rule.constraint) if notation == "logic" else rule.constraint.text
            found.append({"dataset": name, "rule": rule.name, "class": kind, "denies": text})
    return found


def datasets(space: Workspace) -> Rows:
    """The registry of data sources: each dataset, where it comes from and what was received."""
    from vertebra.lake.batches import batches

    found = []
    for name, dataset in space.project.datasets.items():
        landed = batches(space.lake.landing, dataset.source, name)
        found.append(
            {
                "dataset": name,
                "source": dataset.source,
                "batches": len(landed),
                "records": sum(batch.receipt.records for batch in landed),
                "collected": landed[-1].receipt.collected_at if landed else None,
                "every": dataset.collect.every,
                "file": dataset.declared_in,
                "description": dataset.description,
            }
        )
    return found


def publications(space: Workspace) -> Rows:
    """Every publication: how its last attempt ended, and what was sent last, when and where."""
    recorded = space.ledgers.read("publications").sort_by("recorded_at").to_pylist()
    attempts = {row["publication"]: row for row in recorded}
    sent = {row["publication"]: row for row in recorded if row["state"] == "sent"}
    found = []
    for name, one in space.project.publications.items():
        attempt, last = attempts.get(name), sent.get(name, {})
        found.append(
            {
                "publication": name,
                "table": one.table,
                "to": one.to,
                "state": attempt["state"] if attempt else "never sent",
                "version": last.get("table_version"),
                "rows": last.get("rows"),
                "sent": last.get("recorded_at"),
                "location": last.get("location"),
                "description": one.description,
            }
        )
    return found


def drift(space: Workspace, wanted: Sequence[str]) -> Rows:
    """How the columns of each dataset's batches differ from the declared ones and change.

    Args:
        wanted: names of datasets; all when there are none.
    """
    from vertebra.governance.drift import drift_of
    from vertebra.lake.batches import batches

    return [
        {
            "dataset": name,
            "column": one.column,
            "drift": one.kind,
            "detail": one.detail,
            "policy": one.policy,
            "batches": f"{one.first_batch}–{one.last_batch}" if one.last_batch > one.first_batch else one.first_batch,
            "first_seen": one.first_seen,
            "last_seen": one.last_seen,
            "suggestion": one.suggestion,
        }
        for name, dataset in space.project.datasets.items()
        if not wanted or name in wanted
        for one in drift_of(dataset, batches(space.lake.landing, dataset.source, name))
    ]


def history(handle: TableHandle, limit: int) -> Rows:
    """The versions of a table, newest first."""
    return [
        {
            "version": entry.version,
            "at": entry.at,
            "operation": entry.operation,
            "step": entry.step,
            "run_id": entry.run_id,
            "inputs": ", ".join(f"{name}@{version}" for name, version in entry.inputs.items()),
        }
        for entry in handle.history(limit)
    ]


def columns_of(names: Sequence[str], wanted: str | None, table: str) -> list[str]:
    """The wanted columns of a table, all when none is named.

    Raises:
        LakeError: the table has no such column.
    """
    if not wanted:
        return list(names)
    from vertebra.pipeline.selection import did_you_mean

    chosen = [name.strip() for name in wanted.split(",")]
    for name in chosen:
        if name not in names:
            raise LakeError(
                f"{table} has no column {name}",
                remedy=did_you_mean(name, names, f"its columns are {', '.join(names)}"),
            )
    return chosen
