"""Encoding features for estimators: category codes, then an encoding that is fitted on training rows only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from vertebra.declare.analysis import Analysis

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.compose import ColumnTransformer

Encoding = Literal["one_hot", "ordinal"]

_MOST_CATEGORIES: Final = 50
"""The most one-hot columns of a feature; rarer categories share one, which bounds memory and time."""

_RARE: Final = 20
"""A category of fewer training rows shares the column of the rare ones."""


def coded_names(analysis: Analysis) -> list[str]:
    """The features in the order of coded rows: categories, numbers, texts."""
    return [*analysis.categorical, *analysis.numbers, *analysis.text]


def codes(analysis: Analysis) -> ColumnTransformer:
    """Categories to numbers, other features as they are, in the order of :func:`coded_names`.

    It learns the vocabulary and does not use the label. An unseen category is -1, a missing one NaN.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OrdinalEncoder

    vocabulary = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
    parts = [("categories", vocabulary, list(analysis.categorical)), ("numbers", "passthrough", analysis.numbers)]
    if analysis.text:
        parts.append(("texts", "passthrough", list(analysis.text)))
    return ColumnTransformer(parts, verbose_feature_names_out=False)


def code(analysis: Analysis, fitted: Any, features: pd.DataFrame) -> NDArray[Any]:
    """Features coded by a fitted :func:`codes`: float32, or objects if there are texts."""
    return np.asarray(fitted.transform(features), object if analysis.text else np.float32)


def encoder(analysis: Analysis, encoding: Encoding) -> Any:
    """The unfitted transformer of coded features for one encoding, or ``"passthrough"``."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    if encoding == "ordinal" and not analysis.text and not _clips(analysis):
        return "passthrough"
    first, texts = len(analysis.categorical), len(analysis.feature_names) - len(analysis.text)
    if encoding == "ordinal":
        parts = [("coded", _numbers(analysis, "passthrough"), range(texts))]
    else:
        parts = [
            ("categories", _numbers(analysis, _one_hot()), range(first)),
            ("numbers", _numbers(analysis, _scaled(analysis)), range(first, texts)),
        ]
    if analysis.text:
        from vertebra.analysis.text_features import Words

        parts += [
            (f"text {place}", Words(), range(place, place + 1)) for place in range(texts, texts + len(analysis.text))
        ]
    made = ColumnTransformer([(name, step, list(columns)) for name, step, columns in parts if columns])
    if not _clips(analysis):
        return made
    from vertebra.analysis.outliers import Clip

    declared = analysis.outliers
    assert declared is not None
    columns = [coded_names(analysis).index(name) for name in declared.columns]
    return make_pipeline(Clip(columns, declared.by, declared.limit), made)


def _clips(analysis: Analysis) -> bool:
    return analysis.outliers is not None and not analysis.outliers.training_only


def _numbers(analysis: Analysis, step: Any) -> Any:
    """A step over columns of numbers, which are objects if there are texts beside them."""
    if not analysis.text:
        return step
    from sklearn.pipeline import make_pipeline

    from vertebra.analysis.text_features import Numbers

    return Numbers() if step == "passthrough" else make_pipeline(Numbers(), step)


def _one_hot() -> Any:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=_RARE,
        max_categories=_MOST_CATEGORIES,
        sparse_output=False,
        dtype=np.float32,
    )


def _scaled(analysis: Analysis) -> Any:
    """Scaling and imputation of numbers."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import RobustScaler, StandardScaler

    scalers = {"standard": StandardScaler, "robust": RobustScaler}
    centres = {"mean": "standard", "median": "robust"}
    scaler = scalers[analysis.scale]() if analysis.scale in scalers else None
    if scaler is not None and centres.get(analysis.impute) == analysis.scale:
        # scaled numbers have their centre at 0: filling in 0 is filling in the mean, or the median
        return make_pipeline(scaler, _filled("zero"))
    filled = _filled(analysis.impute)
    return filled if scaler is None else make_pipeline(filled, scaler)


def _filled(by: str) -> Any:
    """Imputation, with a flag for what was missing. A column without a value is filled with 0."""
    from sklearn.impute import SimpleImputer

    how: dict[str, Any] = {"strategy": "constant", "fill_value": 0} if by == "zero" else {"strategy": by}
    return SimpleImputer(**how, add_indicator=True, keep_empty_features=True)
