"""Candidates for functional dependencies, exact and approximate, from the evidence of a sample."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Final

from vertebra.trusted.discover.lattice import levels
from vertebra.trusted.discover.proposal import CandidateRule

if TYPE_CHECKING:
    from vertebra.trusted.discover.pair_evidence import PairEvidence
    from vertebra.trusted.discover.sample import Sample
    from vertebra.trusted.discover.subject import SubjectColumn

MOST_COLUMNS: Final = 3
"""The most columns of a left-hand side: rules with more explain little and often hold by accident."""

FIGURES: Final = "figures"
"""The hint of a dependency between numbers and times only: an exact one is usually arithmetic, or part of a date."""

_LEAST_PAIRS: Final = 20.0
_MOST_CANDIDATES: Final = 40
_MOST_PER_COLUMN: Final = 8
_SHARE_OF_CHANCE: Final = 0.25
"""An approximate dependency is violated by at most this share of the pairs that would violate it by chance."""
_LEAST_EXPECTED: Final = 12.0
"""The least violations expected by chance among the pairs; with fewer, their absence is no evidence."""
_GAIN: Final = 0.34
"""A column is added to a left-hand side if at most this share of the violations is left."""


def dependencies(found: PairEvidence, sample: Sample, columns: Mapping[str, SubjectColumn]) -> list[CandidateRule]:
    """Functional dependencies X → A that nearly hold on the sample, the most promising first.

    X is minimal: no subset is nearly as good. If a subset of X is good but not exact, and X has no violation, X → A is
    a candidate too: the exact form of an approximate rule.

    Args:
        found: the evidence of the sample. Fractional numbers are on no left-hand side, because they are rarely equal.
    """
    names = found.columns
    left = [place for place, name in enumerate(names) if columns[name].value_type != "number"]
    differing = {name: sample.differing(name) for name in names}
    shares: dict[tuple[tuple[int, ...], int], float] = {}
    candidates: list[CandidateRule] = []
    for node in levels(found, left, MOST_COLUMNS, _LEAST_PAIRS):
        if node.pairs < _LEAST_PAIRS:
            continue
        for right, name in enumerate(names):
            chance = differing[name]
            if right in node.columns or chance == 0 or node.both[right] < _LEAST_PAIRS:
                continue
            share = float(node.differ[right] / node.both[right])
            parts = combinations(node.columns, len(node.columns) - 1)
            best = min((shares.get((part, right), 1.0) for part in parts), default=1.0)
            shares[node.columns, right] = min(best, share)
            worth = share <= min(0.2, _SHARE_OF_CHANCE * chance) and (best == 1.0 or share <= _GAIN * best)
            if best == 0.0 or not worth or node.both[right] * chance < _LEAST_EXPECTED:
                continue
            lhs = tuple(names[place] for place in node.columns)
            evidenced = min(1.0, math.log10(node.both[right]) / 4)
            promise = evidenced * math.sqrt(chance) * (1 - share / (_SHARE_OF_CHANCE * chance)) * 0.8 ** (len(lhs) - 1)
            figures = all(columns[column].ordered for column in (*lhs, name))
            candidates.append(_dependency(lhs, name, chance, sample.rare(name), promise, FIGURES if figures else ""))
    return _shortlist(candidates)


def _dependency(lhs: tuple[str, ...], rhs: str, chance: float, rare: float, promise: float, hint: str) -> CandidateRule:
    return CandidateRule(
        kind="fd",
        name=named(*lhs, "determines", rhs),
        body={"determines": f"[{', '.join(lhs)}] -> {rhs}" if len(lhs) > 1 else f"{lhs[0]} -> {rhs}"},
        lhs=lhs,
        rhs=rhs,
        chance=chance,
        rare=rare,
        promise=promise,
        hint=hint,
    )


def named(*parts: str) -> str:
    """A rule's name from words and column names: at most 63 letters, digits and ``_``, beginning with a letter."""
    name = re.sub(r"[^a-z0-9_]+", "_", "_".join(parts).lower()).strip("_") or "rule"
    return (name if name[0].isalpha() else f"rule_{name}")[:63].rstrip("_")


def _shortlist(candidates: list[CandidateRule]) -> list[CandidateRule]:
    taken: dict[str, int] = {}
    kept = []
    for candidate in sorted(candidates, key=lambda c: (-c.promise, len(c.lhs), c.lhs, c.rhs)):
        if taken.get(candidate.rhs, 0) < _MOST_PER_COLUMN:
            taken[candidate.rhs] = taken.get(candidate.rhs, 0) + 1
            kept.append(candidate)
    return kept[:_MOST_CANDIDATES]
