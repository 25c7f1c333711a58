"""Examples in memory: a pinned training or test set, in the form that models take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vertebra.analysis.example_set import Examples
from vertebra.analysis.features import GROUP, LABEL, TIME
from vertebra.analysis.split import FOLD, PinnedSet
from vertebra.declare.analysis import Analysis

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def load(analysis: Analysis, pinned: PinnedSet, train: Examples | None = None) -> Examples:
    """Read a pinned set whole.

    Args:
        train: the training set, whose numbers of classes and whose scales a test set has.
    """
    table = rows_of(analysis, pinned)
    folded = FOLD in table.schema.names
    label, known = _labels(table.column(LABEL), train.classes if train else ())
    features, series = as_features(analysis, table), _series(analysis, table)
    return Examples(
        features=features,
        label=label,
        fold=np.asarray(table.column(FOLD), np.int32) if folded else np.empty(0, np.int32),
        time=np.asarray(pc.cast(table.column(TIME), pa.timestamp("us", "UTC")).cast(pa.int64()), np.int64),
        group=np.asarray(table.column(GROUP).combine_chunks().dictionary_encode().indices, np.int64),
        classes=known,
        series=series,
        scale=_scale(series, label, features, train) if analysis.forecast else np.empty(0),
    )


def _scale(
    series: NDArray[np.object_], label: NDArray[np.float64], features: pd.DataFrame, train: Examples | None
) -> NDArray[np.float64]:
    """The scale of the series of each row; of a training set itself if ``train`` is None."""
    import pandas as pd

    if train is None:
        errors = np.abs(label - features["season_1"].to_numpy(np.float64))
        return np.asarray(pd.Series(errors).groupby(series).transform("mean"), np.float64)
    known = dict(zip(train.series.tolist(), train.scale.tolist(), strict=True))
    return np.array([known.get(one, np.nan) for one in series.tolist()], np.float64)


def _labels(column: pa.ChunkedArray, classes: Sequence[str]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Labels as numbers, and the classes that they are the numbers of."""
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64), ()
    found = sorted(set(pc.unique(column).to_pylist()) - set(classes))
    known = (*classes, *found)
    return np.asarray(pc.index_in(column, pa.array(known, column.type)).to_numpy(), np.float64), known


def _series(analysis: Analysis, table: pa.Table) -> NDArray[np.object_]:
    if analysis.forecast is None:
        return np.empty(0, object)
    parts = [table.column(name).cast(pa.string()) for name in analysis.forecast.series]
    if not parts:
        return np.full(table.num_rows, "", object)
    return np.asarray(pc.binary_join_element_wise(*parts, ", ", null_handling="replace").to_pylist(), object)


def rows_of(analysis: Analysis, pinned: PinnedSet) -> pa.Table:
    """The rows of a pinned set, sorted by time and key: equal sets give equal models in any order of writing."""
    table = pinned.table.arrow(pinned.version).to_table()
    return table.sort_by([(TIME, "ascending"), *((name, "ascending") for name in analysis.key)])


def as_features(analysis: Analysis, table: pa.Table) -> pd.DataFrame:
    """The features of a table of examples, typed as models take them."""
    import pandas as pd

    texts = (*analysis.categorical, *analysis.text)
    return pd.DataFrame({name: _column(table.column(name), name in texts) for name in analysis.feature_names})


def _column(values: pa.ChunkedArray, text: bool) -> object:
    if text:
        return values.cast(pa.string()).to_pandas()
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    return np.asarray(pc.cast(values, pa.float32(), safe=False).to_numpy())
