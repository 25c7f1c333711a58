"""Features and labels in memory, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Examples:
    """Features and labels, row by row.

    Attributes:
        features: one column per declared feature, in declared order: float32, or text for categories.
        label: 0 and 1, or the number of the class, for a classification; otherwise a number. NaN for a task without.
        fold: the fold each row is validated in, -1 for none; empty for a test set.
        time: the prediction time in microseconds since 1970.
        group: the number of the group in which a row stays.
        classes: the names of the classes whose numbers are in ``label``; empty if they are 0 and 1.
        series: for a forecast, the name of each row's series.
        scale: for a forecast, the mean absolute error of the seasonal naive forecast of the row's series in the
            training set; NaN if it has none.
    """

    features: pd.DataFrame
    label: NDArray[np.float64]
    fold: NDArray[np.int32]
    time: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    group: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    classes: tuple[str, ...] = ()
    series: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, object))
    scale: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.label)

    def where(self, rows: NDArray[np.bool_]) -> Examples:
        """Some of the rows."""
        return Examples(
            features=self.features[rows],
            label=self.label[rows],
            fold=self.fold[rows] if len(self.fold) else self.fold,
            time=self.time[rows] if len(self.time) else self.time,
            group=self.group[rows] if len(self.group) else self.group,
            classes=self.classes,
            series=self.series[rows] if len(self.series) else self.series,
            scale=self.scale[rows] if len(self.scale) else self.scale,
        )
