"""How good repairs are: precision and recall over cells, sound cells broken, and whether the confidence is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Cell = tuple[int, str]
"""The position of a row, counted from 0, and the name of a column."""

BANDS: Final = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Where the bands of confidence begin; the last one ends at 1."""


@dataclass(frozen=True)
class Score:
    """What repairs did to a table.

    Attributes:
        wrong: cells of the dirty table that differ from the clean one.
        changed: cells that the repairs changed.
        right: changed cells that have the clean value now.
        broken: changed cells that had the clean value before.
        sound: cells that had the clean value before.
    """

    wrong: int
    changed: int
    right: int
    broken: int
    sound: int

    @property
    def precision(self) -> float:
        """The share of the changed cells that is right; 1 if none was changed."""
        return self.right / self.changed if self.changed else 1.0

    @property
    def recall(self) -> float:
        """The share of the wrong cells that is right now; 1 if none was wrong."""
        return self.right / self.wrong if self.wrong else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    @property
    def damage(self) -> float:
        """The share of the sound cells that the repairs broke."""
        return self.broken / self.sound if self.sound else 0.0


@dataclass(frozen=True)
class Band:
    """The proposals of a band of confidence: how many, their mean confidence, and how many are right."""

    least: float
    proposals: int
    mean: float
    right: int


def same(left: str | None, right: str | None) -> bool:
    """Whether two cells are equal; NULL and the empty text are."""
    return (left or "") == (right or "")


def score(
    dirty: Mapping[str, Sequence[str | None]],
    clean: Mapping[str, Sequence[str | None]],
    repairs: Mapping[Cell, str | None],
) -> Score:
    """Score repairs against the clean table.

    Args:
        dirty: the columns of the dirty table.
        clean: the columns of the clean table, with the same names and order of rows.
        repairs: the new values of cells. Repairs that change nothing do not count.
    """
    wrong = sum(not same(a, b) for name in dirty for a, b in zip(dirty[name], clean[name], strict=True))
    cells = sum(len(column) for column in dirty.values())
    changed = [(dirty[name][row], clean[name][row], new) for (row, name), new in repairs.items()]
    changed = [(old, truth, new) for old, truth, new in changed if not same(old, new)]
    right = sum(same(truth, new) for _, truth, new in changed)
    broken = sum(same(old, truth) for old, truth, _ in changed)
    return Score(wrong, len(changed), right, broken, cells - wrong)


def calibration(proposals: Iterable[tuple[float, bool]]) -> list[Band]:
    """Whether confidence is a probability, in bands of it.

    Args:
        proposals: the confidence of each proposal, and whether it is right.

    Returns:
        The bands that have proposals.
    """
    listed = list(proposals)
    found = []
    for least, end in zip(BANDS, (*BANDS[1:], 1.01), strict=True):
        band = [(confidence, right) for confidence, right in listed if least <= confidence < end]
        if band:
            mean = sum(confidence for confidence, _ in band) / len(band)
            found.append(Band(least, len(band), mean, sum(right for _, right in band)))
    return found
