"""Functional dependencies: rows with the same a have the same b."""

from __future__ import annotations

import math
from typing import Final

from vertebra.formatting import joined
from vertebra.trusted.discover.dependencies import FIGURES, dependencies
from vertebra.trusted.discover.kind import DiscoveryKind, Evidence
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sentence import except_groups

_LEAST_TIED: Final = 0.02
_LEAST_LOG_ODDS: Final = 12.0
_MOST_OF_CHANCE: Final = 0.25
_ARITHMETIC: Final = 0.6


class FunctionalDependency(DiscoveryKind):
    """Functional dependencies: rows with the same a have the same b."""

    name = "fd"
    position = 10
    most_dirty = 0.05
    uses_pairs = True
    uses_dependencies = True
    minimal = True

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        if evidence.pairs is None:
            return []
        return dependencies(evidence.pairs, evidence.sample, evidence.subject.columns)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        candidate, groups = found.candidate, found.groups or 0
        said = f"Rows with the same {joined(candidate.lhs)} have the same {candidate.rhs}"
        if found.exact:
            return said, f": true of all {groups:,} groups ({found.applies:,} rows)"
        return said, except_groups(found)

    def is_rule(self, found: Verified) -> bool:
        """Also that it relates rows, and is violated far less often than if its columns were independent."""
        if not super().is_rule(found):
            return False
        tied = found.applies - (found.groups or 0)
        odds = -tied * math.log(max(1 - found.candidate.chance, 1e-9))
        fair = (
            found.dirty <= 0.5 * found.candidate.rare * found.applies
            and found.pair_share <= _MOST_OF_CHANCE * found.candidate.chance
        )
        return fair and tied >= _LEAST_TIED * found.applies and odds >= _LEAST_LOG_ODDS

    def worth(self, found: Verified) -> float:
        """The more rows it relates, and the less it is violated by chance, the more interesting it is."""
        candidate = found.candidate
        tied = (found.applies - (found.groups or 0)) / found.applies
        spoken = found.applies / found.rows
        # the share of rows without the most common value that the rule explains: Goodman and Kruskal's lambda
        explained = max(0.0, 1 - found.dirty / max(1.0, candidate.rare * found.applies))
        fidelity = min(1 - found.pair_share / (_MOST_OF_CHANCE * candidate.chance), explained**2)
        # a dependency of a nearly constant column says little; the square root keeps rare errors visible
        worth: float = tied * math.sqrt(spoken) * candidate.chance**0.25 * fidelity * 0.8 ** (len(candidate.lhs) - 1)
        return worth * _ARITHMETIC if candidate.hint == FIGURES and found.exact else worth


KIND: Final = FunctionalDependency()
