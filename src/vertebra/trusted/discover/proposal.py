"""What discovery handles: candidates, which a sample suggests, and proposals, which the full table has confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

Kind = Literal["key", "fd", "conditional", "order", "comparison", "reference", "range", "values", "pattern", "required"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True)
class CandidateRule:
    """A rule that holds, or nearly holds, on the sample.

    Attributes:
        name: what the rule would be called; letters, digits and ``_``.
        body: the rule as it is declared under ``rules:``, e.g. ``{"determines": "[origin, dest] -> distance"}``.
        lhs: the columns of its left-hand side; of a rule about single columns, those.
        rhs: the column that is determined or compared; empty where there is none.
        chance: the share of what the rule speaks of (pairs that match its left-hand side, or rows) that would violate
            it if its columns had nothing to do with each other, 0 to 1; for a key, the expected duplicate pairs.
        rare: of a dependency, the share of the rows that do not have the most common value of ``rhs``.
        promise: its interest as far as the sample tells; decides what is verified first.
        hint: words for the sentence that explains it.
    """

    kind: Kind
    name: str
    body: Mapping[str, Any]
    lhs: tuple[str, ...]
    rhs: str = ""
    chance: float = 0.0
    rare: float = 1.0
    promise: float = 0.0
    hint: str = ""


@dataclass(frozen=True)
class Verified:
    """A candidate with its exact figures on the full table.

    Attributes:
        rows: rows of the table.
        applies: rows the rule speaks of: those without NULL in its columns.
        tuples: rows in any violation.
        pairs, lhs_pairs: violating pairs, and pairs that match the left-hand side; None for a rule about one row.
        groups, violating_groups: groups of equal left-hand sides, or distinct values that refer; None without.
        least: the fewest rows to remove so that the rule holds; None where detection does not compute it.
        logic: the rule as a denial constraint, one line per constraint.
        declared: the name of the declared rule that says the same; empty when none does.
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
        """Rows to look at: the fewest to remove where that is known, else all in a violation."""
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
        name: what it is called in the dataset's file unless another name is given.
        kind: one of :data:`KINDS`.
        body: the rule as it is declared under ``rules:``.
        statement: what it says, without figures.
        sentence: what it says and how well it holds, with figures.
        logic: the rule as denial constraints.
        rows: rows of the table.
        applies: rows it speaks of.
        dirty_rows: the fewest rows to remove for it to hold, or where that is not known, the rows in a violation.
        violating_tuples: rows in any violation.
        violating_pairs, lhs_pairs, groups, violating_groups: as :class:`vertebra.trusted.detect.RuleCount` has them.
        interest: what it is ranked by, before variety is taken into account; 0 to about 1.
        declared: the declared rule that says the same already; empty when none does.
        columns: the columns it names.
    """

    number: int
    name: str
    kind: Kind
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
