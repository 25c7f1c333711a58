"""Scores of earlier runs: a setting is not fitted again on the same rows in the same folds.

A key stands for everything that the scores follow from: the rows and their folds, the preparation, the metric, and the
estimator with its parameters, the versions of its libraries, and the code of the project's own classes. A setting with
a part that has no stable text, such as an object that is printed with its address, has no key and is always fitted.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.compute as pc

if TYPE_CHECKING:
    from vertebra.analysis.example_set import Examples
    from vertebra.analysis.train import CandidateModel
    from vertebra.declare.analysis import Analysis
    from vertebra.governance.ledgers import Ledgers

_VERSION: Final = 1
"""Raise it when the same rows and setting come to give other scores."""

_LIBRARIES: Final = ("sklearn", "lightgbm", "vertebra")
_DISTRIBUTIONS: Final = ("scikit-learn", "lightgbm", "numpy", "scipy")

Known = Callable[["CandidateModel"], tuple[str, Sequence[float] | None]]


def known_scores(analysis: Analysis, train: Examples, ledgers: Ledgers) -> Known:
    """A function that gives the key of a setting, and the scores of an earlier run with this key if there are any."""
    ledger = ledgers.read("models")
    of_it = pc.and_(pc.equal(ledger.column("analysis"), analysis.name), pc.is_valid(ledger.column("validation_key")))
    rows = ledger.filter(of_it).select(["validation_key", "fold_scores"]).to_pylist()
    scores = {row["validation_key"]: _read(row["fold_scores"]) for row in rows}
    shared = _rows_key(analysis, train)

    def known(setting: CandidateModel) -> tuple[str, Sequence[float] | None]:
        key = _setting_key(analysis, setting)
        if not key:
            return "", None
        whole = hashlib.sha256(f"{shared}:{key}".encode()).hexdigest()[:32]
        return whole, scores.get(whole)

    return known


def write_scores(scores: Sequence[float]) -> str:
    """Scores as JSON, for the ledger; null for a fold that was not scored."""
    return json.dumps([score if np.isfinite(score) else None for score in scores])


def _read(text: str) -> tuple[float, ...]:
    return tuple(float("nan") if score is None else float(score) for score in json.loads(text))


def _rows_key(analysis: Analysis, train: Examples) -> str:
    """What all settings share: the rows, the folds, the preparation, the metric and the libraries."""
    import pandas as pd

    found = hashlib.sha256()
    found.update(np.asarray(pd.util.hash_pandas_object(train.features, index=False)).tobytes())
    for part in (train.label, train.fold, train.time, train.group, train.scale):
        found.update(part.tobytes())
    names = ("task", "metric", "categorical", "text", "impute", "scale", "flag", "seed")
    declared: dict[str, Any] = {name: getattr(analysis, name) for name in names}
    for name in ("folds", "outliers", "forecast"):
        value = getattr(analysis, name)
        declared[name] = value and value.model_dump(mode="json")
    about = [_VERSION, declared, train.classes, list(train.features), list(map(metadata.version, _DISTRIBUTIONS))]
    found.update(json.dumps(about, sort_keys=True, default=str).encode())
    return found.hexdigest()


def _setting_key(analysis: Analysis, setting: CandidateModel) -> str:
    """What tells a setting apart; empty if it has a part without a stable text."""
    from vertebra.analysis.train import build

    estimator = build(analysis, setting)
    parameters: Mapping[str, Any] = estimator.get_params() if hasattr(estimator, "get_params") else {}
    parts = {name: _text(value, analysis) for name, value in {"": estimator, **parameters}.items()}
    if not all(parts.values()):
        return ""
    return json.dumps([setting.name, setting.candidate.encode, parts], sort_keys=True)


def _text(value: Any, analysis: Analysis) -> str:
    """A text that is the same for equal values only; empty if there is none."""
    if hasattr(value, "fit"):
        return _class_text(type(value), analysis)
    if value is None or isinstance(value, bool | int | float | str | np.generic):
        return repr(value)
    if isinstance(value, list | tuple):
        parts = [_text(one, analysis) for one in value]
        return f"[{', '.join(parts)}]" if all(parts) else ""
    if isinstance(value, np.ufunc):
        return value.__name__
    return ""


def _class_text(kind: type, analysis: Analysis) -> str:
    """The name of a class; with the code it may use if it is of no library that models are made of."""
    name = f"{kind.__module__.partition('_declared_')[0]}.{kind.__qualname__}"
    if kind.__module__.partition(".")[0] in _LIBRARIES:
        return name
    try:
        files = [Path(inspect.getfile(kind)), *([analysis.file] if analysis.file else []), *analysis.imports]
        return name + hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    except (TypeError, OSError):
        return ""
