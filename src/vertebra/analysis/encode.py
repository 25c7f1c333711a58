"""Encoding features for estimators: category codes, then an encoding that is fitted on training rows only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from vertebra.declare.analysis import Analysis

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

Encoding = Literal["one_hot", "ordinal"]

_MOST_CATEGORIES: Final = 50
"""The most one-hot columns of a feature; rarer categories share one, which bounds memory and time."""

_RARE: Final = 20
"""A category of fewer training rows shares the column of the rare ones."""


def codes(analysis: Analysis) -> ColumnTransformer:
    """Text categories to numbers, other features as they are; categories first.

    It learns the vocabulary and does not use the label. An unseen category is -1, a missing one NaN.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OrdinalEncoder

    vocabulary = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
    numbers = [name for name in analysis.features if name not in analysis.categorical]
    return ColumnTransformer(
        [("categories", vocabulary, list(analysis.categorical)), ("numbers", "passthrough", numbers)],
        verbose_feature_names_out=False,
    )


def encoder(analysis: Analysis, encoding: Encoding) -> Any:
    """The unfitted transformer of coded features for one encoding, or ``"passthrough"``."""
    if encoding == "ordinal":
        return "passthrough"
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=_RARE,
        max_categories=_MOST_CATEGORIES,
        sparse_output=False,
        dtype=np.float32,
    )
    # standardised numbers have mean 0: filling in 0 is filling in the mean
    filled = SimpleImputer(strategy="constant", fill_value=0, add_indicator=True)
    first = len(analysis.categorical)
    parts = [
        ("categories", one_hot, range(first)),
        ("numbers", make_pipeline(StandardScaler(), filled), range(first, len(analysis.features))),
    ]
    return ColumnTransformer([(name, step, list(columns)) for name, step, columns in parts if columns])
