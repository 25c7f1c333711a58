"""The interest of a rule: it holds, concerns many rows, would not hold by accident, and is short.

Four things are measured. *Support*: the share of rows that the rule concerns, or relates to another row. *Surprise*:
how often it would be violated if its columns were independent. *Fidelity*: how much rarer than that its violations are.
*Succinctness*: few columns. A rule with a few violations is more interesting than one with none: it shows errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from vertebra.trusted.discover.kind import KINDS
from vertebra.trusted.discover.proposal import Verified

_LEAST_INTEREST: Final = 0.1

_SAME_TARGET: Final = 0.8
_SAME_KIND: Final = 0.95


def is_rule(found: Verified) -> bool:
    """Whether a verified candidate is a rule and does not hold by accident."""
    return KINDS[found.candidate.kind].is_rule(found)


def interest(found: Verified) -> float:
    """How interesting a rule is, 0 to about 1.2."""
    kind = KINDS[found.candidate.kind]
    worth = kind.worth(found)
    return worth if found.exact else kind.with_violations(worth, found)


def without_implied(found: Iterable[Verified]) -> list[Verified]:
    """Rules by interest, without rules that others imply.

    These are left out: a key or left-hand side, if one with fewer columns is as good; a dependency that follows from
    others by transitivity (Armstrong's axioms) and is no better than they are; and a conditional dependency that also
    holds without its condition. If a shorter left-hand side nearly holds, only the best of the longer ones that hold
    exactly is kept.
    """
    ranked = sorted(found, key=lambda one: (-interest(one), len(one.candidate.lhs), one.candidate.name))
    by_length = sorted(ranked, key=lambda one: len(one.candidate.lhs))
    minimal = _minimal(by_length)
    kept: list[Verified] = []
    for one in _one_reference_each(ranked):
        if one.candidate.name not in minimal or (interest(one) < _LEAST_INTEREST and not one.declared):
            continue
        follows = one.candidate.kind in ("fd", "conditional") and _follows(one, kept)
        if one.declared or not follows:
            kept.append(one)
    return kept


def _minimal(by_length: Sequence[Verified]) -> set[str]:
    """The names of rules that are not redundant because of a shorter rule of their kind."""
    kept: list[Verified] = []
    refined: dict[str, Verified] = {}
    for one in by_length:
        shorter = [
            other
            for other in kept
            if other.candidate.kind == one.candidate.kind
            and KINDS[one.candidate.kind].minimal
            and other.candidate.rhs == one.candidate.rhs
            and set(other.candidate.lhs) < set(one.candidate.lhs)
        ]
        if not shorter:
            kept.append(one)
            continue
        if not one.exact or any(other.exact for other in shorter):
            if one.declared:
                kept.append(one)
            continue
        base = min(shorter, key=lambda other: (len(other.candidate.lhs), other.dirty, other.candidate.name))
        rival = refined.get(base.candidate.name)
        if rival is None or _better(one, rival):
            if rival is not None and not rival.declared:
                kept.remove(rival)
            refined[base.candidate.name] = one
            kept.append(one)
        elif one.declared:
            kept.append(one)
    return {one.candidate.name for one in kept}


def _better(one: Verified, two: Verified) -> bool:
    """The better of two longer left-hand sides: for keys the more surprising, otherwise the one relating more rows."""
    chances = (one.candidate.chance, two.candidate.chance) if one.candidate.kind == "key" else (0.0, 0.0)
    return (chances[0], -(one.groups or 0), two.candidate.name) > (chances[1], -(two.groups or 0), one.candidate.name)


def _one_reference_each(ranked: Sequence[Verified]) -> list[Verified]:
    """The declared reference of a column, or the most interesting one; others only if they cover more of its values."""
    met: dict[tuple[str, ...], int] = {}
    for one in ranked:
        if one.candidate.kind == "reference" and one.declared:
            met[one.candidate.lhs] = min(met.get(one.candidate.lhs, one.dirty), one.dirty)
    kept = []
    for one in ranked:
        if one.candidate.kind == "reference" and not one.declared:
            if one.dirty >= met.get(one.candidate.lhs, one.rows + 1):
                continue
            met[one.candidate.lhs] = one.dirty
        kept.append(one)
    return kept


def _follows(one: Verified, others: Sequence[Verified]) -> bool:
    """Whether a dependency follows transitively from others with no more dirty rows."""
    known = [o for o in others if o.candidate.kind == "fd" and o.dirty <= one.dirty]
    closure = set(one.candidate.lhs)
    grown = True
    while grown:
        grown = False
        for other in known:
            if set(other.candidate.lhs) <= closure and other.candidate.rhs not in closure:
                closure.add(other.candidate.rhs)
                grown = True
    return one.candidate.rhs in closure


def diversified(found: Sequence[Verified], limit: int) -> list[Verified]:
    """The first rules of a ranking in which each further rule about one column, or of one kind, counts less."""
    left = {one.candidate.name: (one, interest(one)) for one in found}
    targets: dict[tuple[str, ...], int] = {}
    kinds: dict[str, int] = {}
    chosen: list[Verified] = []

    def score(name: str) -> float:
        one, worth = left[name]
        often = targets.get(_target(one), 0), kinds.get(one.candidate.kind, 0)
        return worth * math.pow(_SAME_TARGET, often[0]) * math.pow(_SAME_KIND, often[1])

    while left and len(chosen) < limit:
        best = max(left, key=lambda name: (score(name), -len(left[name][0].candidate.lhs), name))
        one, _ = left.pop(best)
        chosen.append(one)
        targets[_target(one)] = targets.get(_target(one), 0) + 1
        kinds[one.candidate.kind] = kinds.get(one.candidate.kind, 0) + 1
    return chosen


def _target(one: Verified) -> tuple[str, ...]:
    """The topic of a rule, for diversity; all keys have the same topic."""
    candidate = one.candidate
    if KINDS[candidate.kind].one_topic:
        return (candidate.kind,)
    return (candidate.rhs,) if candidate.rhs else (candidate.kind, *candidate.lhs)
