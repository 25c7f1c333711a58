"""Ranges: only outliers are outside, or all whole numbers within occur."""

from __future__ import annotations

from typing import Final

from vertebra.trusted.discover.columns import ranges
from vertebra.trusted.discover.kind import DiscoveryKind, Evidence
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sentence import kept


class Range(DiscoveryKind):
    """Ranges: only outliers are outside, or all whole numbers within occur."""

    name = "range"
    position = 40
    most_dirty = 0.01

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        return ranges(evidence.subject, evidence.sample)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        (column,) = found.candidate.lhs
        low, high = found.candidate.body["range"][column]
        said = f"{column} is from {low} to {high}"
        if low is None or high is None:
            said = f"{column} is at most {high}" if low is None else f"{column} is at least {low}"
        why = {"far": "; values beyond are far from all others", "dense": "; each of these whole numbers occurs"}
        return said, f": {kept(found, 'with a value')}{why.get(found.candidate.hint, '')}"


KIND: Final = Range()
