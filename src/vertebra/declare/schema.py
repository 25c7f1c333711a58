"""JSON Schema of declarations in YAML, for editors and for ``vertebra debug --json-schema``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from vertebra.declare.bounds import Bounds
from vertebra.declare.dataset import Column, Dataset, Declaration, Drift
from vertebra.declare.deletions import Deletions
from vertebra.declare.origin import Origin
from vertebra.declare.project import SettingsFile
from vertebra.declare.publication import PUBLISH_TARGETS, Publication
from vertebra.declare.reconciliation import EntityResolution, LookupTable, Survivor
from vertebra.declare.registered import REGISTERED, Registered, registered_by
from vertebra.declare.view import SeriesFile
from vertebra.declare.view_rules import ViewRules

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import core_schema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final = {"type": "string"}
_SHORT_FORMS: Final[dict[type, dict[str, Any]]] = {
    Bounds: {
        "type": "array",
        "items": {"type": ["number", "null"]},
        "minItems": 2,
        "maxItems": 2,
        "description": "The least and the greatest value; null leaves an end open.",
    },
    Column: {**_TEXT, "description": "The column's type."},
    Deletions: {**_TEXT, "enum": ["keep", "by snapshot"], "description": "Without a column that marks them."},
    Origin: {**_TEXT, "enum": ["file", "period"], "description": "The whole name of the file, or the whole period."},
    Drift: {**_TEXT, "enum": ["evolve", "ignore", "fail"], "description": "The policy in a word."},
    Survivor: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
}
"""What may be written instead of a mapping."""

_NAMED_BY_FILE: Final = (Dataset, EntityResolution, LookupTable, SeriesFile, ViewRules, Publication)
"""Declarations that have the name of their file."""

_DESCRIBED: Final = {
    "description": "what it is, for people.",
    "tags": "words to select it by: `--select tag:<tag>`.",
    "on_violation": "what cleaning does with violations of the rules of the column.",
}
"""Keys that mean the same in every declaration."""

_DECIDED: Final = ("parse",)
"""Keys that some kinds of sources decide, so that they need not be written."""

DOCUMENTS: Final[dict[str, tuple[type[BaseModel], ...]]] = {
    "project": (SettingsFile,),
    "dataset": (Dataset,),
    "reconciliation": (EntityResolution, LookupTable),
    "view": (SeriesFile, ViewRules),
    "publication": (Publication,),
}
"""What each kind of file declares: ``vertebra.yaml``, ``datasets/*.yaml``, ``reconcile/*.yaml``, ``views/*.yaml``,
``publish/*.yaml``."""


def json_schema(kind: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one kind of file, or of all.

    It has every collector, publish target and comparison, including those of plug-ins.

    Args:
        kind: ``project``, ``dataset``, ``reconciliation``, ``view`` or ``publication``; None gives one schema whose
            ``$defs`` has all of them under these names, and that accepts any of them.

    Raises:
        RegistryError: a plug-in that adds a publish target cannot be loaded.

    Example:
        >>> "on_violation" in vertebra.json_schema("dataset")["$defs"]["Rule"]["properties"]
        True
    """
    kinds = [kind] if kind is not None else list(DOCUMENTS)
    forms = {name: _forms_of(name) for name in kinds}
    models = [model for name in kinds for model in forms[name]]
    choices = _choices(models)
    members = [model for choice in choices for name in choice.registry if (model := choice.model_named(name))]
    named, shared = models_json_schema(
        [(model, "validation") for model in dict.fromkeys([*models, *members])],
        by_alias=True,
        schema_generator=_Written,
    )
    definitions = shared["$defs"]
    alternatives = {choice.key: _alternatives(choice, named, definitions) for choice in choices}
    for model in dict.fromkeys(members):
        del definitions[_name(named[model, "validation"])]
    definitions = _expanded(definitions, alternatives)
    documents = {name: _either([named[model, "validation"] for model in forms[name]]) for name in kinds}
    if kind is not None:
        root = documents[kind]
        root = definitions.pop(_name(root)) if "$ref" in root else root
        return {"$schema": DIALECT, **root, "$defs": definitions, "title": f"Vertebra {kind}"}
    return {
        "$schema": DIALECT,
        "title": "Vertebra declarations",
        "$defs": definitions | documents,
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in documents],
    }


def analysis_schema() -> dict[str, Any]:
    """The schema of :class:`vertebra.Analysis`, for its reference: analyses are declared in Python."""
    from vertebra.declare.analysis import Analysis

    made = Analysis.model_json_schema(by_alias=True, schema_generator=_InPython)
    for name in ("name", "file", "imports"):
        del made["properties"][name]
    return made


def _forms_of(kind: str) -> tuple[type[BaseModel], ...]:
    """The models of a kind of file; a publication has the options of one of the installed targets."""
    return (
        tuple(target.declaration for target in PUBLISH_TARGETS.values()) if kind == "publication" else DOCUMENTS[kind]
    )


def _choices(models: Sequence[type[BaseModel]]) -> list[Registered]:
    """The keys in some models whose values have models in registries."""
    named, shared = models_json_schema([(model, "validation") for model in dict.fromkeys(models)], by_alias=True)
    return [registered_by(key) for key in dict.fromkeys(_marks([*named.values(), shared]))]


def _marks(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping) and REGISTERED in schema:
        yield schema[REGISTERED]
    inner = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ()
    for one in inner:
        yield from _marks(one)


def _alternatives(
    choice: Registered, named: Mapping[Any, JsonSchemaValue], definitions: dict[str, Any]
) -> JsonSchemaValue:
    """The schema of a key with models in a registry: one form for each member, which is added to the definitions."""
    mapping = {}
    for name in choice.registry:
        model = choice.model_named(name)
        form = _unknown(choice, name) if model is None else dict(definitions[_name(named[model, "validation"])])
        form["properties"] = form["properties"] | {choice.key: {"const": name, "type": "string"}}
        definitions[f"{choice.registry.kind}_{name}"] = form
        mapping[name] = f"#/$defs/{choice.registry.kind}_{name}"
    forms = [{"$ref": reference} for reference in mapping.values()]
    return {"oneOf": forms, "discriminator": {"propertyName": choice.key, "mapping": mapping}}


def _unknown(choice: Registered, name: str) -> dict[str, Any]:
    about = f"The {choice.registry.kind} `{name}` cannot be loaded, so that its keys are not known."
    return {"type": "object", "properties": {}, "required": [choice.key], "description": about}


def _expanded(schema: Any, alternatives: Mapping[str, JsonSchemaValue]) -> Any:
    """A schema with the forms of registered members at the marked places."""
    if isinstance(schema, list):
        return [_expanded(one, alternatives) for one in schema]
    if not isinstance(schema, dict):
        return schema
    forms = alternatives.get(schema.get(REGISTERED, ""))
    if forms is None:
        return {key: _expanded(value, alternatives) for key, value in schema.items()}
    return {key: value for key, value in schema.items() if key not in ("type", REGISTERED)} | forms


def _either(schemas: list[JsonSchemaValue]) -> JsonSchemaValue:
    return schemas[0] if len(schemas) == 1 else {"oneOf": schemas}


def _name(reference: JsonSchemaValue) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


class _Written(GenerateJsonSchema):
    """Generates the schema of the notations that users may write, which are a few more than the models hold."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model = schema["cls"]
        inherited = [_documentation(base)[1] for base in reversed(model.__mro__) if issubclass(base, Declaration)]
        about, attributes = _documentation(model)[0], dict(item for one in inherited for item in one.items())
        made["description"] = about
        written = {field.alias: name for name, field in model.model_fields.items() if field.alias}
        for key, described in made["properties"].items():
            described.pop("title", None)
            text = attributes.get(written.get(key, key)) or attributes.get(key) or _DESCRIBED.get(key)
            described.update({"description": text} if text else {})
        if issubclass(model, _NAMED_BY_FILE):
            made["required"] = [name for name in made.get("required", []) if name not in ("name", *_DECIDED)]
            made["properties"]["name"]["description"] = "The file's name without its ending; need not be written."
        short = _SHORT_FORMS.get(model)
        return {"anyOf": [made, short]} if short else made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """The schema of a mapping; if its keys are names, no other keys are allowed."""
        made = super().dict_schema(schema)
        return made | {"additionalProperties": False} if "patternProperties" in made else made


class _InPython(_Written):
    """Generates the schema of what is declared in Python, with functions."""

    def callable_schema(self, schema: core_schema.CallableSchema) -> JsonSchemaValue:  # noqa: ARG002
        return {"type": "function"}


def _documentation(model: type) -> tuple[str, dict[str, str]]:
    """The descriptions of a model and of its attributes, from the model's docstring."""
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
