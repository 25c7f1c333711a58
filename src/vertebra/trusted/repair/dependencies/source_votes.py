"""What the sources of a table say about the same things: the votes from which their accuracy is estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Reals = np.ndarray[Any, np.dtype[np.float64]]

Item = tuple[int, str, int]
"""A dependent of a group: the determinant, the key of the group, and the place of the dependent."""


@dataclass(frozen=True)
class SourceVotes:
    """Votes of sources on items. An item is a dependent of one group, which has one true value.

    Attributes:
        sources: their names.
        columns: the dependent columns.
        source, value, count: of each vote: indices of a source and of a value, and how many tuples say it.
        value_item: of each value: its item. A text that occurs in two items is two values.
        item_column: of each item: the index of its column.
        truth: of each value: 1 if people said that it is the true one of its item, 0 if another is, else NaN.
        declared: of each source: its accuracy if it is declared, else NaN.
    """

    sources: tuple[str, ...]
    columns: tuple[str, ...]
    source: Numbers
    value: Numbers
    count: Reals
    value_item: Numbers
    item_column: Numbers
    truth: Reals
    declared: Reals

    @property
    def item(self) -> Numbers:
        """Of each vote: its item."""
        return self.value_item[self.value]

    @property
    def column(self) -> Numbers:
        """Of each vote: the index of its column."""
        return self.item_column[self.item]


def source_votes(
    rows: Sequence[tuple[int, str, int, str, str, str, int]], true: Mapping[Item, str], declared: Mapping[str, float]
) -> SourceVotes:
    """Votes as arrays.

    Args:
        rows: ``determinant, key, place, column_name, value, source, n``, each combination once.
        true: the true values of some items, as people stated them.
        declared: the accuracy of some sources, 0 to 1.

    Example:
        >>> votes = source_votes([(0, "F1", 0, "gate", "A1", "web", 1), (0, "F1", 0, "gate", "B2", "app", 1)], {}, {})
        >>> votes.sources, votes.value_item.tolist()
        (('app', 'web'), [0, 0])
    """
    rows = sorted(rows)
    columns = {name: i for i, name in enumerate(sorted({row[3] for row in rows}))}
    sources = {name: i for i, name in enumerate(sorted({row[5] for row in rows}))}
    items: dict[Item, int] = {}
    values: dict[tuple[int, str], int] = {}
    item_column: list[int] = []
    truth: list[float] = []
    votes: list[tuple[int, int, int]] = []
    for determinant, key, place, column, value, source, n in rows:
        name = (determinant, key, place)
        if name not in items:
            items[name] = len(items)
            item_column.append(columns[column])
        this = (items[name], value)
        if this not in values:
            values[this] = len(values)
            truth.append(float(value == true[name]) if name in true else float("nan"))
        votes.append((sources[source], values[this], n))
    array = np.array(votes, dtype=np.int64).reshape(-1, 3)
    return SourceVotes(
        tuple(sources), tuple(columns), array[:, 0], array[:, 1], array[:, 2].astype(np.float64),
        np.array([item for item, _ in values], dtype=np.int64), np.array(item_column, dtype=np.int64),
        np.array(truth, dtype=np.float64),
        np.array([declared.get(name, float("nan")) for name in sources], dtype=np.float64),
    )  # fmt: skip
