"""Will this flight arrive late? Asked at its scheduled departure.

What is known at that moment: the timetable, the aircraft, the calendar, and how the day has gone so far: who has left
late from this airport, how late the aircraft came in before, what the weather was until the last full hour. `AsOf`
features look at earlier flights only when what they tell was known: a departure delay when the aircraft left, an
arrival delay when it stood at the gate.

The weather in the view is that of the scheduled hour, which is over only after the flight has left. It is unavailable,
and read from the hours before.
"""

from datetime import date
from typing import Any

from vertebra import Analysis, AsOf, Candidate


def logistic(c: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, solver="newton-cholesky")


def boosted_trees(num_leaves: int) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(
        num_leaves=num_leaves,
        n_estimators=40,
        learning_rate=0.2,
        colsample_bytree=0.5,
        max_bin=63,
        bin_construct_sample_cnt=20_000,
        force_row_wise=True,
        verbose=-1,
    )


def left(by: tuple[str, ...], window: str, aggregate: Any, value: str = "dep_delay") -> AsOf:
    """Of the flights that have left in the last hours."""
    return AsOf(history="departures", by=by, value=value, known_at="dep_known_at", window=window, aggregate=aggregate)


def landed(by: tuple[str, ...], window: str, aggregate: Any) -> AsOf:
    """Of the flights that have arrived."""
    return AsOf(
        history="departures", by=by, value="arr_delay", known_at="arr_known_at", window=window, aggregate=aggregate
    )


def due(by: tuple[str, ...], window: str) -> AsOf:
    """Number of flights that were to leave in the last hours, whether they did or not."""
    return AsOf(history="departures", by=by, known_at="sched_dep_at", window=window, aggregate="count")


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
    description="Arrival at least 15 minutes late, predicted at scheduled departure.",
    task="classification",
    view="departures",
    key=("carrier", "flight", "origin", "time_hour"),
    time="sched_dep_at",
    label="arr_delay >= 15",
    unavailable=(
        # what happened
        *("dep_local", "dep_delay", "dep_known_at", "arr_local", "arr_delay", "arr_known_at", "air_time"),
        *("cancelled", "diverted"),
        # the weather of an hour that is not over
        *("weather_found", "weather_known_at", *WEATHER),
    ),
    features={
        # the timetable and the aircraft
        "carrier": "carrier",
        "origin": "origin",
        "dest": "dest",
        "distance": "distance",
        "departs": "hour_local + minute / 60",
        "sched_minutes": "sched_minutes",
        "weekday": "weekday_local",
        "aircraft_age": "aircraft_age",
        "aircraft_seats": "aircraft_seats",
        # how the day goes at the airport, and for this airline there
        "airport_delay_1h": left(("origin",), "1 hour", "mean"),
        "airport_delay_3h": left(("origin",), "3 hours", "mean"),
        "airline_delay_3h": left(("origin", "carrier"), "3 hours", "mean"),
        "airport_left_1h": left(("origin",), "1 hour", "count"),
        "airport_due_1h": due(("origin",), "1 hour"),
        "airport_waiting": "airport_due_1h - airport_left_1h",
        "airline_left_3h": left(("origin", "carrier"), "3 hours", "count"),
        "airline_due_3h": due(("origin", "carrier"), "3 hours"),
        "airline_waiting": "airline_due_3h - airline_left_3h",
        # how flights to the same airport fare
        "dest_delay_4h": left(("dest",), "4 hours", "mean"),
        "dest_arrival_delay_6h": landed(("dest",), "6 hours", "mean"),
        # how late the aircraft was before, and how late this flight usually is
        "aircraft_departure_delay": left(("tailnum",), "1 day", "last"),
        "aircraft_arrival_delay": landed(("tailnum",), "1 day", "last"),
        "flight_delay_4w": landed(("carrier", "flight"), "4 weeks", "mean"),
        # the weather until now
        "wind": weather("wind_speed"),
        "rain_3h": weather("precip", "3 hours", "max"),
        "visibility": weather("visib"),
        "air_pressure": weather("pressure"),
        "temperature": weather("temp"),
        "humidity": weather("humid"),
    },
    categorical=("carrier", "origin", "dest"),
    # a storm delays a whole day: days stay together, or a fold would know the other half of each storm
    folds={"by": "flight_date"},
    test={"from": date(2013, 11, 1)},
    zone="America/New_York",
    candidates={
        "logistic": Candidate(build=logistic, grid={"c": (0.001, 0.1)}, encode="one_hot"),
        "boosted_trees": Candidate(build=boosted_trees, grid={"num_leaves": (15, 31)}, encode="ordinal"),
    },
    metric="roc_auc",
    tags=("operations",),
)
