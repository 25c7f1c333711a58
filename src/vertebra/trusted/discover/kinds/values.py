"""Short lists of values, without typing errors of another."""

from __future__ import annotations

from typing import Final

from vertebra.trusted.discover.kind import BONUS, DiscoveryKind, Evidence
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sentence import kept
from vertebra.trusted.discover.value_lists import value_lists


class Values(DiscoveryKind):
    """Short lists of values, without typing errors of another."""

    name = "values"
    position = 50
    most_dirty = 0.2

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        return value_lists(evidence.subject, evidence.sample)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        (column,) = found.candidate.lhs
        values = found.candidate.body["values"][column]
        said = f"{column} is one of {len(values)} values" if len(values) > 1 else f"{column} is always {values[0]}"
        figures = f": {kept(found, 'with a value')}"
        if not found.candidate.hint:
            return said, figures
        looks = "look like typos" if "," in found.candidate.hint else "looks like a typo"
        return said, f"{figures}; {found.candidate.hint} {looks}"

    def with_violations(self, worth: float, found: Verified) -> float:  # noqa: ARG002
        """All violations are typing errors, which are no less interesting if there are many."""
        return worth * BONUS


KIND: Final = Values()
