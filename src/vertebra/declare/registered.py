"""Keys whose model is chosen by a name in their value and found in a registry, such as ``from:`` of ``collect:``.

The member with that name is loaded when a declaration uses it, so loading a project loads no other members. Errors are
reported in pydantic's form, with the place of the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError, core_schema

from vertebra.declare.declaration import Declaration
from vertebra.errors import RegistryError
from vertebra.registry import Registry

REGISTERED: Final = "x-registered-by"
"""Marks the place of such a key in a JSON Schema; its value is the key that has the name, e.g. ``from``."""

NOT_REGISTERED: Final = "not_registered"
"""Type of the validation error for a name that the registry does not know."""

NOT_LOADED: Final = "not_loaded"
"""Type of the validation error for a member that cannot be loaded."""

_BY_KEY: Final[dict[str, Registered]] = {}


class Declared(Protocol):
    """A member of a registry, with the model of its declaration."""

    @property
    def name(self) -> str:
        """The name in declarations."""
        ...

    @property
    def declaration(self) -> type[Declaration]:
        """The model of the mapping that names it."""
        ...


@dataclass(frozen=True)
class Registered:
    """Marks a field whose value is checked by the model of a registry's member.

    Attributes:
        key: the key that has the member's name, e.g. ``from``.
        registry: the members.
        base: the base class of the models of all members.

    Example:
        >>> from typing import Annotated
        >>> Collect = Annotated[Source, Registered("from", COLLECTORS, Source)]  # doctest: +SKIP
    """

    key: str
    registry: Registry[Any]
    base: type[Declaration]

    def __post_init__(self) -> None:
        _BY_KEY[self.key] = self

    def model_of(self, value: Any) -> type[Declaration] | None:
        """The model that validates a value; None if the value names no member that can be loaded."""
        name = value.get(self.key) if isinstance(value, Mapping) else None
        return self.model_named(name) if isinstance(name, str) else None

    def model_named(self, name: str) -> type[Declaration] | None:
        """The model of a member; None if there is no member of the name, or it cannot be loaded."""
        try:
            return self._model(name)
        except RegistryError:
            return None

    def _model(self, name: str) -> type[Declaration] | None:
        """The model of a member; None if there is no member of the name.

        Raises:
            RegistryError: it cannot be loaded, or has no model.
        """
        member: Declared | None = self.registry.get(name)
        if member is None:
            return None
        model = getattr(member, "declaration", None)
        if not (isinstance(model, type) and issubclass(model, self.base)):
            wanted = f"{self.base.__module__}.{self.base.__name__}"
            raise RegistryError(
                f"the {self.registry.kind} {name!r} has no declaration",
                cause=f"its attribute declaration is {model!r}, not a subclass of {wanted}",
                remedy=f"correct {type(member).__module__}.{type(member).__name__}",
            )
        return model

    def validated(self, value: Any) -> Declaration:
        """The declaration in a value, validated by the model of the member that the value names.

        Raises:
            ValidationError: the value names no member, or does not fit the member's model.
        """
        if isinstance(value, self.base):
            return value
        if not isinstance(value, Mapping):
            raise PydanticKnownError("dict_type")
        if self.key not in value:
            raise self._wrong("missing", value)
        name = value[self.key]
        if not isinstance(name, str):
            raise self._wrong("string_type", name)
        try:
            model = self._model(name)
        except RegistryError as error:
            about = {"fact": error.fact, "cause": error.cause, "remedy": error.remedy}
            raise self._wrong(PydanticCustomError(NOT_LOADED, "cannot be loaded", about), name) from None
        if model is None:
            context = {"kind": self.registry.kind, "known": list(self.registry)}
            raise self._wrong(PydanticCustomError(NOT_REGISTERED, "is not registered", context), name)
        checked: Declaration = model.model_validate(value)
        return checked

    def _wrong(self, kind: Any, given: Any) -> ValidationError:
        detail = InitErrorDetails(type=kind, loc=(self.key,), input=given)
        return ValidationError.from_exception_data(self.registry.kind, [detail])

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        written = core_schema.simple_ser_schema("any")  # serialised by the value's own model
        return core_schema.no_info_plain_validator_function(self.validated, serialization=written)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "object", REGISTERED: self.key}


def registered_by(key: str) -> Registered:
    """The registry of a key that :data:`REGISTERED` marks in a JSON Schema."""
    return _BY_KEY[key]
