"""Secrets are written as references to environment variables, never as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from vertebra.declare.document import Document, Loc
from vertebra.errors import DeclarationError

_SECRET_KEYS: Final = {"bearer", "value", "password"}
_HEADERS: Final = re.compile(r"authorization|cookie|.*(token|api-?key|secret|password).*", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_PASSWORD: Final = re.compile(r"://[^/?#]*:(?P<password>[^/?#]*)@")


def written_secrets(collect: Any, document: Document) -> Iterator[DeclarationError]:
    """What is wrong with how ``collect:`` writes its secrets.

    Args:
        collect: the section before references are resolved.
        document: where it was read, for places.
    """
    if not isinstance(collect, dict):
        return
    auth = collect.get("auth")
    auth = auth if isinstance(auth, dict) else {}
    for key in sorted(_SECRET_KEYS & set(auth)):
        if not _REFERENCE.fullmatch(str(auth[key])):
            yield _literal(f"collect.auth.{key}", document, ("collect", "auth", key))
    for key in ("database", "path"):
        address = collect.get(key)
        found = _PASSWORD.search(address) if isinstance(address, str) else None
        if found and found["password"] and not _REFERENCE.fullmatch(found["password"]):
            yield _literal(f"the password in collect.{key}", document, ("collect", key))
    headers = collect.get("headers")
    for name in headers if isinstance(headers, dict) else ():
        if _HEADERS.fullmatch(name):
            yield DeclarationError(
                f"the header {name} holds a secret",
                cause="what stands under headers goes wherever the host redirects to",
                remedy=f"write auth: {{header: {name}, value: ${{NAME}}}}",
                where=document.where(("collect", "headers", name), key=True),
            )


def _literal(what: str, document: Document, loc: Loc) -> DeclarationError:
    return DeclarationError(
        f"{what} is not a reference to an environment variable",
        cause="a secret in a file ends up in version control",
        remedy="write ${NAME} alone, without a default, and export NAME=… where Vertebra runs",
        where=document.where(loc),
    )
