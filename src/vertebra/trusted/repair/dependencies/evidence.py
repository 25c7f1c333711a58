"""Which cells count in a vote, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

FULL: Final = 1_000_000
"""The weight of a cell that nothing is known about. Weights are integers, so that sums do not depend on their order."""
PINNED: Final = 10**15
"""The weight of a cell that a person has decided about: more than that of any number of others."""
REWRITTEN: Final = FULL - 1
"""The weight of a cell that was just written in another form. It votes, but puts its tuple into no group: where the
group contradicts the tuple, the new form may be wrong."""
SILENT: Final = 0
"""The weight of a cell that is known to be wrong."""


@dataclass(frozen=True)
class SourceFigures:
    """What is estimated about one source.

    Attributes:
        column_name: the dependent column.
        accuracy: how often its cells are right, 0 to 1.
        cells: on how many cells of groups that disagree the estimate is based.
        copied: how often it has its value from an origin that it shares with others, 0 to 1.
        shares_with: those others, in the order of their names.
        declared: whether the accuracy is declared.
    """

    source: str
    column_name: str
    accuracy: float
    cells: int
    copied: float = 0.0
    shares_with: Sequence[str] = ()
    declared: bool = False


@dataclass(frozen=True)
class SourceTrust:
    """How much the cells of each source weigh.

    Attributes:
        column: its values tell the sources apart.
        columns: the columns that are weighed.
        sources: ``_rid, source``: the source of each tuple.
        places: ``determinant, place, column_name, model, share`` and the terms of a source that nothing is known about,
            for each of ``columns`` in each group, and for each model of where sources have their values from.
        terms: ``model, column_name, source, origin``, ``right, wrong, more_right, more_wrong``, see
            :meth:`vertebra.trusted.repair.dependencies.feeds.Feeds.terms`, and ``sure``, how often the value of the
            origin is right.
        figures: for people.
    """

    column: str
    columns: tuple[str, ...]
    sources: DataFrame
    places: DataFrame
    terms: DataFrame
    figures: tuple[SourceFigures, ...] = ()


@dataclass(frozen=True)
class CellWeights:
    """The weights of the cells of a table that are not :data:`FULL`.

    Attributes:
        cells: ``rid, column_name, weight``, at most one row for a cell; None if there are none.
        columns: the columns that occur in it.
        leaving: ``rid`` of rows that will be removed: none of their cells counts; None if there are none.
        trust: of the sources of rows; None if all weigh the same.
    """

    cells: DataFrame | None = None
    columns: frozenset[str] = frozenset()
    leaving: DataFrame | None = None
    trust: SourceTrust | None = None

    def joined(self, frame: DataFrame) -> DataFrame:
        """The table with the weights as columns; see :meth:`of`."""
        from pyspark.sql import functions as F

        if self.cells is not None and self.columns:
            flat = self.cells.groupBy(F.col("rid").alias("_weighed")).agg(
                *[
                    F.max(F.when(F.col("column_name") == F.lit(name), F.col("weight"))).alias(self._name(name))
                    for name in sorted(self.columns)
                ]
            )
            frame = frame.join(flat, F.col("_rid") == F.col("_weighed"), "left").drop("_weighed")
        if self.leaving is not None:
            gone = self.leaving.select(F.col("rid").alias("_gone")).distinct()
            frame = frame.join(gone, F.col("_rid") == F.col("_gone"), "left")
        return frame

    def of(self, column: str) -> Column:
        """The weight of a column's cell, over :meth:`joined`."""
        from pyspark.sql import functions as F

        weight = F.lit(FULL).cast("bigint")
        if column in self.columns:
            weight = F.coalesce(F.col(self._name(column)), weight)
        return self._unless_leaving(weight)

    def apart(self, columns: frozenset[str]) -> Column:
        """Whether a row is in no group by some columns: one of its cells is wrong or rewritten. Over :meth:`joined`."""
        from pyspark.sql import functions as F

        found = F.lit(False)
        for name in sorted(columns & self.columns):
            found = found | F.coalesce(F.col(self._name(name)), F.lit(FULL)).isin(SILENT, REWRITTEN)
        return found

    def _unless_leaving(self, weight: Column) -> Column:
        from pyspark.sql import functions as F

        nothing = F.lit(SILENT).cast("bigint")
        return weight if self.leaving is None else F.when(F.col("_gone").isNull(), weight).otherwise(nothing)

    def _name(self, column: str) -> str:
        return f"_weight{sorted(self.columns).index(column)}"
