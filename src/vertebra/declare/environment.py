"""References to environment variables: ``${NAME}`` and ``${NAME:-default}``; ``$${`` is an escaped ``${``.

They are resolved when a project is loaded: in ``vertebra.yaml``, in the ``collect`` section of datasets, and in the
target's options of publications. Elsewhere, such as in patterns and SQL, a dollar sign has no meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from vertebra.declare.document import Document, Loc
from vertebra.declare.redaction import Redaction
from vertebra.errors import DeclarationError

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\}|(?P<bad>\$\{)")


class Environment:
    """Environment variables, and which of them a project has read.

    Args:
        variables: by name.

    Attributes:
        secrets: the value of each variable that was read. Any of them may be a password.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.secrets: dict[str, str] = {}

    def resolved(self, value: Any, document: Document, loc: Loc, errors: list[DeclarationError]) -> Any:
        """Replace the references in the texts of a value.

        Args:
            value: text, or lists and dictionaries of it.
            loc: the path of the value in the document.
            errors: receives an error for each variable that is not set and has no default.
        """
        if isinstance(value, dict):
            return {key: self.resolved(one, document, (*loc, key), errors) for key, one in value.items()}
        if isinstance(value, list):
            return [self.resolved(one, document, (*loc, place), errors) for place, one in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value

        def replaced(match: re.Match[str]) -> str:
            return self._value(match, document.where(loc), errors)

        return _REFERENCE.sub(replaced, value)

    def _value(self, match: re.Match[str], where: str, errors: list[DeclarationError]) -> str:
        name, default = match["name"], match["default"]
        if match["bad"]:
            errors.append(
                DeclarationError(
                    "a reference to an environment variable is incomplete",
                    cause="it is ${NAME} or ${NAME:-default}, the name of letters, digits and _",
                    remedy="correct the reference, or write $${ for the characters ${",
                    where=where,
                )
            )
        if name is None:
            return "${"
        found = self._variables.get(name)
        if found:
            self.secrets[name] = found
            return found
        if default is not None:
            return str(default)
        errors.append(
            DeclarationError(
                f"the environment variable {name} is {'empty' if found == '' else 'not set'}",
                cause=f"the value here is ${{{name}}}, and has no default",
                remedy=f"export {name}=…, or write ${{{name}:-default}}",
                where=where,
            )
        )
        return ""


def redacted(text: str, secrets: Mapping[str, str]) -> str:
    """Replace the values of environment variables in a text by references.

    Args:
        text: a message, a log line, a printed declaration.
        secrets: value by variable, as :class:`Environment` collects them.
    """
    return Redaction(secrets)(text)
