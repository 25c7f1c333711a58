"""Keys: no two rows have the same values in some columns."""

from __future__ import annotations

from typing import Final

from vertebra.formatting import counted, joined
from vertebra.trusted.discover.keys import keys
from vertebra.trusted.discover.kind import DiscoveryKind, Evidence
from vertebra.trusted.discover.proposal import CandidateRule, Verified

_MOST: Final = 12
"""The most candidates that are verified."""


class Key(DiscoveryKind):
    """Keys: no two rows have the same values in some columns."""

    name = "key"
    position = 20
    most_dirty = 0.005
    uses_pairs = True
    minimal = True
    weight = 1.0
    one_topic = True

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        if evidence.pairs is None:
            return []
        evidence.progress("counting duplicates of candidate keys")
        return keys(evidence.subject, evidence.pairs, evidence.differing)[:_MOST]

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        said = f"No two rows have the same {joined(found.candidate.lhs)}"
        if found.exact:
            return said, f": true of all {found.rows:,} rows"
        groups = counted(found.violating_groups or 0, "group")
        return said, f": {counted(found.dirty, 'duplicate row')} in {groups}"


KIND: Final = Key()
