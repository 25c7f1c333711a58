"""Columns that always, or nearly always, have a value."""

from __future__ import annotations

from typing import Final

from vertebra.formatting import joined
from vertebra.trusted.discover.columns import required
from vertebra.trusted.discover.kind import DiscoveryKind, Evidence
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sentence import kept


class Required(DiscoveryKind):
    """Columns that always, or nearly always, have a value."""

    name = "required"
    position = 30
    most_dirty = 0.01
    one_topic = True

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        return required(evidence.subject)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        columns = found.candidate.lhs
        said = f"{joined(columns)} always {'has' if len(columns) == 1 else 'have'} a value"
        return said, f": {kept(found)}"


KIND: Final = Required()
