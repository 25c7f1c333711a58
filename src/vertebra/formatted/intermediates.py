"""Intermediate columns: each value that several expressions need is computed once. They are computed in stages.

In a single nested expression, the value would be repeated at every use. Engines find repeated expressions, but in more
than linear time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class Stage(IntEnum):
    """When an intermediate column is computed; it may use those of earlier stages."""

    GLANCE = 0
    CONTENT = 1
    ISO = 2
    STAMP = 3
    INSTANT = 4


class Intermediates:
    """The intermediate columns of one frame."""

    def __init__(self) -> None:
        self._stages: dict[Stage, list[Column]] = {stage: [] for stage in Stage}
        self._numbered: list[_Numbered] = []
        self._kept = 0

    def keep(self, stage: Stage, value: Column) -> Column:
        """Compute a value at a stage; returns the column to use at later ones."""
        from pyspark.sql import functions as F

        self._kept += 1
        # names with a leading underscore are never those of declared columns
        name = f"_intermediate_{self._kept}"
        self._stages[stage].append(value.alias(name))
        return F.col(name)

    def number(self, condition: Column, alike: Sequence[Column]) -> tuple[Column, Column]:
        """Number the rows that meet a condition among those that are alike, by ``_rid``; at the last stage.

        Such rows have to be few: they are numbered apart and joined.

        Returns:
            The number of a row, from 1, and how many rows are alike; NULL for rows that do not meet the condition.
        """
        from pyspark.sql import functions as F

        self._kept += 1
        numbered = _Numbered(f"_intermediate_{self._kept}", condition, tuple(alike))
        self._numbered.append(numbered)
        return F.col(f"{numbered.name}_place"), F.col(f"{numbered.name}_alike")

    def on(self, frame: DataFrame) -> DataFrame:
        """The frame with the intermediate columns."""
        for columns in self._stages.values():
            if columns:
                frame = frame.select("*", *columns)
        for numbered in self._numbered:
            frame = numbered.joined(frame)
        return frame


@dataclass(frozen=True)
class _Numbered:
    name: str
    condition: Column
    alike: tuple[Column, ...]

    def joined(self, frame: DataFrame) -> DataFrame:
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        alike = Window.partitionBy(*self.alike)
        rows = frame.where(self.condition).select(
            F.col("_rid").alias(f"{self.name}_rid"),
            F.row_number().over(alike.orderBy("_rid")).alias(f"{self.name}_place"),
            F.count(F.lit(1)).over(alike).alias(f"{self.name}_alike"),
        )
        same = F.col("_rid") == F.col(f"{self.name}_rid")
        return frame.join(F.broadcast(rows), same, "left").drop(f"{self.name}_rid")
