"""Slips are not learnt as the norm: neither as values of a list nor as a form of codes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discover.planted import subject
from effort import examples
from vertebra.engine import Engine
from vertebra.trusted.discover import Proposal, discover
from vertebra.trusted.discover.patterns import without_slips
from vertebra.trusted.discover.slips import distance, slips, wrong_letters
from vertebra.trusted.discover.units import measure_of
from vertebra.trusted.discover.value_lists import are_people

TEXT = st.text("abx", max_size=6)


def by_recursion(one: str, two: str) -> int:
    if not one or not two:
        return len(one) + len(two)
    found = min(
        by_recursion(one[1:], two) + 1,
        by_recursion(one, two[1:]) + 1,
        by_recursion(one[1:], two[1:]) + (one[0] != two[0]),
    )
    if len(one) > 1 and len(two) > 1 and one[:2] == two[1] + two[0]:
        found = min(found, by_recursion(one[2:], two[2:]) + 1)
    return found


@settings(max_examples=examples(fast=30, thorough=200), deadline=None)
@given(TEXT, TEXT, st.integers(0, 6))
def test_the_distance_is_that_of_the_definition(one: str, two: str, most: int) -> None:
    assert distance(one, two, most) == min(by_recursion(one, two), most + 1)


@pytest.mark.parametrize(
    ("text", "other", "wrong"),
    [
        ("Bacrelona", "Barcelona", 1), ("proxrietary", "proprietary", 1), ("yes", "YES", 0), ("acutexcare", "acute care", 1),
        ("hearx axxack", "heart attack", 3), ("heart failure", "heart attack", None), ("incomplete", "complete", None),
        ("inactive", "active", None), ("north", "south", None), ("ward 12", "ward 13", None), ("room 1x", "room 12", 1),
        ("not available", "available", None), ("B", "A", None), ("female", "male", None), ("local", "state", None),
    ],
)  # fmt: skip
def test_a_slip_has_few_wrong_letters_in_each_word(text: str, other: str, wrong: int | None) -> None:
    assert wrong_letters(text, other) == wrong


def test_a_text_that_is_nearly_as_frequent_is_no_slip() -> None:
    assert slips({"Essen": 300, "Hessen": 40, "Esssen": 2}) == {"Esssen": "Essen"}


def test_names_of_people_are_no_list() -> None:
    assert are_people("sales_rep", ["Ana Gil", "Ben O'Neill"])
    assert are_people("name", ["Ana", "Ben"])
    assert are_people(
        "handled", [f"{first} {last}" for first in ("Ana", "Ben", "Eva") for last in ("Gil", "Roy", "Lee")]
    )
    assert not are_people("country_name", ["Spain", "France"])
    assert not are_people("customer", ["retail", "wholesale"])
    assert not are_people("status", ["In Progress", "On Hold"])


UNITS = [
    (["12.0 oz."] * 40 + ["16 oz"] * 30 + ["8 Ounce", "12.5 OZ"], "[0-9]+([.][0-9]+)* (oz\\.|oz|Ounce|OZ)", ["oz"]),
    (["0.05"] * 40 + ["0.07%"] * 9, "[0-9]+([.][0-9]+)*(%)?", ["%"]),
    (["5 kg", "300 g"] * 30 + ["7 gx"], "[0-9]+ (kg|g)", ["kg", "g"]),
    (["1,250.00€", "+3 €"] * 30, "[+-]?[0-9]+([,.][0-9]+)* ?(€)", ["€"]),
    (["12A", "13B", "14C"] * 30, None, []),
    (["12", "13"] * 30, None, []),
    (["12 High Street", "14 Low Road", "9 Mill Lane"] * 20, None, []),
    (["5 kg", "unknown"] * 30, None, []),
]


@pytest.mark.parametrize(("texts", "pattern", "units"), UNITS)
def test_a_number_with_a_unit_is_known_by_its_writings(texts: list[str], pattern: str | None, units: list[str]) -> None:
    found = measure_of(texts)
    assert (found and found.pattern) == pattern
    assert list(found.units if found else []) == units
    if found:
        assert sum(bool(re.fullmatch(found.pattern, text)) for text in texts) >= 0.98 * len(texts)


def tickets(rows: int = 2_000, share: float = 0.05) -> pa.Table:
    """Tickets of which 5 % of the cells have one wrong letter; two countries are rare, and right."""
    random = np.random.default_rng(6)
    shop = random.integers(0, 40, rows)
    country = np.where(shop < 5, "FR", np.where(shop < 10, "ER", np.where(shop < 25, "ES", "PT")))
    columns = {
        "shop": [f"shop {n}" for n in shop],
        "country": country.tolist(),
        "paid": random.choice(["yes", "no"], rows, p=[0.7, 0.3]).tolist(),
        "reason": random.choice(["damaged", "late delivery", "wrong article"], rows, p=[0.6, 0.3, 0.1]).tolist(),
        "zip": [f"{n:05d}" for n in random.integers(8_000, 9_999, rows)],
        "sku": [f"{'ABCD'[n % 4]}{'KLM'[n % 3]}-{n:04d}" for n in random.integers(0, 9_999, rows)],
        "weight": [f"{n / 2} {['kg', 'kg.', 'Kilo'][n % 3]}" for n in random.integers(2, 90, rows)],
        "clerk": random.choice(["Ana Gil", "Ben Roy", "Eva Lee"], rows).tolist(),
    }
    for name, values in columns.items():
        for place in np.flatnonzero(random.random(rows) < share) if name not in ("shop", "weight") else ():
            at = int(random.integers(len(values[place])))
            values[place] = values[place][:at] + random.choice(list("xq")) + values[place][at + 1 :]
    return pa.table(columns)


RIGHT = {
    "country": ["ER", "ES", "FR", "PT"], "paid": ["no", "yes"],
    "reason": ["damaged", "late delivery", "wrong article"],
}  # fmt: skip


def test_slips_are_neither_values_nor_forms(engine: Engine, tmp_path: Path) -> None:
    data = tickets()
    found: dict[tuple[str, str], Proposal] = {
        (one.kind, one.columns[0]): one
        for one in discover(subject(engine, tmp_path, data), kinds=("values", "pattern"), limit=20)
    }
    for column, values in RIGHT.items():
        proposal = found["values", column]
        assert proposal.body == {"values": {column: values}}
        wrong = sum(text not in values for text in data.column(column).to_pylist())
        assert proposal.dirty_rows == wrong > 50
        assert f"all but {wrong} of 2,000" in proposal.sentence
        assert "look like typos" in proposal.sentence
    assert ("values", "clerk") not in found
    assert found["pattern", "weight"].statement.startswith("weight is a number in kg, written ")
    assert found["pattern", "weight"].dirty_rows == 0
    for column, pattern in (("zip", "[0-9]{5}"), ("sku", "[A-Z]{2}-[0-9]{4}")):
        assert found["pattern", column].body == {"matches": {column: pattern}}
        missed = sum(not re.fullmatch(pattern, text) for text in data.column(column).to_pylist())
        assert found["pattern", column].dirty_rows == missed > 0


def test_other_lengths_are_no_slips() -> None:
    numbers = [str(n) for n in range(1, 1_001)]
    assert without_slips(numbers) == numbers
    codes = [f"A{n}" for n in range(400)]
    assert without_slips([*codes, "A1x7", "Ax1"]) == codes
    with_suffix = [f"N{n}" for n in range(100, 400)] + ["N100X", "N101X"]
    assert without_slips(with_suffix) == with_suffix
