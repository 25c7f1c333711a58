"""What a model answers: its label, its examples and its features."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from vertebra.declare.analysis import Analysis, AsOf

QUESTION: Final = "vertebra.question"
"""Tag of an MLflow run with what its model answers; see :func:`question`."""


def question(analysis: Analysis) -> str:
    """What a model of the analysis answers, as a hash: its label, its examples and its features.

    Candidates, metric, folds, seed and the date of the test set are no part of it: two models of the same question can
    be compared, and one can predict in place of the other.
    """
    parts: dict[str, Any] = {
        name: getattr(analysis, name) for name in ("task", "view", "key", "time", "where", "label", "categorical")
    }
    parts |= {name: list(getattr(analysis, name)) for name in ("text",) if getattr(analysis, name)}
    if analysis.forecast is not None:
        parts["forecast"] = analysis.forecast.model_dump()
    parts["features"] = [
        (name, feature if isinstance(feature, str) else _dumped(feature)) for name, feature in analysis.features.items()
    ]
    if analysis.derive is not None and analysis.file is not None:  # the code of derive can be anywhere in these files
        parts["code"] = [file.read_text("utf-8") for file in (analysis.file, *analysis.imports)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _dumped(feature: AsOf) -> dict[str, Any]:
    """The values of a feature, without those that were added later and have their default."""
    added = {name for name in ("lag", "at") if getattr(feature, name) == type(feature).model_fields[name].default}
    return feature.model_dump(exclude=added)
