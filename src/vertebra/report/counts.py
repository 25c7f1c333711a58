"""What the lake holds and what its rules found, counted for a person; from file statistics and ledgers, no engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vertebra.lake.batches import batches, snapshot_batches
from vertebra.report.formatting import many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vertebra.workspace.workspace import Workspace


@dataclass(frozen=True)
class DatasetTally:
    """One dataset on its way from landing to trusted; None where it did not get yet.

    Attributes:
        records: received, in all batches; in those that count for a dataset loaded as snapshots.
        rejected: cells that did not parse.
    """

    dataset: str
    records: int | None
    formatted: int | None
    rejected: int
    trusted: int | None
    repaired: int
    quarantined: int


@dataclass(frozen=True)
class RuleTally:
    """What the last run found about a rule, and what it did.

    Attributes:
        tuples: that broke it before cleaning.
        share: of the tuples of the table (g2).
        pairs: violating pairs, for a rule about two tuples.
        pair_share: of the pairs that match the left-hand side.
        least: the fewest tuples to remove for the rule to hold (g3): lower and upper bound, equal where it is exact;
            None where it is not bounded.
        minority: the cells that a minimal repair would change, where the rule says which.
        repaired: cells.
        quarantined: rows.
        accepted: violations that a person accepted.
        unresolved: tuples that still break it.
        new, persisting, gone: violations since the previous run; None where they cannot be compared.
    """

    dataset: str
    rule: str
    tuples: int
    share: float | None
    pairs: int | None
    pair_share: float | None
    least: tuple[int, int] | None
    minority: int | None
    repaired: int
    quarantined: int
    accepted: int
    unresolved: int
    new: int | None
    persisting: int | None
    gone: int | None

    @property
    def least_words(self) -> str:
        """The fewest tuples to remove, in words: ``95``, or ``90 to 180``."""
        if self.least is None:
            return ""
        low, high = self.least
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"

    @property
    def outcome(self) -> str:
        """What happened to the violations, in words: ``95 cells repaired``."""
        parts = [
            (self.repaired, "cell repaired", "cells repaired"),
            (self.quarantined, "row quarantined", "rows quarantined"),
            (self.accepted, "accepted", "accepted"),
            (self.unresolved, "reported", "reported"),
        ]
        return ", ".join(many(count, one, several) for count, one, several in parts if count)


def table_rows(space: Workspace, zone: str) -> dict[str, int]:
    """Rows of each table of a zone."""
    return {table.name.partition(".")[2]: table.rows() for table in space.lake.tables(zone)}


def dataset_tallies(space: Workspace) -> list[DatasetTally]:
    """Every declared dataset."""
    formatted, trusted = table_rows(space, "formatted"), table_rows(space, "trusted")
    counts = {ledger: _per_dataset(space, ledger) for ledger in ("rejects", "repairs", "quarantine")}
    found = []
    for name, dataset in space.project.datasets.items():
        landed = batches(space.lake.landing, dataset.source, name)
        counted = snapshot_batches(landed) if dataset.load == "snapshot" else landed
        found.append(
            DatasetTally(
                name,
                sum(batch.receipt.records for batch in counted) if landed else None,
                formatted.get(name),
                counts["rejects"].get(name, 0),
                trusted.get(name),
                counts["repairs"].get(name, 0),
                counts["quarantine"].get(name, 0),
            )
        )
    return found


def latest_quality(space: Workspace, dataset: str | None = None) -> list[dict[str, Any]]:
    """The rows of the ``quality`` ledger of each dataset's last assessment."""
    space.ledgers.table("quality")  # refuses a ledger whose columns have other names
    only = "true" if dataset is None else f"table_name = 'trusted.{dataset}'"
    return space.sql(
        f"SELECT * FROM governance.quality WHERE {only}"
        " QUALIFY rank() OVER (PARTITION BY table_name ORDER BY recorded_at DESC, run_id DESC) = 1"
    ).rows()


def rule_tallies(space: Workspace, dataset: str | None = None) -> list[RuleTally]:
    """Every rule that the last runs assessed, the most broken first."""
    return tallied(latest_quality(space, dataset))


def tallied(rows: Sequence[Mapping[str, Any]]) -> list[RuleTally]:
    """The rules among the rows of an assessment, the most broken first."""
    found: dict[tuple[str, str], dict[tuple[str, str], float | None]] = {}
    for row in rows:
        if row["scope"] == "rule":
            key = (row["table_name"].partition(".")[2], row["subject"])
            found.setdefault(key, {})[(row["measure"], row["stage"])] = row["value"]
    tallies = [_rule_tally(dataset, rule, measures) for (dataset, rule), measures in found.items()]
    return sorted(tallies, key=lambda tally: -tally.tuples)


def _rule_tally(dataset: str, rule: str, measures: Mapping[tuple[str, str], float | None]) -> RuleTally:
    def count(measure: str, stage: str) -> int:
        return int(measures.get((measure, stage)) or 0)

    def maybe(measure: str) -> int | None:
        value = measures.get((measure, "before"))
        return None if value is None else int(value)

    if not any(stage == "before" for _, stage in measures):
        # A check of the trusted table, which is not cleaned again.
        measures = {(measure, "before"): value for (measure, _), value in measures.items()}

    # A run that a rule stopped has no assessment after cleaning.
    last = "after" if ("unresolved", "after") in measures else "before"
    done = {name: count(name, last) for name in ("repaired", "quarantined", "accepted", "unresolved")}
    low, high = (maybe(f"g3_rows_{bound}") for bound in ("low", "high"))
    exact = maybe("g3_rows")
    least = (low, high) if low is not None and high is not None else None if exact is None else (exact, exact)
    return RuleTally(
        dataset,
        rule,
        tuples=count("violating_tuples", "before"),
        share=measures.get(("g2", "before")),
        pairs=maybe("violating_pairs"),
        pair_share=measures.get(("pair_share", "before")),
        least=least,
        minority=maybe("minority_cells"),
        new=maybe("violations_new"),
        persisting=maybe("violations_persisting"),
        gone=maybe("violations_gone"),
        **done,
    )


def _per_dataset(space: Workspace, ledger: str) -> dict[str, int]:
    table = space.ledgers.table(ledger)
    if not table.exists():
        return {}
    counts = table.arrow().to_table(columns=["dataset"]).column("dataset").value_counts()
    return {entry["values"].as_py(): entry["counts"].as_py() for entry in counts}
