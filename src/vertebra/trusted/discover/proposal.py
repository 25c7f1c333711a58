"""Candidates, which come from a sample, and proposals, which are verified on the full table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vertebra.trusted.discover.majority import Majority


@dataclass(frozen=True)
class CandidateRule:
    """A rule that holds, or nearly holds, on the sample.

    Attributes:
        kind: the name of its kind.
        name: the name of the rule; letters, digits and ``_``.
        body: the rule as it is declared under ``rules:``, e.g. ``{"determines": "[origin, dest] -> distance"}``.
        lhs: the columns of its left-hand side; for a rule about single columns, these columns.
        rhs: the column that is determined or compared; empty if there is none.
        chance: the share of the pairs that match its left-hand side, or of rows, that would violate it if its columns
            were independent, 0 to 1; for a key, the expected duplicate pairs.
        promise: its interest on the sample; more interesting candidates are verified first.
        hint: words for the sentence that explains it.
        majority: for a dependency, the majorities of its groups.
    """

    kind: str
    name: str
    body: Mapping[str, Any]
    lhs: tuple[str, ...]
    rhs: str = ""
    chance: float = 0.0
    promise: float = 0.0
    hint: str = ""
    majority: Majority | None = None


@dataclass(frozen=True)
class Verified:
    """A candidate with its exact figures on the full table.

    Attributes:
        rows: rows of the table.
        applies: rows that the rule concerns: those without NULL in its columns.
        tuples: rows in any violation.
        pairs, lhs_pairs: violating pairs, and pairs that match the left-hand side; None for a rule about one row.
        groups, violating_groups: groups of equal left-hand sides, or distinct referring values; None without them.
        least: the fewest rows to remove so that the rule holds; None if detection does not compute it.
        logic: the rule as a denial constraint, one line per constraint.
        declared: the name of the equivalent declared rule; empty if there is none.
    """

    candidate: CandidateRule
    rows: int
    applies: int
    tuples: int
    pairs: int | None = None
    lhs_pairs: int | None = None
    groups: int | None = None
    violating_groups: int | None = None
    least: int | None = None
    logic: tuple[str, ...] = ()
    declared: str = ""

    @property
    def dirty(self) -> int:
        """Dirty rows: the fewest to remove if that is known, else all that violate the rule."""
        return self.tuples if self.least is None else self.least

    @property
    def exact(self) -> bool:
        """Whether nothing violates the rule."""
        return self.tuples == 0

    @property
    def pair_share(self) -> float:
        """Violating pairs as a share of the pairs that match the left-hand side."""
        return self.pairs / self.lhs_pairs if self.pairs and self.lhs_pairs else 0.0


@dataclass(frozen=True)
class Proposal:
    """A rule that discovery proposes, ready to be accepted.

    Attributes:
        number: its place in the ranking, from 1.
        name: its name in the file of the dataset, unless another is given.
        kind: its kind, a name in :data:`vertebra.trusted.discover.KINDS`.
        body: the rule as it is declared under ``rules:``.
        statement: the rule in words, without figures.
        sentence: the rule in words, with how well it holds.
        logic: the rule as denial constraints.
        rows: rows of the table.
        applies: rows that it concerns.
        dirty_rows: the fewest rows to remove for it to hold or, if that is not known, the rows that violate it.
        violating_tuples: rows in any violation.
        violating_pairs, lhs_pairs, groups, violating_groups: see :class:`vertebra.trusted.detect.RuleCount`.
        interest: its interest, 0 to about 1; the ranking also takes diversity into account.
        declared: the equivalent declared rule; empty if there is none.
        columns: the columns it names.
    """

    number: int
    name: str
    kind: str
    body: Mapping[str, Any]
    statement: str
    sentence: str
    logic: tuple[str, ...]
    rows: int
    applies: int
    dirty_rows: int
    violating_tuples: int
    violating_pairs: int | None
    lhs_pairs: int | None
    groups: int | None
    violating_groups: int | None
    interest: float
    declared: str = ""
    columns: tuple[str, ...] = ()
