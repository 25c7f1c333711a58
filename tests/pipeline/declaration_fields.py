"""Every field of every declaration, and the steps that have it in their fingerprint.

When a test of :mod:`tests.pipeline.test_fingerprint_fields` says that a field is undecided, decide here: name the steps
whose results depend on it, or write why it changes no result.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from vertebra.declare.collect import COLLECTORS
from vertebra.declare.column_format import ColumnFormat
from vertebra.declare.declaration import Declaration
from vertebra.declare.parse import FORMATS, ParseOptions
from vertebra.declare.project import Project
from vertebra.declare.publication import PUBLISH_TARGETS, Publication
from vertebra.declare.reconciliation import COMPARISONS, Comparison, EntityResolution, LookupTable
from vertebra.declare.rule_sugar import SUGARS, of_columns
from vertebra.declare.source import Source
from vertebra.declare.table_rule import TABLE_RULES
from vertebra.registry import Registry

Decision = frozenset[str] | str
"""The steps that depend on a field, or the reason why none does."""

FORMATTED = frozenset({"formatted"})
TRUSTED = frozenset({"trusted"})
BOTH = FORMATTED | TRUSTED
RECONCILED = frozenset({"exploitation"})
PUBLISHED = frozenset({"publish"})

SAYS = "it documents"
SELECTS = "it selects steps on the command line"
NAMES = "it is the name of the step"
ASKED = "a source is asked at every run, and what it answers is a new batch or none"
IN_FILE = "it is in the user's file, whose content is part of the fingerprint"

DECISIONS: dict[str, dict[str, Decision]] = {
    "Dataset": {
        "name": NAMES, "source": FORMATTED, "description": SAYS, "updates": TRUSTED, "load": FORMATTED, "version": FORMATTED, "deleted": FORMATTED,
        "shrink": "it allows or refuses a batch",
        "columns": BOTH,
        "key": BOTH, "rules": TRUSTED, "repair": TRUSTED, "tags": SELECTS,
    },
    "Column": dict.fromkeys(ColumnFormat.model_fields, FORMATTED)
    | {"type": BOTH, "description": SAYS, "unit": SAYS, "on_violation": TRUSTED}
    | {sugar.name: TRUSTED for sugar in of_columns()}
    | {kind.name: TRUSTED for kind in TABLE_RULES.values() if kind.column_type is not None},
    "Rule": dict.fromkeys((*SUGARS, *TABLE_RULES), TRUSTED)
    | {"description": SAYS, "on_violation": TRUSTED, "repair_method": TRUSTED, "confidence": TRUSTED, "fill": TRUSTED, "set": TRUSTED, "role": TRUSTED},
    "Between": {"over": TRUSTED, "where": TRUSTED},
    "Counter": dict.fromkeys(("by", "order", "column", "modulo", "at_most", "reset"), TRUSTED),
    "Gap": dict.fromkeys(("by", "time", "at_most"), TRUSTED),
    "GapFree": dict.fromkeys(("time", "by", "step", "zone"), TRUSTED),
    "Intervals": dict.fromkeys(("by", "start", "end"), TRUSTED),
    "Bounds": {"min": TRUSTED, "max": TRUSTED, "change": TRUSTED},
    "Source": {
        "kind": ASKED, "every": "it is when a source is asked", "zone": "it is when a source is asked",
        "member": FORMATTED, "empty": ASKED,
    },
    "Settings": {
        "name": "it names models, and is the mark on what is published", "description": SAYS,
        "lake": "it is where tables are; another lake has its own fingerprints",
        "engine": "the engines give the same results", "memory": "it bounds what the engine uses",
        "tracking": "it is where models are kept", "retention": "it is how long versions are kept",
        "schemes": "it allows or refuses an address", "overlay": "it chooses the files with the declarations",
    },
    "EntityResolution": dict.fromkeys(EntityResolution.model_fields, RECONCILED) | {"name": NAMES, "description": SAYS},
    "LookupTable": dict.fromkeys(LookupTable.model_fields, RECONCILED) | {"name": NAMES, "description": SAYS},
    "Publication": dict.fromkeys(Publication.model_fields, PUBLISHED)
    | {"name": NAMES, "description": SAYS, "tags": SELECTS, "replace": "it allows or refuses a replacement"},
}  # fmt: skip

WHOLE: dict[str, Decision] = {
    "ParseOptions": FORMATTED, "Drift": FORMATTED, "Deletions": FORMATTED,
    "Origin": FORMATTED,
    "TableRepair": TRUSTED, "Trust": TRUSTED, "Side": RECONCILED, "RecordSource": RECONCILED, "Comparison": RECONCILED,
    "Survivor": RECONCILED, "Decide": RECONCILED,
    "View": IN_FILE, "ViewRules": IN_FILE, "Series": IN_FILE, "SeriesColumn": IN_FILE, "ZoneColumn": IN_FILE, "Analysis": IN_FILE, "AsOf": IN_FILE, "Candidate": IN_FILE,
    "Folds": IN_FILE, "TestSet": IN_FILE, "Forecast": IN_FILE, "Outliers": IN_FILE,
    "Monitor": IN_FILE,
}  # fmt: skip
"""Declarations of which every field is decided in the same way, whichever fields they get."""


BASES: dict[type[Declaration], Registry[Any]] = {
    Source: COLLECTORS, ParseOptions: FORMATS, Comparison: COMPARISONS, Publication: PUBLISH_TARGETS,
}  # fmt: skip
"""Models that members of a registry subclass; a project has one of the subclasses in their place."""

OWN: dict[type[Declaration], Decision] = {
    Source: ASKED, ParseOptions: FORMATTED, Comparison: RECONCILED, Publication: PUBLISHED,
}  # fmt: skip
"""What is decided of the fields that the subclasses add."""


def decision(model: type[Declaration], field: str) -> Decision | None:
    """What is decided of a field; None if nobody decided."""
    base = base_of(model)
    if base is not None and field not in base.model_fields:
        return OWN[base]
    name = (base or model).__name__
    return WHOLE.get(name) or DECISIONS.get(name, {}).get(field)


def base_of(model: type[Declaration]) -> type[Declaration] | None:
    """The base whose registry has the model."""
    return next((base for base in BASES if issubclass(model, base)), None)


def all_models() -> list[type[Declaration]]:
    """Every model that a project is made of, but those within the declaration of a collector."""
    return list(dict.fromkeys(one for hint in get_type_hints(Project).values() for one in _models(hint, ())))


def all_fields() -> Iterator[tuple[type[Declaration], str]]:
    """Every field that a user writes, but those that are a declaration themselves: their fields are decided one by one."""
    for model in all_models():
        for name, info in model.model_fields.items():
            if not (isinstance(info.annotation, type) and issubclass(info.annotation, Declaration)):
                yield model, name


def _models(hint: Any, above: tuple[Any, ...]) -> list[type[Declaration]]:
    """The models in a type, and those in their fields."""
    if hint in above:
        return []
    if hint in BASES:
        return [member.declaration for member in BASES[hint].values()]
    if isinstance(hint, type) and issubclass(hint, Declaration):
        inner = [one for info in hint.model_fields.values() for one in _models(info.annotation, (*above, hint))]
        return [hint, *inner]
    return [one for argument in get_args(hint) for one in _models(argument, above)]
