"""How late will the flights of the coming hour leave an airport, on average? Asked when the hour begins.

Known then: the timetable of the hour, and what has happened at the airport until now. Features look back into single
departures, because an hour's own mean is known only when its last flight has left, which can be many hours later.
"""

from datetime import date
from typing import Any

from vertebra import Analysis, AsOf, Candidate


def ridge(alpha: float) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=alpha)


def boosted_trees(min_child_samples: int) -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(
        min_child_samples=min_child_samples,
        num_leaves=15,
        n_estimators=150,
        learning_rate=0.05,
        subsample=0.8,
        subsample_freq=1,
        verbose=-1,
    )


# A flight that left before its time still belongs to an hour that has not begun.
LEFT = "greatest(dep_known_at, sched_dep_at)"


def left(window: str, aggregate: Any, value: str = "dep_delay") -> AsOf:
    """Of the flights that have left the airport."""
    return AsOf(history="departures", by=("origin",), value=value, known_at=LEFT, window=window, aggregate=aggregate)


def weather(value: str, window: str = "4 hours", aggregate: Any = "last") -> AsOf:
    """The weather of the hours that are over."""
    return AsOf(
        history="departures",
        by=("origin",),
        value=value,
        known_at="weather_known_at",
        window=window,
        aggregate=aggregate,
    )


WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")

analysis = Analysis(
    description="Mean departure delay per airport and hour, predicted when the hour begins.",
    task="regression",
    view="airport_hours",
    key=("origin", "time_hour"),
    time="time_hour",
    label="mean_dep_delay",
    unit="minutes",
    unavailable=(
        *("departed", "cancelled", "mean_dep_delay", "max_dep_delay", "late_departures", "known_at"),
        *("weather_found", *WEATHER),
        # of the flights it looks back at: not known before they have left, and the hour's weather is over
        *("departures.dep_delay", "departures.dep_known_at", "departures.weather_known_at"),
        *(f"departures.{name}" for name in WEATHER),
    ),
    features={
        # the timetable
        "origin": "origin",
        "hour": "hour_local",
        "hour_squared": "hour_local * hour_local",
        "weekday": "weekday_local",
        "flights": "flights",
        "mean_distance": "mean_distance",
        "mean_seats": "mean_seats",
        # the airport until now
        "delay_1h": left("1 hour", "mean"),
        "delay_3h": left("3 hours", "mean"),
        "worst_1h": left("1 hour", "max"),
        "left_1h": left("1 hour", "count"),
        "due_1h": AsOf(
            history="departures", by=("origin",), known_at="sched_dep_at", window="1 hour", aggregate="count"
        ),
        "waiting": "due_1h - left_1h",
        # every airport of the city shares one sky
        "city_delay_1h": AsOf(
            history="departures", value="dep_delay", known_at=LEFT, window="1 hour", aggregate="mean"
        ),
        "delay_1w": left("1 week", "mean"),
        # the weather until now
        "wind": weather("wind_speed"),
        "gust": weather("wind_gust", "2 hours"),
        "rain_3h": weather("precip", "3 hours", "max"),
        "visibility": weather("visib"),
        "air_pressure": weather("pressure"),
        "temperature": weather("temp"),
        "humidity": weather("humid"),
    },
    categorical=("origin",),
    folds={"by": "flight_date"},
    test={"from": date(2013, 11, 1)},
    zone="America/New_York",
    candidates={
        "ridge": Candidate(build=ridge, grid={"alpha": (1.0, 100.0)}, encode="one_hot"),
        "boosted_trees": Candidate(build=boosted_trees, grid={"min_child_samples": (20, 100)}, encode="ordinal"),
    },
    metric="rmse",
    tags=("operations",),
)
