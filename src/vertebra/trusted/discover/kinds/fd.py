"""Functional dependencies: rows with the same a have the same b."""

from __future__ import annotations

import math
from typing import Final

from vertebra.formatting import counted, joined
from vertebra.trusted.discover.dependencies import FIGURES, dependencies, exact, holds
from vertebra.trusted.discover.kind import BONUS, FLAW, DiscoveryKind, Evidence
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sentence import except_groups

_ARITHMETIC: Final = 0.6


class FunctionalDependency(DiscoveryKind):
    """Functional dependencies: rows with the same a have the same b."""

    name = "fd"
    position = 10
    most_dirty = 0.5
    uses_pairs = True
    uses_dependencies = True
    minimal = True

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        if evidence.pairs is None:
            return []
        found = dependencies(evidence.pairs, evidence.sample, evidence.subject.columns)
        if found:
            what = counted(len(found), "functional dependency", "functional dependencies")
            evidence.progress(f"counting the majorities of {what}")
        return exact(evidence.subject.frame, found)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        candidate, groups = found.candidate, found.groups or 0
        said = f"Rows with the same {joined(candidate.lhs)} have the same {candidate.rhs}"
        if found.exact:
            return said, f": true of all {groups:,} groups ({found.applies:,} rows)"
        return said, except_groups(found)

    def is_rule(self, found: Verified) -> bool:
        """All its candidates are: they are counted on the table."""
        candidate = found.candidate
        return candidate.majority is not None and holds(candidate.majority, len(candidate.lhs))

    def worth(self, found: Verified) -> float:
        """The more rows it relates, and the more of their values it explains, the more interesting it is."""
        candidate, majority = found.candidate, found.candidate.majority
        if majority is None:
            return 0.0
        tied = majority.others / majority.rows
        spoken = majority.rows / found.rows
        # a dependency of a nearly constant column says little; the square root keeps rare errors visible
        surprising = candidate.chance**0.25
        worth: float = tied * math.sqrt(spoken) * surprising * majority.score * 0.8 ** (len(candidate.lhs) - 1)
        return worth * _ARITHMETIC if candidate.hint == FIGURES and found.exact else worth

    def with_violations(self, worth: float, found: Verified) -> float:
        """Scattered errors make it more interesting; exceptions that come together do so if they are few."""
        majority = found.candidate.majority
        if majority is None:
            return 0.0
        few = math.exp(-(1 - majority.agreeing / majority.others) / FLAW / 2)
        return worth * BONUS * (majority.scattered + (1 - majority.scattered) * few)


KIND: Final = FunctionalDependency()
