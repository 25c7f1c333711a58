"""The records of XML: where they are, and the cells of an element by path."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from pydantic import field_validator

from vertebra.declare.parse import TextOptions

TEXT: Final = "#text"
"""The column with the text of a record that is directly in its element."""

_STEP: Final = re.compile(r"[^/.\[\]@^\s]+(?:\.[^/.\[\]@^\s]+)*")
_POSITION: Final = re.compile(r"\[(\d+)\]")


class XmlOptions(TextOptions):
    """Where the records of an XML document are.

    Attributes:
        records: path of element names from the root to the records, such as ``/export/stations/station``; the children
            of the root unless declared. A name without a prefix is that of an element with any prefix.
        lists: paths of elements that repeat within a record, such as ``tag`` or ``address.room``; their values are a
            JSON array. An element of which a column takes one by its position, as in ``tag[0]``, need not be listed.
        prefixes: whether names of columns ``keep`` the prefixes of the document (``gml:pos``), or ``drop`` them
            (``pos``).
    """

    records: str | None = None
    lists: tuple[str, ...] = ()
    prefixes: Literal["keep", "drop"] = "keep"
    blank_is_null: ClassVar[bool] = True

    @field_validator("records")
    @classmethod
    def _path(cls, value: str | None) -> str | None:
        if value is not None:
            path_of(value)
        return value


def path_of(records: str) -> tuple[str, ...]:
    """The names of a path: ``/export/row`` is ``("export", "row")``.

    Raises:
        ValueError: it is no path from the root.
    """
    names = records.removeprefix("/").split("/")
    if not records.startswith("/") or not all(map(_STEP.fullmatch, names)):
        raise ValueError(f"{records!r} is not a path to elements; write names from the root, such as /export/row")
    return tuple(names)


def matches(step: str, name: str) -> bool:
    """Whether a name in a path is that of an element."""
    return step == name or (":" not in step and step == name.rpartition(":")[2])


@dataclass(slots=True)
class Element:
    """An element within a record.

    Attributes:
        name: as it is written, or without its prefix.
        attributes: their values by name.
        nil: whether it is declared to be NULL.
        children: the elements in it, in order.
        texts: the pieces of its text.
    """

    name: str
    attributes: dict[str, str]
    nil: bool = False
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str | None:
        """Its text; None if it is NULL, or has only children."""
        text = "".join(self.texts)
        if self.nil or (self.children and not text.strip()):
            return None
        return text

    def value(self) -> Any:
        """Its content for JSON: a text, or an object of attributes, children and text."""
        if not self.children and not self.attributes:
            return self.text
        found: dict[str, Any] = {f"@{name}": value for name, value in self.attributes.items()}
        for name, same in by_name(self.children):
            found[name] = same[0].value() if len(same) == 1 else [one.value() for one in same]
        if self.text is not None:
            found[TEXT] = self.text
        return found


def by_name(children: Sequence[Element]) -> Iterator[tuple[str, list[Element]]]:
    """The children by their names, in the order in which they appear first."""
    found: dict[str, list[Element]] = {}
    for child in children:
        found.setdefault(child.name, []).append(child)
    yield from found.items()


@dataclass
class Flattening:
    """Makes the cells of records from their elements.

    Attributes:
        lists: paths of elements whose values are a JSON array in every record.
        positions: declared paths to one of repeated elements, such as ``room[0].size``.
        repeated: paths of other elements that repeat within a record, and the number of the first such record.
    """

    lists: Collection[str]
    positions: Sequence[str]
    repeated: dict[str, int] = field(default_factory=dict)
    _records: int = 0

    def cells(self, record: Element) -> dict[str, Any]:
        """The cells of a record by path; elements that repeat as lists.

        Raises:
            ValueError: two of its values have the same path.
        """
        self._records += 1
        found: dict[str, Any] = {f"@{name}": value for name, value in record.attributes.items()}
        self._add(record, "", found)
        if record.text is not None and (record.text.strip() or not (record.children or record.attributes)):
            _put(found, TEXT, record.text)
        for path in self.positions:
            found[path] = at_path(record, path)
        return found

    def _add(self, element: Element, prefix: str, found: dict[str, Any]) -> None:
        for name, same in by_name(element.children):
            path = prefix + name
            if len(same) > 1 and path not in self.lists:
                self.repeated.setdefault(path, self._records)
            if len(same) > 1 or path in self.lists:
                _put(found, path, [one.value() for one in same])
                continue
            one = same[0]
            if one.text is not None or not one.children:
                _put(found, path, one.text)
            for attribute, value in one.attributes.items():
                _put(found, f"{path}.@{attribute}", value)
            self._add(one, f"{path}.", found)


def _put(found: dict[str, Any], path: str, value: Any) -> None:
    if path in found:
        raise ValueError(f"two of its values have the path {path!r}")
    found[path] = value


def at_path(element: Element, path: str) -> str | None:
    """The text at a path within an element: ``room[1].size``, ``height.@unit``; None if there is none."""
    current = element
    *steps, last = path.split(".")
    for step in steps if last.startswith("@") else [*steps, last]:
        name, position = _POSITION.sub("", step), _POSITION.search(step)
        same = [child for child in current.children if child.name == name]
        place = int(position[1]) if position else 0
        if place >= len(same) or (position is None and len(same) > 1):
            return None
        current = same[place]
    if last.startswith("@"):
        return current.attributes.get(last[1:])
    return current.text
