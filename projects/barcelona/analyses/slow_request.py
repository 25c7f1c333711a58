"""Will a request be open for more than a week? Asked when a citizen sends it, from its words and where it is about."""

from datetime import date
from typing import Any

from vertebra import Analysis, Candidate


def logistic(c: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, max_iter=500)


analysis = Analysis(
    description="A request of a citizen is open for more than a week.",
    task="classification",
    view="request",
    key=("year", "id"),
    time="cast(opened_on as timestamp)",
    label="days_open > 7",
    unavailable=("days_open",),
    features={"kind": "kind", "channel": "channel", "neighbourhood": "neighbourhood_id", "words": "words"},
    categorical=("kind", "channel", "neighbourhood"),
    text=("words",),
    folds={"by": "opened_on", "count": 4},
    test={"from": date(2021, 1, 1)},
    zone="Europe/Madrid",
    candidates={"logistic": Candidate(build=logistic, grid={"c": (0.1, 1.0)}, encode="one_hot")},
    metric="roc_auc",
    tags=("city",),
)
