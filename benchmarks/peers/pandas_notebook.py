"""The whole job as a notebook does it: pandas, then scikit-learn and LightGBM with 10-fold cross-validation."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

sys.path.insert(0, str(Path(__file__).parent))
from pandas_engineering import engineer

NUMERIC = [
    "month",
    "hour",
    "minute",
    "distance",
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "precip",
    "visib",
    "seats",
    "built",
]
CATEGORICAL = ["carrier", "origin", "dest"]


def main(sources: Path) -> None:
    departures, _ = engineer(sources)
    flights = departures.dropna(subset=["arr_delay"]).reset_index(drop=True)
    late = (flights["arr_delay"] >= 15).to_numpy()
    day = flights["time_hour"].dt.tz_convert("America/New_York").dt.date
    features = flights[NUMERIC + CATEGORICAL].copy()
    held_out = (flights["time_hour"] >= "2013-11-01T04:00Z").to_numpy()

    linear = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), NUMERIC),
            (OneHotEncoder(handle_unknown="ignore"), CATEGORICAL),
        ),
        LogisticRegression(max_iter=200),
    )
    boosted = LGBMClassifier(n_estimators=200, num_leaves=63, learning_rate=0.1, n_jobs=2, verbose=-1)
    coded = features.assign(**{name: features[name].astype("category") for name in CATEGORICAL})
    for name, model, table in (("logistic regression", linear, features), ("LightGBM", boosted, coded)):
        scores = cross_val_score(model, table, late, groups=day, cv=GroupKFold(10), scoring="roc_auc")
        model.fit(table[~held_out], late[~held_out])
        last = roc_auc_score(late[held_out], model.predict_proba(table[held_out])[:, 1])
        print(f"{name}: 10-fold ROC AUC {np.mean(scores):.3f}, on the last two months {last:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
