"""Patterns: the form that the codes of a column share, and numbers with a unit."""

from __future__ import annotations

from typing import Final

from vertebra.trusted.discover.kind import BONUS, DiscoveryKind, Evidence
from vertebra.trusted.discover.patterns import MOST_WRONG, patterns
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sentence import kept
from vertebra.trusted.discover.units import units


class Pattern(DiscoveryKind):
    """Patterns: the form that the codes of a column share."""

    name = "pattern"
    position = 60
    most_dirty = MOST_WRONG

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        columns = evidence.subject.columns
        measures = units(evidence.sample, columns)
        known = {one.lhs[0] for one in measures}
        rest = {name: column for name, column in columns.items() if name not in known}
        return measures + patterns(evidence.sample, rest)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        (column,) = found.candidate.lhs
        form, _, measure = found.candidate.hint.partition("\x00")
        said = f"{column} is {measure}" if measure else f"{column} looks like {form}"
        return said, f": {kept(found, 'with a value')}"

    def with_violations(self, worth: float, found: Verified) -> float:  # noqa: ARG002
        """Codes with a slip are no less interesting if there are many."""
        return worth * BONUS


KIND: Final = Pattern()
