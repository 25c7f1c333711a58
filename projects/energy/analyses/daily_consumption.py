"""How much will each meter use today? Asked when the day begins; the day's weather stands for its forecast."""

from typing import Any

from vertebra import Analysis, AsOf, Candidate


def ridge(alpha: float) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=alpha)


def trees(num_leaves: int) -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(num_leaves=num_leaves, n_estimators=150, learning_rate=0.08, verbose=-1)


def used(window: str, aggregate: Any) -> AsOf:
    return AsOf(history="device_days", by=("device",), value="kwh", known_at="ends", window=window, aggregate=aggregate)


analysis = Analysis(
    description="Use of each meter on the day that begins.",
    task="regression",
    view="device_days",
    key=("device", "day"),
    time="begins",
    label="kwh",
    unit="kWh",
    unavailable=("kwh_filled", "readings", "ends"),
    features={
        "device": "device",
        "temp_mean": "temp_mean",
        "temp_min": "temp_min",
        "temp_max": "temp_max",
        "heating_degrees": "heating_degrees",
        "cooling_degrees": "cooling_degrees",
        "weekend": "cast(weekend as int)",
        "month": "month",
        "kwh_before": used("3 days", "last"),
        "kwh_week": used("8 days", "mean"),
    },
    categorical=("device",),
    folds={"by": "day", "count": 10},
    test={"last": "20 %", "per": "device"},
    candidates={
        "ridge": Candidate(build=ridge, grid={"alpha": (1.0, 10.0)}),
        "trees": Candidate(build=trees, grid={"num_leaves": (7, 15)}, encode="ordinal"),
    },
    metric="rmse",
)
