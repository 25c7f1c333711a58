"""Examples in memory: a pinned training or test set, in the form that models take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vertebra.analysis.features import LABEL, TIME
from vertebra.analysis.split import FOLD, PinnedSet
from vertebra.declare.analysis import Analysis

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Examples:
    """Features and labels, row by row.

    Attributes:
        features: one column per declared feature, in declared order: float32, or text for categories.
        label: 0 and 1 for a classification; numbers for a regression. Empty when not requested.
        fold: the fold each row is validated in; empty for a test set.
    """

    features: pd.DataFrame
    label: NDArray[np.float64]
    fold: NDArray[np.int32]


def load(analysis: Analysis, pinned: PinnedSet) -> Examples:
    """Read a pinned set whole."""
    table = rows_of(analysis, pinned)
    folded = FOLD in table.schema.names
    return Examples(
        features=as_features(analysis, table),
        label=np.asarray(table.column(LABEL), np.float64),
        fold=np.asarray(table.column(FOLD), np.int32) if folded else np.empty(0, np.int32),
    )


def rows_of(analysis: Analysis, pinned: PinnedSet) -> pa.Table:
    """The rows of a pinned set, sorted by time and key: equal sets give equal models in any order of writing."""
    table = pinned.table.arrow(pinned.version).to_table()
    return table.sort_by([(TIME, "ascending"), *((name, "ascending") for name in analysis.key)])


def as_features(analysis: Analysis, table: pa.Table) -> pd.DataFrame:
    """The features of a table of examples, typed as models take them."""
    import pandas as pd

    return pd.DataFrame({name: _column(table.column(name), name in analysis.categorical) for name in analysis.features})


def _column(values: pa.ChunkedArray, category: bool) -> object:
    if category:
        return values.cast(pa.string()).to_pandas()
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    return np.asarray(pc.cast(values, pa.float32(), safe=False).to_numpy())
