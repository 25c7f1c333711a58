"""Candidates for order dependencies between rows: where one column grows, another does not fall.

``t.a < s.a and t.b > s.b`` denies that ``b`` falls where ``a`` grows; with equalities before it, within groups. They
are found by counting, over pairs of rows, how often two columns change in the same and in opposite directions.

Reference: Szlichta, Godfrey, Golab, Kargar and Srivastava, "Effective and Complete Discovery of Order Dependencies via
Set-based Axiomatization", PVLDB 10(7), 2017 (order compatibility within the groups of a context).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.trusted.discover.dependencies import named
from vertebra.trusted.discover.proposal import CandidateRule
from vertebra.trusted.discover.subject import SubjectColumn, reference

if TYPE_CHECKING:
    from vertebra.trusted.discover.sample import Sample

_PAIRS: Final = 400_000
_LEAST_PAIRS: Final = 300
_MOST_SHARE: Final = 0.005
_MOST_CANDIDATES: Final = 4
_GROUPINGS: Final = 12
_LEAST_VALUES: Final = 5
_DERIVED: Final = 0.35
"""The weight of an order between two columns of which one determines the other."""

Counts = np.ndarray[Any, np.dtype[np.float64]]


def orders(
    sample: Sample, columns: Mapping[str, SubjectColumn], arithmetic: Sequence[frozenset[str]]
) -> list[CandidateRule]:
    """Pairs of columns that change in the same or in opposite directions in nearly all pairs of rows, or within groups.

    Args:
        arithmetic: sets of numeric columns in which one is computed exactly from the others: an order among them is
            trivial.
    """
    able = [c.name for c in columns.values() if c.ordered and c.distinct >= _LEAST_VALUES]
    if len(able) < 2:
        return []
    codes = np.stack([sample.codes[name] for name in able], axis=1)
    everywhere = _ways(codes, _any_pairs(sample.rows))
    found = _candidates((), able, everywhere, np.zeros((len(able), len(able)), dtype=bool), arithmetic)
    steady = _steady(everywhere)
    groupings = sorted((c for c in columns.values() if 1 < c.distinct < c.rows / 3), key=lambda c: (c.distinct, c.name))
    for group in groupings[:_GROUPINGS]:
        ways = _ways(codes, _pairs_within(sample.codes[group.name]))
        found += _candidates((group.name,), able, ways, steady, arithmetic)
    return sorted(found, key=lambda c: (-c.promise, c.lhs, c.rhs))[:_MOST_CANDIDATES]


def _any_pairs(rows: int) -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(rows)
    pairs = generator.integers(0, rows, size=(_PAIRS, 2))
    different: np.ndarray[Any, Any] = pairs[pairs[:, 0] != pairs[:, 1]]
    return different


def _pairs_within(group: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Pairs of rows of one group: rows 1, 2, 4, 8 … apart when sorted by it in a random order."""
    generator = np.random.default_rng(len(group))
    order = generator.permutation(len(group))
    order = order[np.argsort(group[order], kind="stable")]
    parts = []
    step = 1
    while step < len(order):
        pairs = np.stack([order[:-step], order[step:]], axis=1)
        same = (group[pairs[:, 0]] == group[pairs[:, 1]]) & (group[pairs[:, 0]] >= 0)
        if not same.any():
            break
        parts.append(pairs[same])
        step *= 2
    return np.concatenate(parts) if parts else np.zeros((0, 2), dtype=np.int64)


def _ways(codes: np.ndarray[Any, Any], pairs: np.ndarray[Any, Any]) -> tuple[Counts, Counts]:
    """For every two columns: pairs of rows in which both grow, and pairs in which one grows and the other falls."""
    one, two = codes[pairs[:, 0]], codes[pairs[:, 1]]
    way = np.where((one >= 0) & (two >= 0), np.sign(two - one), 0).astype(np.float32)
    net, all_ = (way.T @ way).astype(np.float64), (np.abs(way).T @ np.abs(way)).astype(np.float64)
    return (all_ + net) / 2, (all_ - net) / 2


def _steady(ways: tuple[Counts, Counts]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which columns change together in the whole table; within groups this is trivial."""
    same, opposite = ways
    steady: np.ndarray[Any, np.dtype[np.bool_]] = np.minimum(same, opposite) <= 2 * _MOST_SHARE * (same + opposite)
    return steady


def _candidates(
    group: tuple[str, ...],
    able: Sequence[str],
    ways: tuple[Counts, Counts],
    known: np.ndarray[Any, np.dtype[np.bool_]],
    arithmetic: Sequence[frozenset[str]],
) -> list[CandidateRule]:
    same, opposite = ways
    found = []
    for a, one in enumerate(able):
        for b, two in enumerate(able[:a]):
            total = same[a, b] + opposite[a, b]
            derived = any(columns <= {one, two, *group} for columns in arithmetic)
            if known[a, b] or (derived and group) or total < _LEAST_PAIRS or {one, two} & set(group):
                continue
            rising = opposite[a, b] <= same[a, b]
            share = min(same[a, b], opposite[a, b]) / total
            if share > _MOST_SHARE:
                continue
            evidenced, fidelity = min(1.0, math.log10(total) / 4), 1 - share / _MOST_SHARE / 2
            steps = [(name, "=") for name in group] + [(two, "<"), (one, ">" if rising else "<")]
            text = " and ".join(f"{reference('t', name)} {sign} {reference('s', name)}" for name, sign in steps)
            found.append(
                CandidateRule(
                    kind="order",
                    name=named(two, "orders", one, *(("by", *group) if group else ())),
                    body={"deny": text},
                    lhs=(*group, two),
                    rhs=one,
                    chance=0.5,
                    promise=evidenced * fidelity * 0.8 ** len(group) * (_DERIVED if derived else 1.0),
                    hint="grows" if rising else "falls",
                )
            )
    return found
