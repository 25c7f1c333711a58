"""The base of every declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, Strict

from vertebra.declare.source_location import SourceLocation

NAME_PATTERN: Final = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]
Flag = Annotated[bool, Strict()]
"""``true`` or ``false``, and no other word."""


class Declaration(BaseModel):
    """A declaration: unknown keys are errors, and values do not change after loading.

    Two declarations are equal if their values are equal, wherever they are written.
    """

    # a command uses few of the models; those that it does not are not built
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)

    _declared_at: SourceLocation | None = PrivateAttr(default=None)

    @property
    def declared_at(self) -> SourceLocation | None:
        """The file, line and column it was read from; None if it was made in Python."""
        return self._declared_at

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Declaration) and type(self) is type(other) and self.__dict__ == other.__dict__


def locate(
    declaration: Declaration, find: Callable[[tuple[str | int, ...]], SourceLocation], path: tuple[str | int, ...] = ()
) -> None:
    """Record where a declaration, and every declaration within it, is written.

    Args:
        find: gives the location of a path of keys and list positions.
        path: the path of the declaration itself.
    """
    declaration._declared_at = find(path)
    for name in declaration.model_fields_set:
        field = type(declaration).model_fields.get(name)
        key = (field.alias if field else None) or name
        for inner, inner_path in _within(getattr(declaration, name), (*path, key)):
            locate(inner, find, inner_path)


def _within(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[Declaration, tuple[str | int, ...]]]:
    """The outermost declarations in a value, with their paths."""
    if isinstance(value, Declaration):
        yield value, path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _within(inner, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for position, inner in enumerate(value):
            yield from _within(inner, (*path, position))
