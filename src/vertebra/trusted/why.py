"""The history of a trusted row or cell: its violations, repairs, quarantine and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from vertebra.governance.row_table import rows_of

if TYPE_CHECKING:
    from vertebra.governance.ledgers import Ledgers


@dataclass(frozen=True)
class ViolationFound:
    """The row violates a rule; ``partner`` is the row id of one tuple that violates it together with the row."""

    rule: str
    role: str
    partner: int | None
    resolution: str


@dataclass(frozen=True)
class RepairMade:
    """A cell was changed; the values are text, None is NULL."""

    rule: str
    column_name: str
    old: str | None
    new: str | None
    method: str
    confidence: float
    support: int | None
    evidence: str | None = None


@dataclass(frozen=True)
class Quarantined:
    """The row was removed for these rules; ``row`` is all of it, as JSON."""

    rules: tuple[str, ...]
    row: str


@dataclass(frozen=True)
class DecisionTaken:
    """A person's decision about the row, the cell or the violation."""

    decided_at: datetime
    decided_by: str
    decision: str
    column_name: str | None
    rule: str | None
    value: str | None
    comment: str


@dataclass(frozen=True)
class Cleaning:
    """The entries about a row, or about one of its cells, in the ledgers of the trusted zone.

    Attributes:
        violations: of the whole row, because a rule may read several columns.
        repairs: of the cell, or of every cell of the row.
        quarantined: None when the row is in the trusted table.
        decisions: about the row and its violations, and about the cell or every cell; oldest first.
    """

    dataset: str
    rid: int
    column: str | None
    violations: tuple[ViolationFound, ...]
    repairs: tuple[RepairMade, ...]
    quarantined: Quarantined | None
    decisions: tuple[DecisionTaken, ...]


def cleaning_of(
    ledgers: Ledgers, dataset: str, rid: int, column: str | None = None, row_key: str | None = None
) -> Cleaning:
    """The violations, repairs and quarantine of a row in the last run, and decisions about it.

    Args:
        rid: the row's ``_rid``.
        column: only this cell's repairs and decisions.
        row_key: the row's key, as decisions record it; finds those that were made about it in earlier batches.
    """

    def concerns(row: dict[str, Any]) -> bool:
        return column is None or row["column_name"] in (None, column)

    decisions = sorted(_decisions(ledgers, dataset, rid, row_key), key=lambda row: row["decided_at"])
    removed = _rows(ledgers, "quarantine", dataset, rid)
    return Cleaning(
        dataset=dataset,
        rid=rid,
        column=column,
        violations=tuple(
            sorted(
                (
                    ViolationFound(row["rule"], row["role"], row["partner"], row["resolution"])
                    for row in _rows(ledgers, "violations", dataset, rid)
                ),
                key=lambda found: (found.rule, found.role),
            )
        ),
        repairs=tuple(
            RepairMade(**{name: row[name] for name in RepairMade.__dataclass_fields__})
            for row in sorted(_rows(ledgers, "repairs", dataset, rid), key=lambda row: row["column_name"])
            if concerns(row)
        ),
        quarantined=Quarantined(tuple(removed[0]["rules"]), removed[0]["row"]) if removed else None,
        decisions=tuple(
            DecisionTaken(**{name: row[name] for name in DecisionTaken.__dataclass_fields__})
            for row in decisions
            if concerns(row)
        ),
    )


def _decisions(ledgers: Ledgers, dataset: str, rid: int, row_key: str | None) -> list[dict[str, Any]]:
    about = pc.field("rid") == rid
    if row_key is not None:
        about = about | (pc.field("row_key") == row_key)
    return rows_of(ledgers.read("decisions").filter((pc.field("dataset") == dataset) & about))


def _rows(ledgers: Ledgers, ledger: str, dataset: str, rid: int) -> list[dict[str, Any]]:
    table = ledgers.table(ledger)
    if not table.exists():
        return []
    wanted = (pc.field("dataset") == dataset) & (pc.field("rid") == rid)
    rows: list[dict[str, Any]] = table.arrow().to_table(filter=wanted).to_pylist()
    return rows
