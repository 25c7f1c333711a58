"""Does an accident hurt somebody seriously? Asked when the police are called, from place, time and vehicles."""

from datetime import date
from typing import Any

from vertebra import Analysis, Candidate


def logistic(c: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, max_iter=500)


def boosted_trees(num_leaves: int) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(num_leaves=num_leaves, n_estimators=60, learning_rate=0.05, verbose=-1)


analysis = Analysis(
    description="Somebody is seriously hurt in an accident.",
    task="classification",
    view="accident",
    key=("id",),
    time="happened_at",
    label="serious > 0",
    # the weather of a day is known when it is over
    unavailable=("mild", "serious", "victims", "temperature", "rain", "wind"),
    features={
        "hour": "hour",
        "night": "hour < 6",
        "weekday": "weekday",
        "vehicles": "vehicles",
        "alone": "vehicles = 1",
        "district": "district",
        "latitude": "latitude",
        "longitude": "longitude",
        "income": "income_index",
    },
    categorical=("weekday", "district"),
    folds={"by": "happened_on", "count": 5},
    test={"from": date(2017, 11, 1)},
    zone="UTC",  # the clock on the wall, read as UTC
    candidates={
        "logistic": Candidate(build=logistic, grid={"c": (0.01, 1.0)}, encode="one_hot"),
        "boosted_trees": Candidate(build=boosted_trees, grid={"num_leaves": (7, 15)}, encode="ordinal"),
    },
    metric="roc_auc",
    tags=("traffic",),
)
