"""Short lists of values, without typing errors of another."""

from __future__ import annotations

from typing import Final

from vertebra.trusted.discover.columns import value_lists
from vertebra.trusted.discover.kind import DiscoveryKind, Evidence
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sentence import kept


class Values(DiscoveryKind):
    """Short lists of values, without typing errors of another."""

    name = "values"
    position = 50
    most_dirty = 0.01

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        return value_lists(evidence.subject)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        (column,) = found.candidate.lhs
        values = found.candidate.body["values"][column]
        said, figures = f"{column} is one of {len(values)} values", f": {kept(found, 'with a value')}"
        return said, f"{figures}; {found.candidate.hint} looks like a typo" if found.candidate.hint else figures


KIND: Final = Values()
