"""Violations of each rule in the last run, and their outcomes, counted from the quality ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vertebra.formatting import counted
from vertebra.trusted.assess import FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class RuleTally:
    """The violations of a rule in the last run, and their outcomes.

    Attributes:
        tuples: violating tuples before cleaning.
        share: their share of the tuples of the table (g2).
        pairs: violating pairs, for a rule about two tuples.
        pair_share: of the pairs that match the left-hand side.
        least: the fewest tuples to remove for the rule to hold (g3): lower and upper bound, equal if it is exact;
            None if no bound is known.
        minority: the cells that a minimal repair would change, for functional dependencies.
        repaired: repaired cells.
        quarantined: rows in quarantine.
        accepted: violations that a person accepted.
        unresolved: tuples that still violate it.
        new, persisting, gone: violations since the previous run; None if they cannot be compared.
        table_rule: whether it is about the whole table, which has no violating tuples.
        violated: how a rule about the whole table is violated; empty if it holds.
        figure: what a rule about the whole table measured.
        failed: ``before`` or ``after`` cleaning, if it is declared with ``on_violation: fail`` and stopped the run
            there, so that the trusted table was not written; else empty.
        failing: the tuples that then violated it; 0 for a rule about the whole table.
        missing: for a rule ``gap_free``, the steps of time without a row, after cleaning; None for other rules.
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
    table_rule: bool = False
    violated: str = ""
    figure: float | None = None
    failed: str = ""
    failing: int = 0
    missing: int | None = None

    @property
    def broken(self) -> bool:
        """Whether it is violated, by tuples before or after cleaning or by the whole table."""
        return bool(self.tuples or self.unresolved or self.violated or self.failed)

    @property
    def failure(self) -> str:
        """How it stopped the run, in words: ``no555 is violated by 1 row after cleaning``; empty if it did not."""
        if not self.failed:
            return ""
        if self.table_rule:
            return f"{self.rule}: {self.violated}"
        return f"{self.rule} is violated by {counted(self.failing, 'row')} {self.failed} cleaning"

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
        stopped = ["run stopped"] if self.failed else []
        if self.table_rule:
            return ", ".join([self.violated, *stopped])
        if self.failed == "after":
            return f"{self.failing:,} broken by cleaning, run stopped"
        if self.unresolved and not self.tuples:
            return f"{self.unresolved:,} broken by cleaning"
        parts = [
            (self.repaired, "cell repaired", "cells repaired"),
            (self.quarantined, "row quarantined", "rows quarantined"),
            (self.accepted, "accepted", "accepted"),
            (self.unresolved, "reported", "reported"),
        ]
        done = [counted(count, one, several) for count, one, several in parts if count]
        gaps = [counted(self.missing, "row missing", "rows missing")] if self.missing else []
        return ", ".join([*gaps, *(done or ["gone with other repairs"]), *stopped])


def tally_rules(rows: Sequence[Mapping[str, Any]]) -> list[RuleTally]:
    """Count what an assessment found about each rule, the most broken first.

    Args:
        rows: of the ``quality`` ledger, or with its columns ``table_name, stage, scope, subject, measure, value,
            note``.
    """
    found: dict[tuple[str, str], dict[tuple[str, str], float | None]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for row in rows:
        if row["scope"] == "rule":
            key = (row["table_name"].partition(".")[2], row["subject"])
            found.setdefault(key, {})[(row["measure"], row["stage"])] = row["value"]
            if row["measure"] == "violated":
                reasons[key] = (row["note"] or "violated") if row["value"] else ""
    tallies = [
        _table_rule_tally(*key, measures, reasons[key]) if key in reasons else _rule_tally(*key, measures)
        for key, measures in found.items()
    ]
    return sorted(tallies, key=lambda tally: (not tally.failed, not tally.violated, -tally.tuples))


def _table_rule_tally(
    dataset: str, rule: str, measures: Mapping[tuple[str, str], float | None], reason: str
) -> RuleTally:
    """The result of a rule about the whole table, which is checked at one stage only."""
    figure = next((value for (measure, _), value in measures.items() if measure == "figure"), None)
    about: dict[str, Any] = {"table_rule": True, "violated": reason, "figure": figure, **_failure(measures)}
    about |= dict.fromkeys(("tuples", "repaired", "quarantined", "accepted", "unresolved"), 0)
    about |= dict.fromkeys(("share", "pairs", "pair_share", "least", "minority", "new", "persisting", "gone"))
    return RuleTally(dataset, rule, **about)


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
    done: dict[str, Any] = {name: count(name, last) for name in ("repaired", "quarantined", "accepted", "unresolved")}
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
        missing=None if ("missing_rows", last) not in measures else count("missing_rows", last),
        **done,
        **_failure(measures),
    )


def _failure(measures: Mapping[tuple[str, str], float | None]) -> dict[str, Any]:
    """At which stage the rule stopped the run, and how many tuples violated it."""
    for (measure, stage), value in measures.items():
        if measure == FAILED:
            return {"failed": stage, "failing": int(value or 0)}
    return {}
