"""Days that do not look like the others of the same meter in such weather."""

from typing import Any

from vertebra import Analysis, AsOf, Candidate


def isolation_forest(trees: int) -> Any:
    from sklearn.ensemble import IsolationForest

    return IsolationForest(n_estimators=trees)


def used(window: str, aggregate: Any) -> AsOf:
    return AsOf(history="device_days", by=("device",), value="kwh", known_at="ends", window=window, aggregate=aggregate)


analysis = Analysis(
    description="Unusual days of each meter.",
    task="anomaly",
    view="device_days",
    key=("device", "day"),
    time="ends + interval 1 second",
    where="kwh is not null",
    features={
        "device": "device",
        "kwh": "kwh",
        "heating_degrees": "heating_degrees",
        "cooling_degrees": "cooling_degrees",
        "weekend": "cast(weekend as int)",
        "kwh_week": used("8 days", "median"),
    },
    categorical=("device",),
    flag=0.01,
    candidates={"isolation_forest": Candidate(build=isolation_forest, grid={"trees": (200,)})},
    metric="stability",
)
