"""The search against brute force: evidence, left-hand sides, candidate keys, forms of text."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import examples
from vertebra.trusted.discover.lattice import levels, uncovered
from vertebra.trusted.discover.pair_evidence import between, pair_evidence
from vertebra.trusted.discover.patterns import pattern_of
from vertebra.trusted.discover.sample import Sample

CELL = st.one_of(st.just(-1), st.integers(0, 3))
ROWS = st.integers(1, 4).flatmap(lambda p: st.lists(st.lists(CELL, min_size=p, max_size=p), min_size=2, max_size=14))


def sampled(rows: list[list[int]]) -> Sample:
    """Codes as a sample; -1 is NULL."""
    table = np.array(rows, dtype=np.int32)
    codes = {f"c{place}": table[:, place] for place in range(table.shape[1])}
    return Sample(np.ones(len(rows), dtype=bool), {}, codes, {}, whole=True)


def agree(one: list[int], two: list[int], columns: tuple[int, ...]) -> bool:
    return all(one[c] >= 0 and one[c] == two[c] for c in columns)


def differ(one: list[int], two: list[int], column: int) -> bool:
    return one[column] >= 0 and two[column] >= 0 and one[column] != two[column]


@settings(deadline=None, max_examples=examples(fast=40, thorough=150))
@given(ROWS)
def test_evidence_counts_every_pair_of_rows_once(rows: list[list[int]]) -> None:
    sample = sampled(rows)
    found = pair_evidence(sample, list(sample.codes))
    seen = {
        (tuple(e.tolist()), tuple(d.tolist())): w
        for e, d, w in zip(found.equal, found.differ, found.weight, strict=True)
    }
    expected: dict[Any, int] = {}
    width = range(len(rows[0]))
    for one, two in combinations(rows, 2):
        kind = tuple(agree(one, two, (c,)) for c in width), tuple(differ(one, two, c) for c in width)
        expected[kind] = expected.get(kind, 0) + 1
    assert seen == expected


@settings(deadline=None, max_examples=examples(fast=40, thorough=150))
@given(ROWS)
def test_the_lattice_counts_what_agrees_on_a_set_and_differs_on_a_column(rows: list[list[int]]) -> None:
    sample = sampled(rows)
    width = len(rows[0])
    nodes = {n.columns: n for n in levels(pair_evidence(sample, list(sample.codes)), range(width), width, 1)}
    for size in range(1, width + 1):
        for columns in combinations(range(width), size):
            pairs = [pair for pair in combinations(rows, 2) if agree(*pair, columns)]
            if columns not in nodes:
                assert not pairs, "only sets below one without evidence are passed over"
                continue
            assert nodes[columns].pairs == len(pairs)
            for column in range(width):
                assert nodes[columns].differ[column] == sum(differ(*pair, column) for pair in pairs)


@settings(deadline=None, max_examples=examples(fast=40, thorough=150))
@given(ROWS)
def test_candidate_keys_are_the_minimal_sets_on_which_no_two_rows_agree(rows: list[list[int]]) -> None:
    sample = sampled(rows)
    width = len(rows[0])
    sets = [c for size in range(1, width + 1) for c in combinations(range(width), size)]
    unique = {c for c in sets if not any(agree(*pair, c) for pair in combinations(rows, 2))}
    minimal = {c for c in unique if not any(set(other) < set(c) for other in unique)}
    assert set(uncovered(pair_evidence(sample, list(sample.codes)), range(width), width)) == minimal


def test_a_counterexample_makes_the_next_candidate_key_longer() -> None:
    sample = sampled([[0, 0], [1, 1], [2, 0]])
    found = pair_evidence(sample, ["c0", "c1"])
    assert uncovered(found, [0, 1], 2) == [(0,)]
    codes = [np.array([5, 5]), np.array([0, 1])]
    assert uncovered(found.joined(*between(codes, np.array([[0, 1]]))), [0, 1], 2) == [(0, 1)]


FORMS = [
    ([f"N{100 + i}{'AB'[i % 2]}" for i in range(30)], "N[0-9]{3}[A-Z]"),
    ([f"N{100 + i}" + ("X" if i % 2 else "") for i in range(30)], "N[0-9]{3}(X)?"),
    ([f"{i:02d}.{i % 7}" for i in range(30)], r"[0-9]{2}\.[0-9]"),
    (["AA", "9E", "B6", "F9", "UA", "DL"] * 5, "[A-Z0-9]{2}"),
    (["BCN", "GRO", "MAD"] * 10, "[A-Z]{3}"),
    ([f"word{'s' * (i % 3)} and more" for i in range(30)], None),
    (["Ada", "Bob", "Christopher", "Dorothea"] * 8, None),
    (["x"] * 5, None),
]


@pytest.mark.parametrize(("texts", "pattern"), FORMS)
def test_texts_of_one_form_give_its_pattern(texts: list[str], pattern: str | None) -> None:
    assert pattern_of(texts) == pattern


@settings(deadline=None, max_examples=examples(fast=30, thorough=100))
@given(st.lists(st.text("ABab01.-+*(", min_size=1, max_size=6), min_size=20, max_size=60))
def test_a_pattern_matches_nearly_all_texts_it_was_made_from(texts: list[str]) -> None:
    pattern = pattern_of(texts)
    if pattern is not None:
        assert sum(1 for text in texts if re.fullmatch(pattern, text)) >= 0.98 * len(texts)
