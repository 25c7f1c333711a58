"""Checking a document against the model of a declaration, with errors that have file, line, cause and remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from vertebra.declare.declaration import NAME_PATTERN, Declaration, locate
from vertebra.declare.document import Document, Loc
from vertebra.declare.registered import NOT_LOADED, NOT_REGISTERED, REGISTERED, registered_by
from vertebra.errors import DeclarationError
from vertebra.formatting import shortened
from vertebra.suggestions import did_you_mean, nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model")

_EXPECTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping (keys and values)",
    "mapping_type": "a mapping (keys and values)",
    "model_type": "a mapping (keys and values)",
    "model_attributes_type": "a mapping (keys and values)",
}
_YES_NO: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def validated(
    adapter: TypeAdapter[Model], document: Document, value: Any, what: str, errors: list[DeclarationError]
) -> Model | None:
    """Make a declaration from the value of a document.

    Args:
        adapter: of the declaration's model.
        document: the document that the value was read from, for locations.
        value: the value to check; may differ from ``document.value`` by added keys and resolved references.
        what: the kind and name of the declaration, for messages, e.g. ``dataset flights``.
        errors: receives all errors.

    Returns:
        The declaration, or None when it has errors.
    """
    try:
        made = adapter.validate_python(value)
    except ValidationError as error:
        found = error.errors(include_url=False)
    else:
        if isinstance(made, Declaration):
            locate(made, lambda loc: document.location(loc, key=True))
        return made
    value, changed = _numbers_as_text(document, value, found)
    if changed:
        return validated(adapter, document, value, what, errors)
    errors += [
        _explain(group, document, adapter, what) for group in _alternatives(document, drop_missing_misspelled(found))
    ]
    return None


def drop_missing_misspelled(found: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out errors about missing keys that were misspelled: the unknown key is reported instead."""
    unknown = [error["loc"] for error in found if error["type"] == "extra_forbidden"]
    # a member of a registry may determine other keys, as a collector determines `parse:`
    undecided = [error["loc"][:-2] for error in found if error["type"] in (NOT_REGISTERED, NOT_LOADED)]
    return [
        error
        for error in found
        if error["type"] != "missing"
        or not (
            error["loc"][:-1] in undecided
            or any(loc[:-1] == error["loc"][:-1] and nearest(loc[-1], [str(error["loc"][-1])]) for loc in unknown)
        )
    ]


def _numbers_as_text(document: Document, value: Any, found: Sequence[ErrorDetails]) -> tuple[Any, bool]:
    """Replace numbers by their text in the file, where text is expected: ``-999``."""
    changed = False
    for error in found:
        if error["type"] != "string_type" or isinstance(error["input"], list | dict) or error["input"] is None:
            continue
        path, raw = document.path(error["loc"]), document.raw(error["loc"])
        if raw is not None and path:
            value, changed = _replaced(value, path, raw), True
    return value, changed


def _replaced(value: Any, path: Loc, new: Any) -> Any:
    """A copy of nested dictionaries and lists with another value at a path."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, Mapping) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)  # type: ignore[index]
    return copy


def _alternatives(document: Document, found: Sequence[ErrorDetails]) -> list[list[ErrorDetails]]:
    """Group errors, one group for each problem.

    If a value may have several forms, validation reports an error for each form; the form that matches most of the
    value is assumed to be meant.
    """
    groups: list[list[ErrorDetails]] = []
    for error in found:
        forms, fit = _forms(document, error), _fit(document, error)
        twin = next((group for group in groups if forms and _same_value(document, group[0], error)), None)
        if twin is None:
            groups.append([error])
        elif fit > _fit(document, twin[0]):
            twin[:] = [error]
        elif fit == _fit(document, twin[0]):
            twin.append(error)
    return groups


def _fit(document: Document, error: ErrorDetails) -> tuple[int, bool]:
    """How well a form matches: the depth that validation reached, and whether the value there has the right type."""
    return len(document.path(error["loc"])), error["type"] not in _EXPECTED


def _forms(document: Document, error: ErrorDetails) -> bool:
    """Whether an error names the form that it is about."""
    missing = 1 if error["type"] == "missing" else 0
    return len(document.path(error["loc"])) < len(error["loc"]) - missing


def _same_value(document: Document, one: ErrorDetails, other: ErrorDetails) -> bool:
    """Whether two errors are about two forms of one value: their paths differ only beyond the document's keys."""
    if not _forms(document, one):
        return False
    common = 0
    for left, right in zip(one["loc"], other["loc"], strict=False):
        if left != right:
            break
        common += 1
    before = one["loc"][:common]
    parts = [error["loc"][: common + 1] for error in (one, other)]
    return all(len(part) > common and document.path(part) == document.path(before) for part in parts)


