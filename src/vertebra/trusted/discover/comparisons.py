"""Candidates for an order between two columns of one row: a departure before its arrival, a low below its high."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.trusted.discover.dependencies import named
from vertebra.trusted.discover.proposal import CandidateRule
from vertebra.trusted.discover.subject import SubjectColumn, reference

if TYPE_CHECKING:
    from vertebra.trusted.discover.sample import Sample

_MOST_SHARE: Final = 0.01
_LEAST_CHANCE: Final = 0.02
_LEAST_ROWS: Final = 30
_MOST_CANDIDATES: Final = 10
_SHIFTS: Final = (1, 7, 31, 127)


def comparisons(sample: Sample, columns: Mapping[str, SubjectColumn]) -> list[CandidateRule]:
    """Pairs of columns of which one is nearly never greater than the other, though their ranges overlap.

    Only columns of one kind are compared, and none with different declared units. Comparing values of different rows
    measures how often the order would hold by chance.
    """
    able = [c for c in columns.values() if c.ordered and not c.constant]
    found = []
    for place, one in enumerate(able):
        for two in able[:place]:
            if (one.value_type == "time") != (two.value_type == "time") or (one.unit != two.unit):
                continue
            for low, high in ((one, two), (two, one)):
                candidate = _candidate(sample, low.name, high.name)
                if candidate:
                    found.append(candidate)
    return sorted(found, key=lambda c: (-c.promise, c.lhs, c.rhs))[:_MOST_CANDIDATES]


def _candidate(sample: Sample, low: str, high: str) -> CandidateRule | None:
    a, b = (sample.numbers[name][sample.uniform] for name in (low, high))
    known = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[known], b[known]
    if len(a) < _LEAST_ROWS:
        return None
    share, chance = _above(a, b), float(np.mean([_above(a, np.roll(b, shift)) for shift in _SHIFTS]))
    if share > min(_MOST_SHARE, 0.1 * chance) or chance < _LEAST_CHANCE:
        return None
    # duplicate columns are equal far more often than by chance, and then both orders hold
    if share == 0 and _above(b, a) == 0:
        return CandidateRule(
            kind="comparison", name=named(low, "equals", high),
            body={"deny": f"{reference('t', low)} != {reference('t', high)}"},
            lhs=(low,), rhs=high, chance=float((a != np.roll(b, 1)).mean()), promise=1.0, hint="equal",
        ) if low < high else None  # fmt: skip
    strict = not bool((a == b).any())
    return CandidateRule(
        kind="comparison",
        name=named(low, "below" if strict else "at_most", high),
        body={"deny": f"{reference('t', low)} {'>=' if strict else '>'} {reference('t', high)}"},
        lhs=(low,),
        rhs=high,
        chance=chance,
        promise=min(1.0, 4 * chance) * (1 - share / _MOST_SHARE / 2),
        hint="less" if strict else "at most",
    )


def _above(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    return float((a > b).mean())
