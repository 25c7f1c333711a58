"""The cells that cleaning repaired, and those that it proposes to repair: counted by rule and method, with examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from vertebra.quoting import duckdb_texts
from vertebra.workspace.checked_rows import checked_rows
from vertebra.workspace.repairs import ProposedCell
from vertebra.workspace.sql import query

if TYPE_CHECKING:
    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake

CHANGES: Final = 20
"""How many different repairs, and how many proposals, are examples of a dataset."""

BINS: Final = 10
"""The confidence of cells is counted in bins of equal width."""

_LEDGERS: Final = ("repairs", "proposals")


@dataclass(frozen=True)
class ChangeCount:
    """The cells of one rule and method.

    Attributes:
        rule: the rule; the method itself for a method that looks at the whole table.
        columns: the columns of the cells.
        repaired: how many cells were repaired, by bin of their confidence: the first bin is from 0 to 0.1.
        proposed: reason → how many cells were left to people, by bin of their confidence.
    """

    rule: str
    method: str
    columns: tuple[str, ...]
    repaired: tuple[int, ...]
    proposed: Mapping[str, tuple[int, ...]]

    @property
    def cells_repaired(self) -> int:
        """How many cells were repaired."""
        return sum(self.repaired)

    @property
    def cells_proposed(self) -> int:
        """How many cells were left to people."""
        return sum(map(sum, self.proposed.values()))

    def proposed_for(self, reason: str) -> int:
        """How many cells were left to people for a reason."""
        return sum(self.proposed.get(reason, ()))


@dataclass(frozen=True)
class CellChange(ProposedCell):
    """A repaired or proposed cell, as an example of all cells of a column with the same change.

    Attributes:
        reason: why a proposal was left to people; empty for a repair.
        alike: how many cells of the column have the same old and new value by the same rule and method; this is the
            least sure of repairs and the surest of proposals.
        key: the values of the declared key in the row; empty if there is none, or the row cannot be read any more.
    """

    alike: int = 1
    key: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CellChanges:
    """The cells of one dataset that cleaning repaired or proposes to repair.

    Attributes:
        counts: by rule and method, those with most cells first.
        repaired: examples of repairs, the least sure first, with some of every rule.
        proposed: examples of proposals, the surest first, with some of every rule.
    """

    dataset: str
    counts: tuple[ChangeCount, ...] = ()
    repaired: tuple[CellChange, ...] = ()
    proposed: tuple[CellChange, ...] = ()

    @property
    def cells_repaired(self) -> int:
        """How many cells were repaired."""
        return sum(count.cells_repaired for count in self.counts)

    @property
    def cells_proposed(self) -> int:
        """How many cells were left to people."""
        return sum(count.cells_proposed for count in self.counts)

    @property
    def reasons(self) -> dict[str, int]:
        """Why cells were left to people, and how many, the most frequent reason first."""
        found: dict[str, int] = {}
        for count in self.counts:
            for reason in count.proposed:
                found[reason] = found.get(reason, 0) + count.proposed_for(reason)
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def cell_changes(project: Project, lake: Lake, ledgers: Ledgers, datasets: Sequence[str]) -> dict[str, CellChanges]:
    """The repaired and proposed cells of datasets, from the ledgers of their last runs; one entry for each dataset."""
    present = [name for name in _LEDGERS if ledgers.table(name).exists()]
    if not present or not datasets:
        return {name: CellChanges(name) for name in datasets}
    counts = _counts(lake, datasets, present)
    examples = {name: _examples(project, lake, datasets, name) for name in present}
    return {
        name: CellChanges(name, counts.get(name, ()), *(examples.get(one, {}).get(name, ()) for one in _LEDGERS))
        for name in datasets
    }


def _reason(ledger: str) -> str:
    return "coalesce(reason, '')" if ledger == "proposals" else "''"


def _counts(lake: Lake, datasets: Sequence[str], ledgers: Sequence[str]) -> dict[str, tuple[ChangeCount, ...]]:
    parts = [
        f"""
        SELECT dataset, rule, method, column_name, '{ledger}' AS ledger, {_reason(ledger)} AS reason,
            greatest(0, least(floor(coalesce(confidence, 0) * {BINS}), {BINS - 1}))::INTEGER AS bin,
            count(*) AS cells
        FROM governance.{ledger} WHERE dataset IN ({duckdb_texts(datasets)}) GROUP BY ALL
        """
        for ledger in ledgers
    ]
    by_rule: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in query(lake, " UNION ALL ".join(parts)).to_arrow_table().to_pylist():
        by_rule.setdefault((row["dataset"], row["rule"], row["method"]), []).append(row)
    found: dict[str, list[ChangeCount]] = {}
    for (dataset, rule, method), rows in by_rule.items():
        found.setdefault(dataset, []).append(_count(rule, method, rows))
    return {
        dataset: tuple(sorted(counts, key=lambda one: (-one.cells_repaired - one.cells_proposed, one.rule, one.method)))
        for dataset, counts in found.items()
    }


def _count(rule: str, method: str, rows: Sequence[Mapping[str, Any]]) -> ChangeCount:
    repaired, proposed = [0] * BINS, dict[str, list[int]]()
    for row in rows:
        bins = repaired if row["ledger"] == "repairs" else proposed.setdefault(row["reason"], [0] * BINS)
        bins[row["bin"]] += row["cells"]
    columns = tuple(sorted({row["column_name"] for row in rows}))
    left = {reason: tuple(bins) for reason, bins in sorted(proposed.items())}
    return ChangeCount(rule, method, columns, tuple(repaired), left)


def _examples(project: Project, lake: Lake, datasets: Sequence[str], ledger: str) -> dict[str, tuple[CellChange, ...]]:
    """A few different changes of each dataset: at first one of each rule and method, then a second one, and so on."""
    sure, order = ("max", "DESC") if ledger == "proposals" else ("min", "ASC")
    place = "rid" if ledger == "repairs" else "-rid"
    found = query(
        lake,
        f"""
        WITH changes AS (
            SELECT dataset, rule, method, column_name, old, new, {_reason(ledger)} AS reason, count(*) AS alike,
                arg_{sure}(struct_pack(rid, confidence, support, evidence), (coalesce(confidence, 0), {place})) AS cell
            FROM governance.{ledger} WHERE dataset IN ({duckdb_texts(datasets)}) GROUP BY ALL
        ), placed AS (
            SELECT * EXCLUDE cell, unnest(cell), row_number() OVER (
                PARTITION BY dataset, rule, method ORDER BY cell.confidence {order}, alike DESC, cell.rid, column_name
            ) AS place
            FROM changes
        )
        SELECT * EXCLUDE place FROM placed
        QUALIFY row_number() OVER (
            PARTITION BY dataset ORDER BY place, confidence {order}, rid, column_name, rule
        ) <= {CHANGES}
        ORDER BY dataset, confidence {order}, rid, column_name, rule
        """,
    )
    rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
    keys = {
        name: _keys(project, lake, name, [row["rid"] for row in rows if row["dataset"] == name])
        for name in {row["dataset"] for row in rows}
    }
    made: dict[str, list[CellChange]] = {}
    for row in rows:
        key = keys[row["dataset"]].get(row["rid"], {})
        made.setdefault(row["dataset"], []).append(CellChange(**row, key=key))
    return {dataset: tuple(changes) for dataset, changes in made.items()}


def _keys(project: Project, lake: Lake, dataset: str, rids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The values of the declared key by row id, as they were formatted."""
    declared = project.datasets.get(dataset)
    if declared is None or not declared.key:
        return {}
    return checked_rows(lake, dataset, dataset, rids, declared.key)