def _explain(
    group: Sequence[ErrorDetails], document: Document, adapter: TypeAdapter[Any], what: str
) -> DeclarationError:
    error = group[0]
    kind, loc, given = error["type"], error["loc"], error["input"]
    path = document.path(loc)
    name = ".".join(map(str, path))
    label = f"{what}: {name}" if name else what
    if kind == "extra_forbidden":
        known = allowed_keys(adapter, loc[:-1], document.value)
        return DeclarationError(
            f"{what}: unknown key {str(loc[-1])!r}" + (f" in {_dotted(path[:-1])}" if len(path) > 1 else ""),
            cause=f"the keys here are {shortened(known)}",
            remedy=did_you_mean(loc[-1], known, "remove it"),
            where=document.where(loc, key=True),
        )
    if kind == "missing":
        return DeclarationError(
            f"{label} has no {str(loc[-1])!r}, which it needs" if not name else f"{label} needs {str(loc[-1])!r}",
            remedy=f"add `{loc[-1]}: …`",
            where=document.where(loc[:-1]),
        )
    if kind == NOT_REGISTERED:
        known = error["ctx"]["known"]
        return DeclarationError(
            f"{label} is {_shown_value(given)}",
            cause=f"it is one of {shortened(known)}",
            remedy=did_you_mean(
                given, known, f"write one of them, or install the package that adds {_shown_value(given)}"
            ),
            where=document.where(loc),
        )
    if kind == NOT_LOADED:
        about = error["ctx"]
        return DeclarationError(
            f"{label}: {about['fact']}", cause=about["cause"], remedy=about["remedy"], where=document.where(loc)
        )
    if kind in ("literal_error", "union_tag_invalid"):
        if kind == "union_tag_invalid":
            key = _tag_key(error)
            label, given, loc = f"{label}: {key}", error["ctx"]["tag"], (*loc, key)
        allowed = _allowed(error)
        return DeclarationError(
            f"{label} is {_shown_value(given)}",
            cause=f"it is one of {', '.join(allowed)}",
            remedy=did_you_mean(given, allowed, f"write {allowed[0]}"),
            where=document.where(loc),
        )
    if kind == "union_tag_not_found":
        tag = _tag_key(error)
        return DeclarationError(f"{what} needs {tag!r}", remedy=f"add `{tag}: …`", where=document.where(loc))
    if kind == "string_pattern_mismatch" and error["ctx"]["pattern"] == NAME_PATTERN:
        is_key = loc[-1:] == ("[key]",)
        return DeclarationError(
            f"{what}: {_shown_value(given)} is not a name",
            cause="a name begins with a lower-case letter and has only lower-case letters, digits and _",
            remedy=f"write {_plain_name(str(given))}" + (" and `source:` for the name in the payload" * is_key),
            where=document.where(loc, key=is_key),
        )
    if kind == "value_error":
        text = str(error["ctx"]["error"])
        fact, _, remedy = text.partition("; ")
        return DeclarationError(f"{label}: {fact}", remedy=remedy, where=document.where(loc))
    expected = list(dict.fromkeys(_EXPECTED[one["type"]] for one in group if one["type"] in _EXPECTED))
    if expected:
        wanted = " or ".join(expected)
        return DeclarationError(
            f"{label} is {_shown_value(given)}, not {wanted}",
            cause=_type_cause(given, wanted),
            remedy=_type_remedy(given, wanted),
            where=document.where(loc),
        )
    return DeclarationError(
        f"{label}: {error['msg'][:1].lower()}{error['msg'][1:]}",
        cause=f"it is {_shown_value(given)}",
        remedy="vertebra debug --json-schema describes every key",
        where=document.where(loc),
    )


