"""Intermediate columns: each value that several expressions need is computed once. They are computed in stages.

In a single nested expression, the value would be repeated at every use. Engines find repeated expressions, but in more
than linear time.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from vertebra.formatted.repeated_hours import RepeatedHours

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class Stage(IntEnum):
    """When an intermediate column is computed; it may use those of earlier stages."""

    GLANCE = 0
    CONTENT = 1
    ISO = 2
    STAMP = 3
    YEAR = 4
    KNOWN = 5
    INSTANT = 6


class Intermediates:
    """The intermediate columns of one frame."""

    def __init__(self) -> None:
        self._stages: dict[Stage, list[Column]] = {stage: [] for stage in Stage}
        self._repeated_hours: list[RepeatedHours] = []
        self._kept = 0

    def keep(self, stage: Stage, value: Column) -> Column:
        """Compute a value at a stage; returns the column to use at later ones."""
        from pyspark.sql import functions as F

        self._kept += 1
        # names with a leading underscore are never those of declared columns
        name = f"_intermediate_{self._kept}"
        self._stages[stage].append(value.alias(name))
        return F.col(name)

    def tell_apart(self, stamp: Column, near: Column, repeated: Column, series: Sequence[Column]) -> Column:
        """Tell local times apart that occur twice, after the last stage; see :class:`RepeatedHours`.

        Returns:
            Whether a record means the second time; NULL if that is not known.
        """
        self._kept += 1
        hours = RepeatedHours(f"_intermediate_{self._kept}", stamp, near, repeated, tuple(series))
        self._repeated_hours.append(hours)
        return hours.second

    def on(self, frame: DataFrame) -> DataFrame:
        """The frame with the intermediate columns."""
        for columns in self._stages.values():
            if columns:
                frame = frame.select("*", *columns)
        for hours in self._repeated_hours:
            frame = hours.on(frame)
        return frame
