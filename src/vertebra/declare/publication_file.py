"""Reading the publications of a project: ``publish/<name>.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr, TypeAdapter

from vertebra.declare.document import Document, Loc
from vertebra.declare.environment import Environment
from vertebra.declare.publication import PUBLISH_TARGETS, DeclaredTarget, Publication
from vertebra.declare.secret import option_secrets
from vertebra.declare.validation import validated
from vertebra.errors import DeclarationError, RegistryError
from vertebra.suggestions import did_you_mean


def read_publication(
    document: Document, value: Mapping[str, Any], environment: Environment, errors: list[DeclarationError]
) -> Publication | None:
    """The publication that a document declares.

    References to environment variables are resolved in the options of the target, not in the keys that every
    publication has.

    Args:
        value: the document's mapping, with the file's name as its ``name``.
        errors: receives all errors.

    Returns:
        None when it has errors.
    """
    what = f"publication {value['name']}"
    target = _target(what, value.get("to"), document, errors)
    if target is None:
        return None
    before = len(errors)
    resolved = {
        key: one if key in Publication.model_fields else environment.resolved(one, document, (key,), errors)
        for key, one in value.items()
    }
    if len(errors) > before:
        return None
    made: Publication | None = validated(TypeAdapter(target.declaration), document, resolved, what, errors)
    if made is not None:
        errors += option_secrets(document, list(_secret_places(made)))
    return made


def _target(what: str, kind: Any, document: Document, errors: list[DeclarationError]) -> DeclaredTarget | None:
    kinds = ", ".join(PUBLISH_TARGETS)
    if kind is None:
        errors.append(
            DeclarationError(
                f"{what} needs 'to'", cause=f"the targets are {kinds}", remedy="add `to: …`", where=document.where()
            )
        )
        return None
    if not isinstance(kind, str) or kind not in PUBLISH_TARGETS:
        remedy = did_you_mean(kind, PUBLISH_TARGETS, "write one of them, or install the package that adds it")
        errors.append(
            DeclarationError(
                f"{what}: there is no publish target {kind!r}",
                cause=f"the targets are {kinds}",
                remedy=remedy,
                where=document.where(("to",)),
            )
        )
        return None
    try:
        return PUBLISH_TARGETS[kind]
    except RegistryError as error:
        where = document.where(("to",))
        errors.append(DeclarationError(error.fact, cause=error.cause, remedy=error.remedy, where=where))
        return None


def _secret_places(value: Any, loc: Loc = ()) -> Iterator[Loc]:
    """The paths of the values that the model of a declaration marks as secret."""
    if isinstance(value, SecretStr):
        yield tuple(loc)
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _secret_places(getattr(value, name), (*loc, field.alias or name))
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _secret_places(one, (*loc, key))
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from _secret_places(one, (*loc, place))