def allowed_keys(adapter: TypeAdapter[Any], loc: Loc, value: Any = None) -> list[str]:
    """The keys that a declaration may have at a path, by its JSON Schema.

    Args:
        value: the declaration as it is written, which may name members of registries.
    """
    schema = adapter.json_schema(by_alias=True)
    nodes = _forms_of(schema, schema)
    for place, element in enumerate(loc, 1):
        deeper = [form for node in nodes for form in _below(schema, node, element)]
        nodes = deeper or nodes
        if isinstance(value, Mapping):  # an element that is not a key is the name of a form
            value = value.get(element, value)
        models = [registered_by(node[REGISTERED]).model_of(value) for node in nodes if REGISTERED in node]
        if models and models[0] is not None:
            return allowed_keys(TypeAdapter(models[0]), loc[place:], value)
    return list(dict.fromkeys(key for node in nodes for key in node.get("properties", {})))


def _below(schema: dict[str, Any], node: dict[str, Any], element: str | int) -> list[dict[str, Any]]:
    tags = node.get("discriminator", {}).get("mapping", {})
    if element in tags:
        return _forms_of(schema, {"$ref": tags[element]})
    if isinstance(element, int):
        below = node.get("items")
    else:
        others = [node.get("additionalProperties"), *node.get("patternProperties", {}).values()]
        below = node.get("properties", {}).get(element) or next((one for one in others if isinstance(one, dict)), None)
    return _forms_of(schema, below) if isinstance(below, dict) else []


def _forms_of(schema: dict[str, Any], node: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema and its alternatives, with references resolved."""
    if "$ref" in node:
        return _forms_of(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    alternatives = [form for key in ("anyOf", "oneOf", "allOf") for form in node.get(key, ())]
    return [node, *(form for alternative in alternatives for form in _forms_of(schema, alternative))]


def _tag_key(error: ErrorDetails) -> str:
    """The key that chooses the form of a declaration, by its alias in YAML, which follows the field's name."""
    return str(error["ctx"]["discriminator"]).rpartition("|")[2].strip(" '")


def _allowed(error: ErrorDetails) -> list[str]:
    text = error["ctx"]["expected" if error["type"] == "literal_error" else "expected_tags"]
    return [part.strip().strip("'") for part in text.replace(" or ", ", ").split(", ")]


def _shown_value(value: Any) -> str:
    """A value in the form shown in messages."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "…")
    if isinstance(value, Mapping | BaseModel):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else str(value)


def _type_cause(given: Any, wanted: str) -> str:
    if given is None:
        return "there is no value after the colon, or null, which means no value"
    if wanted == "true or false" and str(given).lower() in _YES_NO:
        return "only true and false are booleans; yes, no, on and off are text (NO may be Norway)"
    return ""


def _type_remedy(given: Any, wanted: str) -> str:
    if wanted == "true or false":
        return f"write {_YES_NO.get(str(given).lower(), 'true or false')}"
    if "a list" in wanted and isinstance(given, str | int | float):
        return f"write [{given}]"
    if given is None and "text" in wanted:
        return 'write a value, or quote it: "null"'
    return f"write {wanted}"


def _plain_name(text: str) -> str:
    name = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text.lower()).strip("_")
    return name if name[:1].isalpha() else f"x_{name}".rstrip("_")


def _dotted(path: Loc) -> str:
    return ".".join(map(str, path))
