"""References: every value is a key of another table."""

from __future__ import annotations

from typing import Final

from vertebra.formatting import counted, joined
from vertebra.trusted.discover.kind import DiscoveryKind, Evidence
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.references import references


class Reference(DiscoveryKind):
    """References: every value is a key of another table."""

    name = "reference"
    position = 70
    most_dirty = 0.3
    weight = 1.0

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        evidence.progress("comparing values with the keys of other tables")
        return references(evidence.subject, evidence.sample)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        said = f"Every {joined(found.candidate.lhs)} is in {found.candidate.hint}"
        if found.exact:
            return said, f": true of all {found.groups or 0:,} values"
        absent = f"{found.violating_groups or 0:,} of {found.groups or 0:,} values"
        return said, f", except {absent}, in {counted(found.tuples, 'row')}"

    def with_violations(self, worth: float, found: Verified) -> float:  # noqa: ARG002
        """Values that are missing in the other table are no less interesting."""
        return worth


KIND: Final = Reference()
