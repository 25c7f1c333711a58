"""Orders between rows: where a grows, b does not fall."""

from __future__ import annotations

from typing import Final

from vertebra.formatting import counted, joined
from vertebra.trusted.discover.kind import DiscoveryKind, Evidence
from vertebra.trusted.discover.orders import orders
from vertebra.trusted.discover.proposal import CandidateRule, Verified

_MOST_PAIRS: Final = 0.005


class Order(DiscoveryKind):
    """Orders between rows: where a grows, b does not fall."""

    name = "order"
    position = 90
    most_dirty = 0.05
    uses_pairs = True
    uses_dependencies = True
    minimal = True
    one_topic = True

    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """See :class:`DiscoveryKind`."""
        exact = [frozenset((*one.candidate.lhs, one.candidate.rhs)) for one in evidence.dependent if one.exact]
        return orders(evidence.sample, evidence.subject.columns, exact)

    def said(self, found: Verified) -> tuple[str, str]:
        """See :class:`DiscoveryKind`."""
        candidate = found.candidate
        *group, first = candidate.lhs
        within = f"Among rows with the same {joined(group)}, where" if group else "Where"
        said = f"{within} {first} grows, {candidate.rhs} never {'falls' if candidate.hint == 'grows' else 'grows'}"
        if found.exact:
            return said, f": true of all {found.applies:,} rows"
        if found.least is not None:
            return said, f": {counted(found.least, 'row is', 'rows are')} out of order among {found.applies:,}"
        pairs = f"{counted(found.pairs, 'pair')} of rows, " if found.pairs is not None else ""
        return said, f", except in {pairs}{counted(found.tuples, 'row')} in all"

    def is_rule(self, found: Verified) -> bool:
        """One wrong value can conflict with half of the table, so the share of pairs may decide."""
        if found.applies and found.least is None:
            return (found.pairs or 0) <= _MOST_PAIRS * (found.lhs_pairs or found.applies * (found.applies - 1) // 2)
        return super().is_rule(found)

    def with_violations(self, worth: float, found: Verified) -> float:
        """Rows in a violation are not all wrong, so they count less if the fewest rows to remove are unknown."""
        if found.least is None:
            return worth * (1.25 - found.dirty / found.applies)
        return super().with_violations(worth, found)


KIND: Final = Order()
