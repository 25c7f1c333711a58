"""Decisions of people about single rows, cells and violations; later runs of the trusted zone respect them.

A decision is about one subject: a row (release it from quarantine), a violation (accept it) or a cell (undo a repair,
or override the value). If there are several decisions about a subject, the latest is in force; after ``withdraw``, none
is. Callers of the functions that record a decision must hold the lease of the lake.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pyarrow as pa

from vertebra.errors import DecisionError
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.row_table import rows_of
from vertebra.governance.schemas import LEDGERS
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.trusted.cells import parsed

Kind = Literal["release", "accept", "undo", "override", "withdraw"]
Cell = tuple[int, str]
Violation = tuple[str, int]


@dataclass(frozen=True)
class Decision:
    """One decision: a row of the ledger ``decisions``.

    Attributes:
        decided_at: UTC; always later than that of earlier decisions, even if the clock was set back.
        decision: ``release`` a row, ``accept`` a violation, ``undo`` a repair, ``override`` a cell, or ``withdraw``
            the decision about the same row, violation or cell.
        dataset: name of the dataset.
        rid: the row's ``_rid``.
        column_name: of the cell, for ``undo`` and ``override``.
        rule: of the violation, for ``accept``.
        value: the cell's new value as text, for ``override``; None is NULL.
    """

    decided_at: datetime
    decided_by: str
    decision: Kind
    dataset: str
    rid: int
    column_name: str | None = None
    rule: str | None = None
    value: str | None = None
    comment: str = ""

    @property
    def subject(self) -> tuple[int, str, str]:
        """The row, cell or violation that it is about; later decisions about a subject replace earlier ones."""
        return (self.rid, self.column_name or "", self.rule or "")


@dataclass(frozen=True)
class DecisionsInForce:
    """The decisions in force for one dataset.

    Attributes:
        released: rows that stay out of quarantine.
        accepted: violations, as (rule, rid), that are not repaired, not quarantined, and do not fail the run.
        undone: cells that no rule repairs.
        overridden: the value, as text, that each of these cells gets.
    """

    released: frozenset[int] = frozenset()
    accepted: frozenset[Violation] = frozenset()
    undone: frozenset[Cell] = frozenset()
    overridden: Mapping[Cell, str | None] = field(default_factory=dict)


def release(lake: Lake, dataset: str, rid: int, comment: str = "", *, by: str, at: datetime) -> Decision:
    """Return a quarantined row to the trusted table.

    Raises:
        DecisionError: the row is not in quarantine.
    """
    if not _has(quarantined(Ledgers(lake), dataset), rid=rid):
        raise DecisionError(
            f"row {rid} of {dataset} is not in quarantine",
            cause="the last run did not put it there, or it was released since",
            remedy=f"vertebra quarantine list {dataset}",
        )
    return _record(lake, Decision(at, by, "release", dataset, rid, comment=comment))


def undo(lake: Lake, dataset: str, rid: int, column: str, comment: str = "", *, by: str, at: datetime) -> Decision:
    """Undo a repair: the cell gets its formatted value back.

    Raises:
        DecisionError: the cell was not repaired.
    """
    if not _has(repaired(Ledgers(lake), dataset), rid=rid, column_name=column):
        raise DecisionError(
            f"{column} of row {rid} of {dataset} was not repaired",
            cause="the last run did not change the cell",
            remedy=f"vertebra repairs list {dataset}",
        )
    return _record(lake, Decision(at, by, "undo", dataset, rid, column_name=column, comment=comment))


def accept(lake: Lake, dataset: str, rule: str, rid: int, comment: str = "", *, by: str, at: datetime) -> Decision:
    """Accept a violation: the rule does not repair or quarantine the row, and does not fail because of it.

    Raises:
        DecisionError: the row does not violate the rule.
    """
    import pyarrow.compute as pc

    ledger = Ledgers(lake).table("violations")
    matches = (pc.field("dataset") == dataset) & (pc.field("rule") == rule) & (pc.field("rid") == rid)
    if not ledger.exists() or not ledger.arrow().count_rows(filter=matches):
        raise DecisionError(
            f"row {rid} of {dataset} does not violate {rule}",
            cause="the last run found no such violation",
            remedy=f"vertebra sql \"select * from governance.violations where dataset = '{dataset}' limit 20\"",
        )
    return _record(lake, Decision(at, by, "accept", dataset, rid, rule=rule, comment=comment))


def override(
    lake: Lake, dataset: str, rid: int, column: str, value: str | None, comment: str = "", *, by: str, at: datetime
) -> Decision:
    """Set a cell to a value.

    Args:
        value: as text, in the form of the ledger ``repairs``; None is NULL.

    Raises:
        DecisionError: there is no such row or column, or the value is not of the column's type.
        LakeError: the dataset has no formatted table yet.
    """
    import pyarrow.compute as pc

    table = lake.table(f"formatted.{dataset}")
    schema = table.schema()
    if column not in schema.names or column.startswith("_"):
        known = ", ".join(name for name in schema.names if not name.startswith("_"))
        raise DecisionError(
            f"{dataset} has no column {column}",
            cause=f"its columns are {known}",
            remedy=f"vertebra show formatted.{dataset}",
        )
    if not table.arrow().count_rows(filter=pc.field("_rid") == rid):
        raise DecisionError(
            f"{dataset} has no row {rid}",
            cause="no formatted row has this _rid",
            remedy=f'vertebra sql "select _rid, * from formatted.{dataset} limit 5"',
        )
    kind = schema.field(column).type
    try:
        parsed(value, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DecisionError(
            f"{value!r} is not a value of {dataset}.{column}",
            cause=f"the column is {kind}: {error}",
            remedy=f"give a {kind}, or no value for NULL",
        ) from None
    return _record(lake, Decision(at, by, "override", dataset, rid, column_name=column, value=value, comment=comment))


def withdraw(
    lake: Lake,
    dataset: str,
    rid: int,
    column: str | None = None,
    rule: str | None = None,
    comment: str = "",
    *,
    by: str,
    at: datetime,
) -> Decision:
    """Withdraw the decision about a row, a cell (``column``) or a violation (``rule``).

    Raises:
        DecisionError: there is no decision about it.
    """
    decision = Decision(at, by, "withdraw", dataset, rid, column_name=column, rule=rule, comment=comment)
    in_force = _in_force(Ledgers(lake), dataset)
    if decision.subject not in {one.subject for one in in_force}:
        raise DecisionError(
            f"there is no decision about {column or rule or 'row'} {rid} of {dataset}",
            cause="no decision was made, or it was withdrawn",
            remedy='vertebra sql "select * from governance.decisions order by decided_at desc"',
        )
    return _record(lake, decision)


def decisions_in_force(ledgers: Ledgers, dataset: str) -> DecisionsInForce:
    """The decisions in force for a dataset."""
    in_force = _in_force(ledgers, dataset)
    return DecisionsInForce(
        released=frozenset(one.rid for one in in_force if one.decision == "release"),
        accepted=frozenset((one.rule or "", one.rid) for one in in_force if one.decision == "accept"),
        undone=frozenset((one.rid, one.column_name or "") for one in in_force if one.decision == "undo"),
        overridden={(one.rid, one.column_name or ""): one.value for one in in_force if one.decision == "override"},
    )


def decisions_digest(ledgers: Ledgers, dataset: str) -> str:
    """A hash of the decisions in force for a dataset, for the fingerprint of its step; empty when there are none."""
    in_force = _in_force(ledgers, dataset)
    if not in_force:
        return ""
    content = sorted((one.subject, one.decision, one.value or "", one.value is None) for one in in_force)
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def quarantined(ledgers: Ledgers, dataset: str | None = None) -> pa.Table:
    """The rows in quarantine, of one dataset or of all: the ``quarantine`` ledger, by dataset and rid."""
    return _listed(ledgers, "quarantine", dataset)


def repaired(ledgers: Ledgers, dataset: str | None = None) -> pa.Table:
    """The repairs in force, of one dataset or of all: the ``repairs`` ledger, by dataset, rid and column."""
    return _listed(ledgers, "repairs", dataset)


def _listed(ledgers: Ledgers, ledger: str, dataset: str | None) -> pa.Table:
    import pyarrow.compute as pc

    table = ledgers.table(ledger)
    if not table.exists():
        return LEDGERS[ledger].empty_table()
    only = pc.field("dataset") == dataset if dataset else None
    found = table.arrow().to_table(filter=only)
    order = [name for name in ("dataset", "rid", "column_name") if name in found.column_names]
    return found.sort_by([(name, "ascending") for name in order])


def _has(table: pa.Table, **values: Any) -> bool:
    import pyarrow.compute as pc

    mask = None
    for name, value in values.items():
        equal = pc.field(name) == value
        mask = equal if mask is None else mask & equal
    return bool(table.filter(mask).num_rows)


def _record(lake: Lake, decision: Decision) -> Decision:
    import pyarrow.compute as pc

    commit = Commit(run_id=f"decision-{decision.decided_at:%Y%m%dT%H%M%S}", step="decision", fingerprint="")
    ledgers = Ledgers(lake)
    last = pc.max(ledgers.read("decisions", ["decided_at"]).column("decided_at")).as_py()
    if last is not None and last >= decision.decided_at:
        # the clock stepped back; the latest decision is the one in force
        decision = replace(decision, decided_at=last + timedelta(microseconds=1))
    ledgers.append("decisions", [asdict(decision)], commit)
    return decision


def _in_force(ledgers: Ledgers, dataset: str) -> list[Decision]:
    """The latest decision about each subject, without withdrawn ones."""
    rows = rows_of(ledgers.read("decisions"))
    latest: dict[tuple[int, str, str], Decision] = {}
    found = (Decision(**row) for row in rows if row["dataset"] == dataset)
    for decision in sorted(found, key=lambda one: one.decided_at):
        latest[decision.subject] = decision
    return [one for one in latest.values() if one.decision != "withdraw"]
