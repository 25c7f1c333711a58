"""Conditional dependencies, and constants where another column has some value."""

from __future__ import annotations

from typing import Final

from vertebra.trusted.discover.conditional import constants, dependencies_within
from vertebra.trusted.discover.kind import KINDS, DiscoveryKind, Evidence
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sentence import except_groups, kept


class Conditional(DiscoveryKind):
    """Conditional dependencies, and constants where another column has some value."""

    name = "conditional"
    position = 100
    most_dirty = 0.02
    uses_pairs = True
    uses_dependencies = True

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        sample, columns = evidence.sample, evidence.subject.columns
        rules = [one.candidate for one in evidence.dependent if KINDS[one.candidate.kind].is_rule(one)]
        single = [(rule.lhs[0], rule.rhs) for rule in rules if len(rule.lhs) == 1]
        found = [one for one in constants(sample, columns) if (one.lhs[0], one.rhs) not in set(single)]
        return found + dependencies_within(sample, columns, single)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        condition, _, then = found.candidate.hint.partition("\x00")
        said = f"Where {condition}, {then}"
        if found.lhs_pairs is None:
            return said, f": {kept(found)}"
        if found.exact:
            return said, f": true of all {found.groups or 0:,} groups ({found.applies:,} rows)"
        return said, except_groups(found)

    def is_rule(self, found: Verified) -> bool:
        """A dependency must also relate as many pairs of rows as it concerns rows."""
        return super().is_rule(found) and (found.lhs_pairs is None or found.lhs_pairs >= found.applies)


KIND: Final = Conditional()
