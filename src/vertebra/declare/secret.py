"""Secrets are written as references to environment variables, never as text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import SecretStr

from vertebra.declare.document import Document, Loc
from vertebra.declare.registered import registered_by
from vertebra.errors import DeclarationError

_ADDRESSES: Final = ("database", "path")
_SECRET_KEYS: Final = {"bearer", "value", "password", "client_secret", "refresh_token"}
_HEADERS: Final = re.compile(r"authorization|cookie|.*(token|api-?key|secret|password).*", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_PASSWORD: Final = re.compile(r"://[^/?#]*:(?P<password>[^/?#]*)@")


def written_secrets(collect: Any, document: Document) -> Iterator[DeclarationError]:
    """Find secrets in ``collect:`` that are written as text.

    Args:
        collect: the section before references are resolved.
        document: the document that it was read from, for locations.
    """
    if not isinstance(collect, dict):
        return
    auth = collect.get("auth")
    auth = auth if isinstance(auth, dict) else {}
    for key in sorted(_SECRET_KEYS & set(auth)):
        if not _REFERENCE.fullmatch(str(auth[key])):
            yield _literal(f"collect.auth.{key}", document, ("collect", "auth", key))
    for key in _ADDRESSES:
        address = collect.get(key)
        found = _PASSWORD.search(address) if isinstance(address, str) else None
        if found and found["password"] and not _REFERENCE.fullmatch(found["password"]):
            yield _literal(f"the password in collect.{key}", document, ("collect", key))
    for key in _secret_keys(collect):
        if not _REFERENCE.fullmatch(str(collect[key])):
            yield _literal(f"collect.{key}", document, ("collect", key))
    headers = collect.get("headers")
    for name in headers if isinstance(headers, dict) else ():
        if _HEADERS.fullmatch(name):
            yield DeclarationError(
                f"the header {name} holds a secret",
                cause="headers are also sent to other hosts that the host redirects to",
                remedy=f"write auth: {{header: {name}, value: ${{NAME}}}}",
                where=document.where(("collect", "headers", name), key=True),
            )


def option_secrets(document: Document, secret: Collection[Loc]) -> Iterator[DeclarationError]:
    """Find secrets in the options of a publish target that are written as text.

    Args:
        document: the publication as it is written.
        secret: the paths of values that the target marks as secret.
    """
    for loc, text in _texts(document.value):
        found = _PASSWORD.search(text)
        if found and found["password"] and not _REFERENCE.fullmatch(found["password"]):
            yield _literal(f"the password in {'.'.join(map(str, loc))}", document, loc)
        elif loc in secret and not found and "://" not in text and not _REFERENCE.fullmatch(text):
            yield _literal(".".join(map(str, loc)), document, loc)


def _texts(value: Any, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text in a document, with its path."""
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, (*loc, key))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _texts(one, (*loc, place))


def _secret_keys(collect: Mapping[str, Any]) -> Iterator[str]:
    """The keys whose value the collector declares as secret, except addresses, which may contain other text."""
    model = registered_by("from").model_of(collect)
    for name, field in (model.model_fields if model is not None else {}).items():
        kinds = (field.annotation, *get_args(field.annotation))
        if SecretStr in kinds and collect.get(name) is not None and name not in _ADDRESSES:
            yield name


def _literal(what: str, document: Document, loc: Loc) -> DeclarationError:
    return DeclarationError(
        f"{what} is not a reference to an environment variable",
        cause="a secret in a file ends up in version control",
        remedy="write ${NAME} alone, without a default, and export NAME=… where Vertebra runs",
        where=document.where(loc),
    )
