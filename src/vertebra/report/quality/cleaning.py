"""What cleaning did, counted for people: repairs by cell and rule, quarantine by reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vertebra.quoting import duckdb_texts

if TYPE_CHECKING:
    from vertebra.workspace.workspace import Workspace


def repair_rows(space: Workspace, datasets: Sequence[str]) -> list[dict[str, Any]]:
    """Per dataset, column and rule: ``cells``, the least ``confidence``, the most frequent change as ``example``."""
    return space.sql(
        f"""
        WITH changes AS (
            SELECT dataset, column_name, rule, old, new, count(*) AS cells, min(confidence) AS confidence
            FROM governance.repairs WHERE dataset IN ({duckdb_texts(datasets)}) GROUP BY ALL
        )
        SELECT dataset, column_name, rule, sum(cells)::BIGINT AS cells, min(confidence) AS confidence,
            arg_max(coalesce(old, 'NULL') || ' → ' || coalesce(new, 'NULL'), (cells, old, new)) AS example
        FROM changes GROUP BY ALL ORDER BY cells DESC, dataset, column_name, rule
        """
    ).rows()


def quarantine_rows(space: Workspace, datasets: Sequence[str]) -> list[dict[str, Any]]:
    """Per dataset and set of rules: the ``rows`` in quarantine."""
    return space.sql(
        f"""
        SELECT dataset, rules, count(*) AS rows FROM governance.quarantine
        WHERE dataset IN ({duckdb_texts(datasets)}) GROUP BY ALL ORDER BY rows DESC, dataset, rules
        """
    ).rows()
