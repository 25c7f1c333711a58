from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from vertebra import view

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")


@view("exploitation.departures", tags=["operations"])
def airport_hours(departures: DataFrame) -> DataFrame:
    """One row per origin and hour with a scheduled departure: traffic, delays and the weather of the hour.

    `known_at` is when the last delay of the hour became known; a feature may look at the row only after that.
    """
    departed = ~F.col("cancelled")
    calendar = ("flight_date", "month", "weekday_local", "hour_local")
    return departures.groupBy("origin", "time_hour").agg(
        *[F.first(name).alias(name) for name in calendar],
        F.count(F.lit(1)).alias("flights"),
        F.count_if(departed).alias("departed"),
        F.count_if("cancelled").alias("cancelled"),
        F.size(F.collect_set("dest")).alias("destinations"),
        F.avg("dep_delay").alias("mean_dep_delay"),
        F.max("dep_delay").alias("max_dep_delay"),
        F.count_if(F.col("dep_delay") >= 15).alias("late_departures"),
        F.avg("distance").alias("mean_distance"),
        F.avg("aircraft_seats").alias("mean_seats"),
        F.max("dep_known_at").alias("known_at"),
        F.bool_or("weather_found").alias("weather_found"),
        *[_of_the_hour(name).alias(name) for name in WEATHER],
    )


def _of_the_hour(name: str) -> Column:
    """All flights of an hour have the same weather; the maximum is any of them."""
    return F.max(name)
