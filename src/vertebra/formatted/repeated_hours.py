"""Local times that occur twice, when clocks are turned back: which of the two a record of a file means.

The records of one series follow each other in time, upwards or downwards. Around the change of clocks, the direction
is read off the records themselves: local time steps back once in a file that ascends, and ahead once in one that
descends. A time that the series has exactly twice is then known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.lake.batches import RECORDS_PER_BATCH

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_TWICE: Final = 2


@dataclass(frozen=True)
class RepeatedHours:
    """The records of a file whose local time occurs twice.

    Attributes:
        name: a prefix for the columns that :meth:`on` adds.
        stamp: the local time, as a timestamp without a zone's offset.
        near: whether a time is within a day of a change of clocks; few records are.
        repeated: whether it occurs twice.
        series: the other columns of the key; the records that have the same ones are a series.
    """

    name: str
    stamp: Column
    near: Column
    repeated: Column
    series: tuple[Column, ...]

    @property
    def second(self) -> Column:
        """Whether a record means the second of the two times; NULL if that is not known."""
        from pyspark.sql import functions as F

        return F.col(f"{self.name}_second")

    def on(self, frame: DataFrame) -> DataFrame:
        """The frame with :attr:`second`.

        Args:
            frame: has ``_rid`` and the columns that the attributes name.
        """
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        place, rid = f"{self.name}_at", f"{self.name}_rid"
        series = [f"{self.name}_series_{number}" for number in range(len(self.series))]
        one = F.struct(
            F.col("_rid").alias(rid),
            self.stamp.alias(place),
            self.repeated.alias("_repeated"),
            F.expr(f"_rid div {RECORDS_PER_BATCH}").alias("_batch"),
            *(column.alias(name) for column, name in zip(self.series, series, strict=True)),
        )
        # a filter would be pushed below the intermediates, and each of them repeated wherever it is used
        rows = frame.select(F.explode(F.when(self.near, F.array(one))).alias("_one")).select("_one.*")
        # the changes of one batch may be years apart
        of_series = [F.col("_batch"), *map(F.col, series), F.year(place), F.month(place)]
        together, in_order = Window.partitionBy(*of_series), Window.partitionBy(*of_series).orderBy(rid)
        before = F.lag(place).over(in_order)
        rows = rows.select("*", F.signum(F.unix_micros(place) - F.unix_micros(before)).cast("int").alias("_step"))
        steps = {sign: F.count(F.when(F.col("_step") == sign, 1)).over(together) for sign in (1, -1)}
        alike = Window.partitionBy(*of_series, F.col(place))
        rows = rows.select(
            "*",
            steps[1].alias("_ahead"),
            steps[-1].alias("_back"),
            F.count(F.lit(1)).over(alike).alias("_alike"),
            F.row_number().over(alike.orderBy(rid)).alias("_number"),
        )
        ahead, back = F.col("_ahead"), F.col("_back")
        ascends = ((back == 0) & (ahead > 0)) | ((back == 1) & (ahead > 1))
        descends = ((ahead == 0) & (back > 0)) | ((ahead == 1) & (back > 1))
        second = F.when(ascends, F.col("_number") == _TWICE).when(descends, F.col("_number") == 1)
        twice = rows.where(F.col("_repeated") & (F.col("_alike") == _TWICE))
        known = twice.select(rid, second.alias(f"{self.name}_second"))
        return frame.join(F.broadcast(known), F.col("_rid") == F.col(rid), "left").drop(rid)
