"""Patterns: the form that the codes of a column share."""

from __future__ import annotations

from typing import Final

from vertebra.trusted.discover.kind import DiscoveryKind, Evidence
from vertebra.trusted.discover.patterns import patterns
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sentence import kept


class Pattern(DiscoveryKind):
    """Patterns: the form that the codes of a column share."""

    name = "pattern"
    position = 60
    most_dirty = 0.02

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        return patterns(evidence.sample, evidence.subject.columns)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        (column,) = found.candidate.lhs
        return f"{column} looks like {found.candidate.hint}", f": {kept(found, 'with a value')}"


KIND: Final = Pattern()
