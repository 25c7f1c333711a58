"""What the labels of a column teach about its values: transformations, and single values with their right ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.formatting import counted
from vertebra.trusted.repair.learned.calibration import distance
from vertebra.trusted.repair.learned.transformation import Transformation
from vertebra.trusted.repair.learned.transformations import transformations

if TYPE_CHECKING:
    from vertebra.trusted.labels import Label

_MOST: Final = 60
"""Transformations of a column that are tried, those that most labels show."""


@dataclass(frozen=True)
class Way:
    """A transformation of a column and what the labels say of it.

    Attributes:
        shown: different values that labels changed in this way.
        against: labels of values that it would change otherwise, or that were right.
        cells: labels that show it.
    """

    column: str
    transformation: Transformation
    shown: int
    against: int
    cells: int

    @property
    def evidence(self) -> str:
        """In words."""
        return f"as in {counted(self.cells, 'labelled cell')}: {self.transformation.reason}"


@dataclass(frozen=True)
class Entry:
    """A value of a column and its right value, as labels say.

    Attributes:
        new: None is NULL.
        cells: labels that say so.
        against: labels that say otherwise of the same value.
        slip: whether the old value is no value of its own, by its writing: a slip of the new one, or other signs.
    """

    column: str
    old: str
    new: str | None
    cells: int
    against: int
    slip: bool

    @property
    def evidence(self) -> str:
        """In words."""
        return f"the same value as in {counted(self.cells, 'labelled cell')}"


def by_column(labels: Sequence[Label], columns: Sequence[str]) -> dict[str, list[Label]]:
    """The labels of some columns, of those that have a label which changes a value."""
    found: dict[str, list[Label]] = {}
    for label in labels:
        if label.column_name in columns:
            found.setdefault(label.column_name, []).append(label)
    return {name: own for name, own in found.items() if any(not one.confirms and one.old for one in own)}


def ways_of(column: str, labels: Sequence[Label]) -> list[Way]:
    """The transformations that the labels of a column show.

    Of those that do the same to all labelled values the narrowest are kept as well as wider ones: the data decide.
    """
    pairs = {(one.old, one.new): 0 for one in labels if one.old is not None}
    for one in labels:
        if one.old is not None:
            pairs[(one.old, one.new)] += 1
    every = {way: None for old, new in pairs for way in transformations(old, new)}
    found = []
    for way in every:
        made = {pair: way.apply(pair[0]) for pair in pairs if pair[0] is not None}
        agree = [pair for pair, value in made.items() if value is not None and value == pair[1]]
        against = sum(pairs[pair] for pair, value in made.items() if value is not None and value != pair[1])
        if len(agree) > against:
            found.append(Way(column, way, len(agree), against, sum(pairs[pair] for pair in agree)))
    found.sort(key=lambda one: (-one.shown, one.against, one.transformation.loose))
    return found[:_MOST]


def entries_of(column: str, labels: Sequence[Label]) -> list[Entry]:
    """The values that labels of a column changed, with their most labelled right value."""
    counts: dict[str, dict[str | None, int]] = {}
    for one in labels:
        if one.old:
            own = counts.setdefault(one.old, {})
            own[one.new] = own.get(one.new, 0) + 1
    found = []
    for old, values in sorted(counts.items()):
        new, cells = max(values.items(), key=lambda item: (item[1], item[0] or ""))
        against = sum(values.values()) - cells
        if new != old and cells > against:
            found.append(Entry(column, old, new, cells, against, is_slip(old, new)))
    return found


def is_slip(old: str, new: str | None) -> bool:
    """Whether two values have the same digits and differ in few characters."""
    if new is None:
        return not any(char.isalnum() for char in old)
    if [char for char in old if char.isdigit()] != [char for char in new if char.isdigit()]:
        return False
    return distance(old, new) <= max(1, min(len(old), len(new)) // 5)
