"""Which rows of a training set a model is fitted on to predict a fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vertebra.analysis.example_set import Examples
    from vertebra.declare.validation_plan import Folds

FORWARD_FOLDS = 5
"""The number of rolling folds that grouped ones are compared with."""


def training_rows(folds: Folds, train: Examples, fold: int) -> NDArray[np.bool_]:
    """The rows that models are fitted on to predict a fold.

    Args:
        folds: as declared.
        train: the training set.
        fold: the number of the fold.
    """
    held = np.asarray(train.fold == fold, np.bool_)
    if folds.scheme == "grouped":
        return ~held
    if not held.any():
        return np.zeros(len(train), np.bool_)
    start, end = train.time[held].min(), train.time[held].max()
    if folds.scheme == "rolling":
        # a group that reaches into the fold is cut at the beginning of the fold
        return np.asarray((train.fold < fold) & (train.time < start - folds.gap_micros), np.bool_)
    near = (train.time > start - folds.gap_micros) & (train.time < end + folds.gap_micros)
    return np.asarray(~held & ~near if folds.gap_micros else ~held, np.bool_)


def forward_folds(train: Examples, count: int = FORWARD_FOLDS) -> NDArray[np.int32] | None:
    """Rolling folds of a training set, as runs of whole groups in the order of their first time; -1 for the first run.

    Returns:
        None if there are too few groups.
    """
    groups, inverse = np.unique(train.group, return_inverse=True)
    if len(groups) <= count:
        return None
    first = np.full(len(groups), np.iinfo(np.int64).max)
    np.minimum.at(first, inverse, train.time)
    place = np.empty(len(groups), np.int64)
    place[np.lexsort((groups, first))] = np.arange(len(groups))
    return (place * (count + 1) // len(groups) - 1).astype(np.int32)[inverse]
