"""What is asked for a square metre of a dwelling in Barcelona? Asked when it is listed, from what the listing says."""

from datetime import date
from typing import Any

from vertebra import Analysis, Candidate


def ridge(alpha: float) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=alpha)


def boosted_trees(num_leaves: int) -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(num_leaves=num_leaves, n_estimators=150, learning_rate=0.05, verbose=-1)


analysis = Analysis(
    description="Asking price per square metre of a dwelling for sale in Barcelona.",
    task="regression",
    view="listing",
    key=("property_id",),
    time="cast(listed_on as timestamp)",
    where="size between 20 and 500",
    label="price_per_m2",
    unit="EUR/m2",
    unavailable=("price", "price_per_m2"),
    features={
        "type": "property_type",
        "size": "size",
        "rooms": "rooms",
        "bathrooms": "bathrooms",
        "floor": "floor",
        "exterior": "exterior",
        "lift": "has_lift",
        "status": "status",
        "parking": "parking",
        "district": "district",
        "latitude": "latitude",
        "longitude": "longitude",
        "income": "income_index",
        "rent": "rent_per_m2",
        "people": "population",
    },
    categorical=("type", "floor", "status", "district"),
    folds={"by": "listed_on", "count": 5},
    test={"from": date(2020, 11, 1)},
    zone="Europe/Madrid",
    candidates={
        "ridge": Candidate(build=ridge, grid={"alpha": (1.0, 10.0)}, encode="one_hot"),
        "boosted_trees": Candidate(build=boosted_trees, grid={"num_leaves": (7, 15)}, encode="ordinal"),
    },
    metric="mae",
    tags=("housing",),
)
