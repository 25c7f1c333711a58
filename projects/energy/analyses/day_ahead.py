"""The hours of tomorrow for each meter in Illinois, forecast at midnight."""

from typing import Any

from vertebra import Analysis, Candidate


def trees(num_leaves: int) -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(num_leaves=num_leaves, n_estimators=150, learning_rate=0.08, verbose=-1)


analysis = Analysis(
    description="Use of each meter in Illinois in the hours of the day that begins.",
    task="forecast",
    view="device_hours",
    key=("device", "begins"),
    time="begins",
    where="place = 'illinois'",
    label="kwh",
    unit="kWh",
    unavailable=("ends",),
    features={"device": "device", "temperature": "temperature", "hour": "hour", "weekday": "weekday"},
    categorical=("device",),
    forecast={
        "series": ("device",),
        "step": "1 hour",
        "horizon": "1 day",
        "season": ("1 day", "1 week"),
        "lags": (1, 2, 3),
        "missing": "leave",
    },
    folds={"scheme": "rolling", "count": 5},
    test={"last": "3 months"},
    zone="America/Chicago",
    candidates={"trees": Candidate(build=trees, grid={"num_leaves": (15, 31)}, encode="ordinal")},
    metric="mae",
)
