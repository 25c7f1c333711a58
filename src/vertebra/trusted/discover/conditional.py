"""Conditional candidates: for some values of a column, another column has one value, or is determined.

Reference: Fan, Geerts, Li and Xiong, "Discovering Conditional Functional Dependencies", IEEE TKDE 23(5), 2011.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.trusted.discover.dependencies import named
from vertebra.trusted.discover.proposal import CandidateRule
from vertebra.trusted.discover.subject import SubjectColumn, reference

if TYPE_CHECKING:
    from vertebra.trusted.discover.sample import Sample

_FEW_VALUES: Final = 60
_LEAST_SUPPORT: Final = 0.01
_LEAST_ROWS: Final = 25
_PURE: Final = 0.99
_MOST_CHANCE: Final = 0.7
_LEAST_EXPECTED: Final = 12.0
_MOST_CANDIDATES: Final = 10
_MAX_LISTED: Final = 6


def constants(sample: Sample, columns: Mapping[str, SubjectColumn]) -> list[CandidateRule]:
    """Rules ``t.carrier = 'AS' and t.origin != 'EWR'``: one value nearly always implies another."""
    able = [c.name for c in columns.values() if c.value_type in ("text", "boolean") and 1 < c.distinct <= _FEW_VALUES]
    found = []
    for one in able:
        for two in able:
            if one != two:
                found += _constants(sample, one, two)
    return sorted(found, key=lambda c: (-c.promise, c.name))[:_MOST_CANDIDATES]


def _constants(sample: Sample, one: str, two: str) -> list[CandidateRule]:
    table = _table(sample, one, two)
    rows = table.sum()
    if not rows:
        return []
    usual = table.sum(axis=0) / rows
    sizes, tops = table.sum(axis=1), table.argmax(axis=1)
    pure = table[np.arange(len(table)), tops] >= _PURE * np.maximum(sizes, 1)
    # if this holds for every value, the column determines the other: one rule without conditions
    if sizes[pure].sum() >= 0.9 * rows:
        return []
    expected = sizes * (1 - usual[tops])
    fit = pure & (sizes >= max(_LEAST_ROWS, _LEAST_SUPPORT * rows)) & (expected >= _LEAST_EXPECTED)
    fit &= usual[tops] <= _MOST_CHANCE
    names = {place: _named_values(sample, column) for place, column in enumerate((one, two))}
    found = []
    for top in sorted(set(tops[fit].tolist())):
        values = list(np.flatnonzero(fit & (tops == top)).tolist())
        values.sort(key=lambda code: (-sizes[code], code))
        listed = sorted(names[0][code] for code in values[:_MAX_LISTED])
        support = float(sizes[values[:_MAX_LISTED]].sum() / rows)
        chance = float(1 - usual[top])
        found.append(
            CandidateRule(
                kind="conditional",
                name=named(one, str(listed[0]) if len(listed) == 1 else "some", two, str(names[1][top])),
                body={"deny": f"{_is(one, listed)} and {reference('t', two)} != {literal(names[1][top])}"},
                lhs=(one,),
                rhs=two,
                chance=chance,
                promise=min(1.0, 0.4 + 2 * support) * chance,
                hint=f"{one} is {_or(listed)}\x00{two} is {names[1][top]}",
            )
        )
    return found


def _table(sample: Sample, one: str, two: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Counts of pairs of values of two columns in the uniform half of the sample."""
    a, b = sample.codes[one], sample.codes[two]
    shape = (int(a.max(initial=-1)) + 1, int(b.max(initial=-1)) + 1)
    known = sample.uniform & (a >= 0) & (b >= 0)
    table = np.zeros(shape, dtype=np.int64)
    np.add.at(table, (a[known], b[known]), 1)
    return table


