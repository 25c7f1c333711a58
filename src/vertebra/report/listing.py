"""Converts lists of steps, tables, datasets, rules, drift and versions to rows, for tables, JSON and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vertebra.lake.commit import TableVersion
    from vertebra.workspace.listing import DatasetDrift, DatasetInfo, PublicationInfo, RuleInfo, StepInfo, TableInfo

Rows = list[dict[str, Any]]
STEPS: Final = ("step", "reads", "tags")
TABLES: Final = ("table", "version", "rows", "written", "by")
DATASETS: Final = ("dataset", "source", "batches", "records", "collected", "every", "file", "description")
RULES: Final = ("dataset", "rule", "class", "denies")
HISTORY: Final = ("version", "at", "operation", "step", "run_id", "inputs")
DRIFT: Final = (
    "dataset", "column", "drift", "detail", "policy", "batches", "first_seen", "last_seen", "suggestion",
)  # fmt: skip
PUBLICATIONS: Final = (
    "publication", "table", "to", "state", "version", "rows", "sent", "location", "description",
)  # fmt: skip


def step_rows(steps: Iterable[StepInfo]) -> Rows:
    """Steps with the columns of :data:`STEPS`."""
    return [{"step": one.step, "reads": ", ".join(one.reads), "tags": ", ".join(one.tags)} for one in steps]


def rows_of(listed: Iterable[TableInfo | DatasetInfo | PublicationInfo], columns: Sequence[str]) -> Rows:
    """Tables, datasets or publications, with the columns of :data:`TABLES`, :data:`DATASETS`, :data:`PUBLICATIONS`."""
    return [{name: getattr(one, name) for name in columns} for one in listed]


def rule_rows(rules: Iterable[RuleInfo]) -> Rows:
    """Rules with the columns of :data:`RULES`."""
    return [
        {"dataset": one.dataset, "rule": one.rule, "class": one.constraint_class, "denies": one.denies} for one in rules
    ]


def drift_rows(drift: Iterable[DatasetDrift]) -> Rows:
    """Drift of columns with the columns of :data:`DRIFT`."""
    return [_drift_row(one) for one in drift]


def _drift_row(one: DatasetDrift) -> dict[str, Any]:
    change = one.change
    several = change.last_batch > change.first_batch
    return {
        "dataset": one.dataset,
        "column": change.column,
        "drift": change.kind,
        "detail": change.detail,
        "policy": change.policy,
        "batches": f"{change.first_batch}–{change.last_batch}" if several else change.first_batch,
        "first_seen": change.first_seen,
        "last_seen": change.last_seen,
        "suggestion": change.suggestion,
    }


def history_rows(versions: Iterable[TableVersion]) -> Rows:
    """Versions of a table with the columns of :data:`HISTORY`."""
    return [
        {
            "version": entry.version,
            "at": entry.at,
            "operation": entry.operation,
            "step": entry.step,
            "run_id": entry.run_id,
            "inputs": ", ".join(f"{name}@{version}" for name, version in entry.inputs.items()),
        }
        for entry in versions
    ]
