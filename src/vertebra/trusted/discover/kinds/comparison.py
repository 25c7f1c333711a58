"""Comparisons: one column is at most another in every row."""

from __future__ import annotations

from typing import Final

from vertebra.trusted.discover.comparisons import comparisons
from vertebra.trusted.discover.kind import DiscoveryKind, Evidence
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sentence import kept


class Comparison(DiscoveryKind):
    """Comparisons: one column is at most another in every row."""

    name = "comparison"
    position = 80
    most_dirty = 0.015

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        return comparisons(evidence.sample, evidence.subject.columns)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        (low,), high = found.candidate.lhs, found.candidate.rhs
        relation = {"equal": "equals", "less": "is less than"}.get(found.candidate.hint, "is at most")
        return f"{low} {relation} {high}", f": {kept(found, 'with both values')}"


KIND: Final = Comparison()