def dependencies_within(
    sample: Sample, columns: Mapping[str, SubjectColumn], determined: Sequence[tuple[str, str]]
) -> list[CandidateRule]:
    """Rules ``t.c = 'x' and t.c = s.c and t.a = s.a and t.b != s.b``: a determines b for some values of c.

    Args:
        determined: pairs of columns of which the first determines the second without a condition.
    """
    conditions = [
        c.name for c in columns.values() if c.value_type in ("text", "boolean") and 1 < c.distinct <= _FEW_VALUES
    ]
    left = [c.name for c in columns.values() if c.value_type != "number" and 1 < c.distinct < c.rows / 3]
    right = [c.name for c in columns.values() if not c.constant]
    known = set(determined)
    found = []
    for lhs in left:
        pairs = _neighbours(sample.codes[lhs])
        for rhs in right:
            if lhs == rhs or (lhs, rhs) in known:
                continue
            one, two = sample.codes[rhs][pairs[:, 0]], sample.codes[rhs][pairs[:, 1]]
            both = (one >= 0) & (two >= 0)
            for condition in conditions:
                if condition not in (lhs, rhs) and not {(condition, rhs), (condition, lhs)} & known:
                    found += _within(sample, condition, lhs, rhs, pairs[both], (one != two)[both])
    return sorted(found, key=lambda c: (-c.promise, c.name))[:_MOST_CANDIDATES]


def _neighbours(codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Pairs of rows with the same value, at most one and two places apart in a random order."""
    order = np.random.default_rng(len(codes)).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    pairs = np.concatenate([np.stack([order[:-step], order[step:]], axis=1) for step in (1, 2, 5)])
    same = (codes[pairs[:, 0]] == codes[pairs[:, 1]]) & (codes[pairs[:, 0]] >= 0)
    found: np.ndarray[Any, Any] = pairs[same]
    return found


def _within(
    sample: Sample, condition: str, lhs: str, rhs: str, pairs: np.ndarray[Any, Any], differ: np.ndarray[Any, Any]
) -> list[CandidateRule]:
    codes = sample.codes[condition]
    one, two = codes[pairs[:, 0]], codes[pairs[:, 1]]
    inside = (one == two) & (one >= 0)
    if not inside.any() or differ[inside].mean() < 0.1:
        return []
    size = int(codes.max()) + 1
    pairs_of = np.bincount(one[inside], minlength=size)
    differing = np.bincount(one[inside], weights=differ[inside], minlength=size)
    rows_of = np.bincount(codes[sample.uniform & (codes >= 0)], minlength=size)
    names = _named_values(sample, condition)
    found = []
    for value in range(size):
        chance = _differing_within(sample, rhs, sample.uniform & (codes == value))
        enough = pairs_of[value] * chance >= _LEAST_EXPECTED and rows_of[value] >= _LEAST_ROWS
        if not enough or differing[value] > 0.01 * pairs_of[value]:
            continue
        agree = " and ".join(f"{reference('t', name)} = {reference('s', name)}" for name in (condition, lhs))
        text = f"{_is(condition, [names[value]])} and {agree} and {reference('t', rhs)} != {reference('s', rhs)}"
        found.append(
            CandidateRule(
                kind="conditional",
                name=named(condition, str(names[value]), lhs, "determines", rhs),
                body={"deny": text},
                lhs=(condition, lhs),
                rhs=rhs,
                chance=chance,
                promise=min(1.0, 0.3 + 2 * rows_of[value] / max(1, int(sample.uniform.sum()))) * chance * 0.9,
                hint=f"{condition} is {names[value]}\x00{lhs} determines {rhs}",
            )
        )
    return found


def _differing_within(sample: Sample, column: str, rows: np.ndarray[Any, Any]) -> float:
    codes = sample.codes[column][rows]
    codes = codes[codes >= 0]
    if len(codes) < 2:
        return 0.0
    counts = np.bincount(codes).astype(np.float64)
    return float(1 - (counts * (counts - 1)).sum() / (len(codes) * (len(codes) - 1)))


def _named_values(sample: Sample, column: str) -> dict[int, Any]:
    return dict(zip(sample.codes[column].tolist(), sample.values[column], strict=True))


def _is(column: str, values: Sequence[Any]) -> str:
    if len(values) == 1:
        return f"{reference('t', column)} = {literal(values[0])}"
    return f"{reference('t', column)} in ({', '.join(literal(value) for value in values)})"


def literal(value: Any) -> str:
    """A text or a boolean as a literal of a rule."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _or(values: Sequence[Any]) -> str:
    texts = [str(value) for value in values]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"
