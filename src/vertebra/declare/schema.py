"""JSON Schema of the YAML that a project is declared in, for editors and for ``vertebra debug --json-schema``."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Union

from pydantic import Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from vertebra.declare.dataset import Column, Dataset, Declaration, Drift
from vertebra.declare.project import SettingsFile
from vertebra.declare.publication import TARGETS, Publication
from vertebra.declare.reconciliation import EntityResolution, LookupTable, Reconciliation, Survivor

if TYPE_CHECKING:
    from pydantic_core import core_schema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final = {"type": "string"}
_SHORT_FORMS: Final[dict[type, dict[str, Any]]] = {
    Column: {**_TEXT, "description": "The column's type."},
    Drift: {**_TEXT, "enum": ["evolve", "ignore", "fail"], "description": "The policy in a word."},
    Survivor: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
}
"""What may be written instead of a mapping."""

_NAMED_BY_FILE: Final = (Dataset, EntityResolution, LookupTable, Publication)
"""Declarations that have the name of their file."""

_DECIDED: Final = ("parse",)
"""Keys that some kinds of sources decide, so that they need not be written."""

DOCUMENTS: Final[dict[str, Any]] = {
    "project": SettingsFile,
    "dataset": Dataset,
    "reconciliation": Reconciliation,
    "publication": Publication,
}
"""What each kind of file declares: ``vertebra.yaml``, ``datasets/*.yaml``, ``reconcile/*.yaml``, ``publish/*.yaml``."""


def json_schema(kind: str | None = None) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one kind of file, or of all.

    Args:
        kind: ``project``, ``dataset``, ``reconciliation`` or ``publication``; None gives one schema whose ``$defs`` has
            all four under these names, and that accepts any of them. A publication has the options of one of the
            installed targets.

    Raises:
        RegistryError: a plug-in that adds a publish target cannot be loaded.
    """
    if kind is not None:
        declared = _any_publication() if kind == "publication" else DOCUMENTS[kind]
        schema = TypeAdapter(declared).json_schema(by_alias=True, schema_generator=_Written)
        return {"$schema": DIALECT, **schema, "title": f"Vertebra {kind}"}
    publications = [target.declaration for target in TARGETS.values()]
    models: tuple[type[Declaration], ...] = (SettingsFile, Dataset, EntityResolution, LookupTable, *publications)
    named, shared = models_json_schema(
        [(model, "validation") for model in models], by_alias=True, schema_generator=_Written
    )
    resolution, lookup = (named[model, "validation"] for model in (EntityResolution, LookupTable))
    definitions = {
        "project": named[SettingsFile, "validation"],
        "dataset": named[Dataset, "validation"],
        "reconciliation": {"oneOf": [resolution, lookup]},
        "publication": {"oneOf": [named[model, "validation"] for model in publications]},
    }
    return {
        "$schema": DIALECT,
        "title": "Vertebra declarations",
        "$defs": shared["$defs"] | definitions,
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in definitions],
    }


def _any_publication() -> Any:
    """A publication to any of the targets that are installed."""
    models = tuple(target.declaration for target in TARGETS.values())
    return Annotated[Union[models], Field(discriminator="to")]  # noqa: UP007 - the targets are known at run time only


class _Written(GenerateJsonSchema):
    """The schema of what people write, which is a little more than what the models hold."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model = schema["cls"]
        inherited = [_documentation(base)[1] for base in reversed(model.__mro__) if issubclass(base, Declaration)]
        about, attributes = _documentation(model)[0], dict(item for one in inherited for item in one.items())
        made["description"] = about
        for name, described in made["properties"].items():
            described.pop("title", None)
            described.update({"description": attributes[name]} if name in attributes else {})
        if issubclass(model, _NAMED_BY_FILE):
            made["required"] = [name for name in made.get("required", []) if name not in ("name", *_DECIDED)]
            made["properties"]["name"]["description"] = "The file's name without its ending; need not be written."
        short = _SHORT_FORMS.get(model)
        return {"anyOf": [made, short]} if short else made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Mappings whose keys are names admit no other keys."""
        made = super().dict_schema(schema)
        return made | {"additionalProperties": False} if "patternProperties" in made else made


def _documentation(model: type) -> tuple[str, dict[str, str]]:
    """What the docstring of a model says of it, and of its attributes."""
    text, _, listed = inspect.cleandoc(model.__doc__ or "").partition("\nAttributes:\n")
    attributes: dict[str, str] = {}
    names: list[str] = []
    for line in listed.splitlines():
        if found := re.fullmatch(r"    (\w+(?:, \w+)*): (.*)", line):
            names = found[1].split(", ")
            attributes |= dict.fromkeys(names, found[2])
        else:
            attributes |= {name: f"{attributes[name]} {line.strip()}" for name in names}
    return text.replace("``", "`").strip(), {name: text.replace("``", "`") for name, text in attributes.items()}
