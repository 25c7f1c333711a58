"""Counts of the violations of a rule, and of all rules of a table together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class RuleCount:
    """The counts of the violations of one rule.

    A pair is two tuples ``(t, s)`` that violate the rule; in a symmetric rule, which is the same with ``t`` and ``s``
    exchanged, both orders are one pair.

    Attributes:
        rows: rows of the table.
        violating_tuples: tuples of the table in any violation.
        violating_pairs: None for a rule about one tuple, and for a reference.
        lhs_pairs: pairs that match the equality part, the most that could violate: both orders of two tuples are one
            pair where the rule is symmetric or strict (``t.x < s.x``), else two; None without an equality part.
        groups: groups of the equality part, or distinct referring values; None without an equality part.
        violating_groups: those of them with a violation.
        g3_rows: the least number of rows of the table to remove so that the rule holds; None if only bounds are
            known, because it is NP-hard in general.
        minority_cells: the cells a minimal repair of a functional dependency changes.
        missing: for a rule ``gap_free``, the steps of time without a row.
        g3_low: a lower bound of ``g3_rows``; equal to it if it is known.
        g3_high: an upper bound of ``g3_rows``; equal to it if it is known.
    """

    rule: str
    constraint_class: str
    rows: int
    violating_tuples: int
    violating_pairs: int | None = None
    lhs_pairs: int | None = None
    groups: int | None = None
    violating_groups: int | None = None
    g3_rows: int | None = None
    minority_cells: int | None = None
    g3_low: int | None = None
    g3_high: int | None = None
    missing: int | None = None

    def __post_init__(self) -> None:
        if self.g3_rows is not None:
            object.__setattr__(self, "g3_low", self.g3_rows)
            object.__setattr__(self, "g3_high", self.g3_rows)


def removal_for_all(counts: Iterable[RuleCount]) -> tuple[int, int]:
    """Bounds on the least number of rows of a table to remove so that all its rules hold.

    A removal for all rules is also a removal for each rule, and the union of removals for each rule is a removal for
    all. So the number is at least the greatest of the rules' least removals, and at most both their sum and the number
    of violating tuples.

    Args:
        counts: of the rules of one table.

    Returns:
        The lower and the upper bound; equal if only one rule is violated and its removal is known.

    Source: Livshits, Kimelfeld, Roy, Computing optimal repairs for functional dependencies, PODS 2018.
    """
    low = high = rows = 0
    for count in counts:
        rows = max(rows, count.rows)
        low = max(low, count.g3_low or 0)
        high += count.violating_tuples if count.g3_high is None else count.g3_high
    return low, min(high, rows)
