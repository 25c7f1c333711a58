"""Dependencies are found in tables in which every column has wrong cells, and not in tables of noise."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discover.planted import subject
from effort import cases, examples
from vertebra.engine import Engine
from vertebra.trusted.discover import discover
from vertebra.trusted.discover.majority import Majority, counted, sampled

ROWS = st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 1), st.integers(-1, 3)), min_size=1, max_size=40)


def by_hand(rows: list[tuple[int, ...]], usual: float) -> Majority:
    """The majorities of the last column in groups of the others, row by row."""
    groups: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for *left, right in rows:
        if min(*left, right) >= 0:
            groups[tuple(left)][right] += 1
    found = [(sum(counts.values()), max(counts.values())) for counts in groups.values()]
    differ = [(size, size - most) for size, most in found if size > 2]
    return Majority(
        rows=sum(size for size, _ in found),
        others=sum(size - 1 for size, _ in found),
        agreeing=sum(most - 1 for _, most in found),
        pairs=sum((size - 1) * (size - 2) for size, _ in found),
        one_differs=sum(wrong * (size - 2) for size, wrong in differ),
        both_differ=sum(wrong * (wrong - 1) for _, wrong in differ),
        usual=usual,
    )


@settings(max_examples=examples(fast=40, thorough=300), deadline=None)
@given(ROWS)
def test_majorities_of_a_sample_are_those_counted_by_hand(rows: list[tuple[int, ...]]) -> None:
    codes = [np.array(column, dtype=np.int32) for column in zip(*rows, strict=True)]
    assert sampled(codes[:2], codes[2], 0.5) == by_hand(rows, 0.5)
    single = [(one, right) for one, _, right in rows]
    assert sampled(codes[:1], codes[2], 0.5) == by_hand(single, 0.5)


def test_the_engine_counts_the_same_majorities(engine: Engine, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    columns = {name: random.integers(-1, most, 400) for name, most in (("a", 40), ("b", 5), ("c", 4), ("d", 2))}
    data = {name: pa.array(codes, pa.int64(), mask=codes < 0) for name, codes in columns.items()}
    table = subject(engine, tmp_path, pa.table(data))
    asked = [(("a",), "b"), (("b",), "a"), (("a", "b"), "c"), (("a", "c", "d"), "b")]
    found = counted(table.frame, asked)
    for left, right in asked:
        known = [code for code in columns[right].tolist() if code >= 0]
        usual = max(Counter(known).values()) / len(known)
        assert found[left, right] == by_hand(
            list(zip(*(columns[name].tolist() for name in (*left, right)), strict=True)), usual
        )


def clinics(rows: int = 1_800) -> pa.Table:
    """Visits to clinics: clinic → (town, phone), town → county, code → (treatment, ward), (clinic, code) → price."""
    random = np.random.default_rng(11)
    clinic, code = random.integers(0, 40, rows), random.integers(0, 12, rows)
    town = random.integers(0, 20, 40)
    prices = random.integers(1, 9, (40, 12))
    return pa.table(
        {
            "visit": [f"v{n:05d}" for n in random.permutation(rows)],
            "clinic": [f"clinic {n}" for n in clinic],
            "town": [f"town {town[n]}" for n in clinic],
            "county": [f"county {town[n] % 7}" for n in clinic],
            "phone": [f"{n * 7919 + 1_000_000}" for n in clinic],
            "code": [f"{'abc'[n % 3]}-{n}" for n in code],
            "treatment": [f"treatment {n}" for n in code],
            "ward": [f"ward {n % 4}" for n in code],
            "price": [f"{prices[one, two]}0 EUR" for one, two in zip(clinic, code, strict=True)],
            "day": [f"2024-{n // 28 % 12 + 1:02d}-{n % 28 + 1:02d}" for n in random.integers(0, 300, rows)],
            "payer": random.choice(["own", "state", "insurer"], rows, p=[0.6, 0.3, 0.1]).tolist(),
        }
    )


def dirtied(data: pa.Table, share: float, seed: int = 1) -> pa.Table:
    """The table with a share of the cells of every column wrong: half of them misspelt, half of them swapped."""
    random = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {}
    for name in data.column_names:
        values = data.column(name).to_pylist()
        for place in np.flatnonzero(random.random(len(values)) < share):
            text, at = values[place], int(random.integers(len(values[place])))
            values[place] = f"{text[:at]}x{text[at + 1 :]}" if random.random() < 0.5 else random.choice(values)
        columns[name] = values
    return pa.table(columns)


HOLD = {
    "clinic": {"town", "county", "phone"}, "phone": {"clinic", "town", "county"}, "town": {"county"},
    "code": {"treatment", "ward"}, "treatment": {"code", "ward"},
}  # fmt: skip


def follow(left: set[str], found: dict[tuple[str, ...], set[str]]) -> set[str]:
    """The columns that left-hand sides determine, by the rules that were found."""
    grown = set(left)
    while more := {one for lhs, rights in found.items() if set(lhs) <= grown for one in rights} - grown:
        grown |= more
    return grown


@pytest.mark.parametrize("share", cases([0.0, 0.03, 0.05, 0.1], fast=[0.05, 0.1]))
def test_dependencies_survive_wrong_cells(sail: Engine, tmp_path: Path, share: float) -> None:
    data = dirtied(clinics(), share)
    proposals = discover(subject(sail, tmp_path, data), kinds=("fd",), limit=60)
    found: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for one in proposals:
        found[one.columns[:-1]].add(one.columns[-1])
    for left, rights in HOLD.items():
        assert rights <= follow({left}, found), left
    assert "price" in follow({"clinic", "code"}, found)
    for lhs, rights in found.items():
        known = set().union(*(HOLD.get(name, set()) for name in lhs))
        assert rights <= known | {"price"}, lhs
        assert "price" not in rights or (known | set(lhs)) >= {"clinic", "code"}


@pytest.mark.parametrize("seed", cases(range(1, 9), fast=[1, 2]))
def test_no_dependency_holds_by_chance(sail: Engine, tmp_path: Path, seed: int) -> None:
    """Columns of few and of many values, even and uneven, so that groups of two and three rows are common."""
    random = np.random.default_rng(seed)
    rows = int(random.integers(40, 900))
    columns = {}
    for place, most in enumerate((2, 2, 3, 5, 12, rows // 20, rows // 3, rows // 2, rows // 2)):
        weights = random.random(most) ** (place % 3)
        columns[f"c{place}"] = [f"v{v}" for v in random.choice(most, rows, p=weights / weights.sum())]
    assert discover(subject(sail, tmp_path, pa.table(columns)), kinds=("fd",), limit=50) == []


def test_mixed_groups_are_no_dependency(sail: Engine, tmp_path: Path) -> None:
    """A town has its usual post code, but a large one has many: an association, which no repair may follow."""
    random = np.random.default_rng(4)
    town = random.integers(0, 40, 2_000)
    code = np.where(town < 30, town, town + 100 * random.integers(0, 4, 2_000))
    data = pa.table({"town": [f"t{n}" for n in town], "post_code": [f"p{n}" for n in code]})
    found = discover(subject(sail, tmp_path, data), kinds=("fd",))
    assert [one.columns for one in found] == [("post_code", "town")]
