"""The recipe of a model: what it predicts and from which features, so that it can predict if others are declared later.

The ledger ``models`` keeps the recipe of every version, as JSON. Features are computed by the recipe of the model that
is asked, not by the present declaration.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from vertebra.analysis.question import QUESTION, question
from vertebra.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.declare.analysis import Analysis
    from vertebra.governance.ledgers import Ledgers

_ABOUT: Final = ("name", "description", "unit", "tags", "file", "imports", "derive", "trust")
_TRAINING: Final = ("folds", "test", "candidates", "metric", "seed")
_USE: Final = ("champion", "predict", "monitor", "retrain")
_NOT_IN_IT: Final = frozenset({*_ABOUT, *_TRAINING, *_USE})
"""Fields of an analysis that change neither what a model predicts nor from what."""

_TARGET: Final = ("task", "view", "key", "time", "label")
"""Fields that two models have in common if one can predict in place of the other."""


def recipe_of(analysis: Analysis) -> str:
    """The recipe of the models that an analysis trains now, as JSON."""
    values = analysis.model_dump(mode="json", exclude=set(_NOT_IN_IT))
    if analysis.derive is not None:
        values["derive"] = _code(analysis)
    return json.dumps(values, sort_keys=False, default=str)


def registered(ledgers: Ledgers, name: str, version: str) -> dict[str, Any]:
    """The row of the ledger ``models`` about a registered version.

    Raises:
        LakeError: the ledger has none.
    """
    for row in ledgers.rows("models"):
        if row["model_name"] == name and row["model_version"] == version and row["model_sha256"]:
            return row
    raise LakeError(
        f"the ledger of models has no {name} version {version}",
        cause="it was registered by a run that ended before it was recorded, by another lake, or by hand",
        remedy="vertebra models, to see what there is; vertebra predict --version N",
    )


def as_trained(analysis: Analysis, row: Mapping[str, Any], tracking: str) -> Analysis:
    """The analysis as a model was trained: its features instead of those that are declared now.

    Args:
        row: of the model, in the ledger ``models``.
        tracking: MLflow tracking URI, for models of releases that kept no recipe.

    Raises:
        LakeError: the model cannot predict any more, and why.
    """
    version = row["model_version"]
    if not row.get("recipe"):
        from vertebra.analysis.track import tag_of

        asked = tag_of(tracking, row["model_name"], version, QUESTION)
        if asked and asked != question(analysis):
            raise _unusable(version, "its label, examples or features were declared otherwise, and no recipe was kept")
        return analysis
    recipe = json.loads(row["recipe"])
    derive = recipe.pop("derive", None)
    changed = [name for name in _TARGET if recipe.get(name) != _plain(getattr(analysis, name))]
    if changed:
        raise _unusable(version, f"it predicts something else: the analysis declares another {' and '.join(changed)}")
    if derive is not None and (analysis.derive is None or derive != _code(analysis)):
        raise _unusable(version, "the code of derive, which made its features, was changed")
    fields = type(analysis).model_fields
    restored = {name: value for name, value in recipe.items() if name in fields}
    about = {name: getattr(analysis, name) for name in _NOT_IN_IT if name in fields}
    made = type(analysis).model_validate(about | restored)
    if derive is None:
        made = made.model_copy(update={"derive": None})
    histories = {feature.history for feature in made.as_of.values()} - {analysis.view}
    gone = sorted(histories - {feature.history for feature in analysis.as_of.values()})
    if gone:
        raise _unusable(version, f"its features read exploitation.{gone[0]}, which the analysis does not read any more")
    return made.model_copy(update={"where": analysis.where})


def same_features(one: Analysis, other: Analysis) -> bool:
    """Whether examples of two declarations of an analysis have the same features."""
    return recipe_of(one) == recipe_of(other)


def _unusable(version: str, why: str) -> LakeError:
    return LakeError(
        f"version {version} cannot predict: {why}",
        cause="a model predicts one label of one view, from the features that it was trained on",
        remedy="restore the declaration, or use a version that was trained since: vertebra models --history",
    )


def _code(analysis: Analysis) -> str:
    files = (analysis.file, *analysis.imports) if analysis.file is not None else ()
    return hashlib.sha256("\0".join(file.read_text("utf-8") for file in files).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
