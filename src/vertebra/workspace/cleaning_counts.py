"""Counts of the effects of cleaning: repairs by cell and rule, quarantine by reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.quoting import duckdb_texts
from vertebra.workspace.sql import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.lake.catalog import Lake


@dataclass(frozen=True)
class RepairCount:
    """Repairs of one column by one rule.

    Attributes:
        cells: how many were repaired.
        confidence: the least of them.
        example: the most frequent change, e.g. ``Gerona → Girona``.
    """

    dataset: str
    column_name: str
    rule: str
    cells: int
    confidence: float | None
    example: str


@dataclass(frozen=True)
class QuarantineCount:
    """Rows in quarantine for one set of rules."""

    dataset: str
    rules: tuple[str, ...]
    rows: int


def count_repairs(lake: Lake, datasets: Sequence[str]) -> list[RepairCount]:
    """The repairs of datasets, the most frequent first."""
    found = query(
        lake,
        f"""
        WITH changes AS (
            SELECT dataset, column_name, rule, old, new, count(*) AS cells, min(confidence) AS confidence
            FROM governance.repairs WHERE dataset IN ({duckdb_texts(datasets)}) GROUP BY ALL
        )
        SELECT dataset, column_name, rule, sum(cells)::BIGINT AS cells, min(confidence) AS confidence,
            arg_max(coalesce(old, 'NULL') || ' → ' || coalesce(new, 'NULL'), (cells, old, new)) AS example
        FROM changes GROUP BY ALL ORDER BY cells DESC, dataset, column_name, rule
        """,
    )
    return [RepairCount(**row) for row in found.to_arrow_table().to_pylist()]


def count_quarantine(lake: Lake, datasets: Sequence[str]) -> list[QuarantineCount]:
    """The rows of datasets in quarantine, the most frequent reason first."""
    found = query(
        lake,
        f"""
        SELECT dataset, rules, count(*) AS rows FROM governance.quarantine
        WHERE dataset IN ({duckdb_texts(datasets)}) GROUP BY ALL ORDER BY rows DESC, dataset, rules
        """,
    )
    return [
        QuarantineCount(row["dataset"], tuple(row["rules"]), row["rows"]) for row in found.to_arrow_table().to_pylist()
    ]
