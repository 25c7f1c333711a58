"""Decisions of people about single rows, cells and violations; later runs of the trusted zone respect them.

A decision is about one subject: a row (release it from quarantine), a violation (accept it) or a cell (undo a repair,
or override the value). If there are several decisions about a subject, the latest is in force; after ``withdraw``, none
is. The subject is found again in later batches (:mod:`vertebra.trusted.decided_rows`); :mod:`vertebra.trusted.decide`
records decisions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from vertebra.governance.ledgers import Ledgers
from vertebra.governance.row_table import rows_of
from vertebra.governance.schemas import LEDGERS
from vertebra.trusted.decided_rows import locate
from vertebra.trusted.labels import Label, label_of

if TYPE_CHECKING:
    import pyarrow as pa

    from vertebra.declare.dataset import Dataset
    from vertebra.lake.catalog import Lake

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
        comment: why.
        row_key: the declared key of the row, by which it is found in later batches, as JSON; None if it has none.
        row_values: the values that the decision is about, as JSON: of the cell, or of the columns of the rules.
        proposed: the repairs of the cell that methods had made or proposed, as JSON; None if there were none.
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
    row_key: str | None = None
    row_values: str | None = None
    proposed: str | None = None

    @property
    def subject(self) -> tuple[str, str, str]:
        """The row, cell or violation that it is about; later decisions about a subject replace earlier ones."""
        return (self.row_key or str(self.rid), self.column_name or "", self.rule or "")


@dataclass(frozen=True)
class Standing:
    """Whether a decision applies to the present rows.

    Attributes:
        decision: the decision.
        rid: the row's ``_rid`` now; None when the decision does not apply.
        lapsed: why it does not apply any more; None when it does.
    """

    decision: Decision
    rid: int | None
    lapsed: str | None = None


@dataclass(frozen=True)
class DecisionsInForce:
    """The decisions in force for one dataset.

    Attributes:
        released: rows that stay out of quarantine.
        accepted: violations, as (rule, rid), that are not repaired, not quarantined, and do not fail the run.
        undone: cells that no rule repairs.
        overridden: the value, as text, that each of these cells gets.
        labels: what the decisions about cells say of right values, the earliest first.
        lapsed: number of decisions that apply to no present row.
    """

    released: frozenset[int] = frozenset()
    accepted: frozenset[Violation] = frozenset()
    undone: frozenset[Cell] = frozenset()
    overridden: Mapping[Cell, str | None] = field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    lapsed: int = 0


def decisions_in_force(lake: Lake, dataset: Dataset, version: int | None = None) -> DecisionsInForce:
    """The decisions in force for a dataset, and the rows of its formatted table that they are about.

    Args:
        version: of the formatted table; None is the one that the trusted table was made from.
    """
    standings = standing(lake, dataset, version)
    latest = {
        (one.rid, one.decision.column_name or "", one.decision.rule or ""): one.decision
        for one in standings
        if one.rid is not None
    }
    return DecisionsInForce(
        released=frozenset(rid for (rid, _, _), one in latest.items() if one.decision == "release"),
        accepted=frozenset((rule, rid) for (rid, _, rule), one in latest.items() if one.decision == "accept"),
        undone=frozenset((rid, column) for (rid, column, _), one in latest.items() if one.decision == "undo"),
        overridden={(rid, column): one.value for (rid, column, _), one in latest.items() if one.decision == "override"},
        labels=tuple(label for (rid, _, _), one in latest.items() if (label := _label(rid, one)) is not None),
        lapsed=sum(one.rid is None for one in standings),
    )


def _label(rid: int, one: Decision) -> Label | None:
    return label_of(rid, one.column_name, one.decision, one.value, one.row_values, one.proposed)


def standing(lake: Lake, dataset: Dataset, version: int | None = None) -> list[Standing]:
    """The decisions in force for a dataset, oldest first, and the row that each applies to.

    Args:
        version: of the formatted table; None is the one that the trusted table was made from.
    """
    in_force = latest_decisions(Ledgers(lake), dataset.name)
    if not in_force:
        return []
    if version is None:
        version = version_read(lake, dataset.name)
    if version is None:
        return [Standing(one, None, f"{dataset.name} has no formatted table") for one in in_force]
    formatted = lake.table(f"formatted.{dataset.name}")
    rows = locate(dataset, formatted, version, [(one.rid, one.row_key, one.row_values) for one in in_force])
    return [Standing(one, row.rid, row.lapsed) for one, row in zip(in_force, rows, strict=True)]


def version_read(lake: Lake, dataset: str) -> int | None:
    """The version of a formatted table that the trusted table was made from, or the present one if there is none."""
    formatted, trusted = lake.table(f"formatted.{dataset}"), lake.table(f"trusted.{dataset}")
    newest = trusted.newest_data() if trusted.exists() else None
    if newest is not None and formatted.name in newest.inputs:
        return newest.inputs[formatted.name]
    return formatted.version() if formatted.exists() else None


def decisions_digest(ledgers: Ledgers, dataset: str) -> str:
    """A hash of the decisions in force for a dataset, for the fingerprint of its step; empty when there are none."""
    in_force = latest_decisions(ledgers, dataset)
    if not in_force:
        return ""
    content = sorted(
        (one.subject, one.decision, one.value or "", one.value is None, one.proposed or "") for one in in_force
    )
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def quarantined(ledgers: Ledgers, dataset: str | None = None) -> pa.Table:
    """The rows in quarantine, of one dataset or of all: the ``quarantine`` ledger, by dataset and rid."""
    return _listed(ledgers, "quarantine", dataset)


def repaired(ledgers: Ledgers, dataset: str | None = None) -> pa.Table:
    """The repairs in force, of one dataset or of all: the ``repairs`` ledger, by dataset, rid and column."""
    return _listed(ledgers, "repairs", dataset)


def proposed(ledgers: Ledgers, dataset: str | None = None) -> pa.Table:
    """The repairs left to people, of one dataset or of all: the ``proposals`` ledger, by dataset, rid and column."""
    return _listed(ledgers, "proposals", dataset)


def source_accuracy(ledgers: Ledgers, dataset: str | None = None) -> pa.Table:
    """How accurate the sources of rows are: the ``source_accuracy`` ledger, by dataset, column and source."""
    return _listed(ledgers, "source_accuracy", dataset)


def _listed(ledgers: Ledgers, ledger: str, dataset: str | None) -> pa.Table:
    import pyarrow.compute as pc

    table = ledgers.table(ledger)
    if not table.exists():
        return LEDGERS[ledger].empty_table()
    only = pc.field("dataset") == dataset if dataset else None
    found = table.arrow().to_table(filter=only)
    order = [name for name in ("dataset", "rid", "column_name", "source") if name in found.column_names]
    return found.sort_by([(name, "ascending") for name in order])


def latest_decisions(ledgers: Ledgers, dataset: str) -> list[Decision]:
    """The latest decision about each subject of a dataset, oldest first, without withdrawn ones."""
    rows = rows_of(ledgers.read("decisions"))
    latest: dict[tuple[str, str, str], Decision] = {}
    found = (Decision(**row) for row in rows if row["dataset"] == dataset)
    for decision in sorted(found, key=lambda one: one.decided_at):
        latest.pop(decision.subject, None)
        latest[decision.subject] = decision
    return [one for one in latest.values() if one.decision != "withdraw"]
