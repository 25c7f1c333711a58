"""Candidates for functional dependencies, exact and approximate, from the evidence of a sample."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from vertebra.trusted.discover.lattice import Node, levels
from vertebra.trusted.discover.majority import Majority, counted, explains_more, may_explain_more, sampled
from vertebra.trusted.discover.proposal import CandidateRule

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.trusted.discover.pair_evidence import PairEvidence, Weights
    from vertebra.trusted.discover.sample import Sample
    from vertebra.trusted.discover.subject import SubjectColumn

MOST_COLUMNS: Final = 3
"""The most columns of a left-hand side: rules with more explain little and often hold by accident."""

FIGURES: Final = "figures"
"""The hint of a dependency between numbers and times only: an exact one is usually arithmetic, or part of a date."""

_LEAST_PAIRS: Final = 20.0
_MOST_COUNTED: Final = 100
_MOST_VERIFIED: Final = 50
_MOST_OF_ONE: Final = 12
"""Candidates that determine the same column."""
_KEY: Final = 0.9
"""A column with a value for every row determines all others, and says nothing."""

LEAST_SCORE: Final = 0.5
"""The groups explain at least half of what the most common value leaves open."""
_MOST_EXCEPTIONS: Final = (0.05, 0.02)
"""The most rows that may differ together: for one column on the left-hand side and for several, which fit by chance
more easily."""
_LEAST_OTHERS: Final = 0.2
"""At least this share of the rows can differ from the rest of their group."""
_LEAST_SURPRISE: Final = 12.0
_SLACK: Final = 2.0
"""Standard errors by which the score of a sample may miss the least score."""
_SHARE_OF_CHANCE: Final = 0.7
"""Of the pairs that agree on a left-hand side, at most this share of those expected by chance differ, and of those of
its parts: with a tenth of all cells wrong, a third of the pairs differ."""


def dependencies(found: PairEvidence, sample: Sample, columns: Mapping[str, SubjectColumn]) -> list[CandidateRule]:
    """Functional dependencies X → A that nearly hold on the sample, the most promising first.

    X is minimal: a column more explains much of what the others leave open.

    Args:
        found: the evidence of the sample. Fractional numbers are on no left-hand side, because they are rarely equal.
    """
    names = found.columns
    left = [
        place
        for place, name in enumerate(names)
        if columns[name].value_type != "number" and columns[name].distinct <= _KEY * columns[name].rows
    ]
    chance = np.array([sample.differing(name) for name in names])
    usual = [1 - sample.rare(name) for name in names]
    codes = [sample.codes[name] for name in names]
    shares: dict[tuple[int, ...], Weights] = {}
    best: dict[tuple[tuple[int, ...], int], Majority] = {}
    candidates: list[CandidateRule] = []
    for node in levels(found, left, MOST_COLUMNS, _LEAST_PAIRS):
        for right in _promising(node, chance, shares):
            parts = [part for size in range(1, len(node.columns)) for part in combinations(node.columns, size)]
            known = [best[part, right] for part in parts if (part, right) in best]
            shorter = max(known, key=lambda part: part.score, default=None)
            if shorter and not may_explain_more(shorter, sample.rows):
                continue
            majority = sampled([codes[place] for place in node.columns], codes[right], usual[right])
            if shorter and not explains_more(majority, shorter):
                continue
            best[node.columns, right] = majority
            if _may_hold(majority, len(node.columns), whole=sample.whole):
                name, lhs = names[right], tuple(names[place] for place in node.columns)
                figures = all(columns[column].ordered for column in (*lhs, name))
                promise, differ = _promise(majority, len(lhs)), float(chance[right])
                candidates.append(_dependency(lhs, name, differ, majority, promise, FIGURES if figures else ""))
    return _shortlist(candidates, _MOST_COUNTED, _MOST_OF_ONE)


def _promising(node: Node, chance: Weights, shares: dict[tuple[int, ...], Weights]) -> list[int]:
    """The columns that a left-hand side may determine, by the share of its pairs that differ on them.

    Args:
        chance: for each column, the probability that two rows differ on it.
        shares: for each left-hand side, for each column the least share of it and its parts; this one is added.
    """
    share = np.divide(node.differ, node.both, out=np.ones_like(node.both), where=node.both > 0)
    parts = combinations(node.columns, len(node.columns) - 1)
    least = np.min([shares[part] for part in parts if part in shares] or [np.ones_like(share)], axis=0)
    shares[node.columns] = np.minimum(share, least)
    if node.pairs < _LEAST_PAIRS:
        return []
    fit = (chance > 0) & (share <= _SHARE_OF_CHANCE * chance)
    if len(node.columns) > 1:
        fit &= share <= _SHARE_OF_CHANCE * least
    fit[list(node.columns)] = False
    return np.flatnonzero(fit).tolist()


def holds(majority: Majority, columns: int) -> bool:
    """Whether the exact majorities of a table are those of a dependency, whatever share of the cells is wrong.

    Args:
        columns: how many columns its left-hand side has.
    """
    return (
        majority.score >= LEAST_SCORE
        and majority.exceptions <= _MOST_EXCEPTIONS[columns > 1]
        and majority.others >= _LEAST_OTHERS * majority.rows
        and majority.surprise >= _LEAST_SURPRISE
    )


def _may_hold(majority: Majority, columns: int, *, whole: bool) -> bool:
    """Whether the table of a sample may have a dependency; its groups have fewer rows than those of the table."""
    if whole:
        return holds(majority, columns)
    slack = _SLACK / math.sqrt(majority.others) if majority.others else 0.0
    return majority.others >= _LEAST_PAIRS and majority.score >= LEAST_SCORE - slack


def exact(frame: DataFrame, candidates: Sequence[CandidateRule]) -> list[CandidateRule]:
    """The candidates that hold in the whole table, with their exact majorities.

    Args:
        frame: the table.
    """
    asked = {(candidate.lhs, candidate.rhs) for candidate in candidates}
    parts = {(part, c.rhs) for c in candidates for part in combinations(c.lhs, len(c.lhs) - 1) if part}
    majorities = counted(frame, sorted(asked | parts))
    kept = []
    for candidate in candidates:
        majority = majorities[candidate.lhs, candidate.rhs]
        parts_of = [part for part in combinations(candidate.lhs, len(candidate.lhs) - 1) if part]
        shorter = [majorities[part, candidate.rhs] for part in parts_of]
        if holds(majority, len(candidate.lhs)) and all(explains_more(majority, one) for one in shorter):
            kept.append(replace(candidate, majority=majority, promise=_promise(majority, len(candidate.lhs))))
    return _shortlist(kept, _MOST_VERIFIED, _MOST_OF_ONE)


def _dependency(
    lhs: tuple[str, ...], rhs: str, chance: float, majority: Majority, promise: float, hint: str
) -> CandidateRule:
    return CandidateRule(
        kind="fd",
        name=named(*lhs, "determines", rhs),
        body={"determines": f"[{', '.join(lhs)}] -> {rhs}" if len(lhs) > 1 else f"{lhs[0]} -> {rhs}"},
        lhs=lhs,
        rhs=rhs,
        chance=chance,
        promise=promise,
        hint=hint,
        majority=majority,
    )


def named(*parts: str) -> str:
    """A rule's name from words and column names: at most 63 letters, digits and ``_``, beginning with a letter."""
    name = re.sub(r"[^a-z0-9_]+", "_", "_".join(parts).lower()).strip("_") or "rule"
    return (name if name[0].isalpha() else f"rule_{name}")[:63].rstrip("_")


def _promise(majority: Majority, columns: int) -> float:
    """The more of the rows and of their values a dependency explains, with few columns, the more it promises."""
    tied = majority.others / majority.rows if majority.rows else 0.0
    worth: float = majority.score * tied * (1 - majority.usual) ** 0.25 * 0.8 ** (columns - 1)
    return worth


def _shortlist(candidates: Sequence[CandidateRule], most: int, of_one: int) -> list[CandidateRule]:
    """The most promising candidates, and not too many that determine one column."""
    taken: dict[str, int] = {}
    kept = []
    for candidate in sorted(candidates, key=lambda c: (-c.promise, len(c.lhs), c.lhs, c.rhs)):
        if taken.get(candidate.rhs, 0) < of_one:
            taken[candidate.rhs] = taken.get(candidate.rhs, 0) + 1
            kept.append(candidate)
    return kept[:most]
