"""YAML files whose values all know their line and column.

The YAML is read by the core schema of YAML 1.2, and keys are always text. The only booleans are ``true`` and ``false``:
``NO``, ``on`` and ``y`` are text, and so are ``1:30``, ``2013-01-01``, ``1_000`` and ``007``.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from vertebra.declare.source_location import SourceLocation
from vertebra.declare.source_location import display_path as display_path
from vertebra.errors import DeclarationError, DeclarationErrors

Loc = Sequence[str | int]
"""The path of a value in a document: keys and list positions, from the root."""

_PLAIN: Final = "!plain"
_TAG: Final = "tag:yaml.org,2002:"
_BOOLEAN: Final = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_SPECIAL: Final = {
    **dict.fromkeys(("~", "null", "Null", "NULL", ""), None),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes and marks plain scalars, which :func:`plain_value` reads by the rules above."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {  # noqa: RUF012
        None: [(_PLAIN, re.compile(""))]
    }


class Document:
    """One YAML file.

    Args:
        file: its path, for messages.
        text: its content.

    Attributes:
        errors: errors of the YAML itself; :attr:`value` has what could be read.
        value: the content as dictionaries, lists and scalars.
    """

    def __init__(self, file: Path, text: str) -> None:
        self.file = file
        self.errors: list[DeclarationError] = []
        self._values: dict[int, Any] = {}
        self._open: set[int] = set()
        self._root: yaml.Node | None = self._compose(text)
        self.value: Any = None if self._root is None else self._value(self._root)

    def where(self, loc: Loc = (), *, key: bool = False) -> str:
        """The location of the value at a path, or of its key, as ``file:line:column``; see :meth:`location`."""
        return str(self.location(loc, key=key))

    def location(self, loc: Loc = (), *, key: bool = False) -> SourceLocation:
        """The location of the value at a path, or of its key.

        Elements of ``loc`` that are not in the document are skipped: validation also names missing keys and the
        alternatives it tried.
        """
        node, name = self._find(loc)
        found = name if key and name is not None else node
        return SourceLocation(self.file) if found is None else self._location(found)

    def raw(self, loc: Loc) -> str | None:
        """The text of the scalar at a path, as it is written; None if there is no scalar."""
        node, _ = self._find(loc)
        return node.value if isinstance(node, yaml.ScalarNode) else None

    def path(self, loc: Loc) -> tuple[str | int, ...]:
        """The elements of ``loc`` that exist in the document."""
        return tuple(element for element, _, _ in self._walk(loc))

    def _find(self, loc: Loc) -> tuple[yaml.Node | None, yaml.Node | None]:
        walked = self._walk(loc)
        return (walked[-1][1], walked[-1][2]) if walked else (self._root, None)

    def _walk(self, loc: Loc) -> list[tuple[str | int, yaml.Node, yaml.Node | None]]:
        """The elements that exist, with the value's node and the key's."""
        node, walked = self._root, []
        for element in loc:
            step = self._child(node, element)
            if step is not None:
                node = step[0]
                walked.append((element, *step))
        return walked

    def _child(self, node: yaml.Node | None, element: str | int) -> tuple[yaml.Node, yaml.Node | None] | None:
        if isinstance(node, yaml.MappingNode):
            for name, value in self._pairs(node):
                if name.value == str(element):
                    return value, name
        if isinstance(node, yaml.SequenceNode) and isinstance(element, int) and element < len(node.value):
            return node.value[element], None
        return None

    def _compose(self, text: str) -> yaml.Node | None:
        loader = _Loader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
            return node
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
            about = f"{error.context}: {error.problem}" if error.context else str(error.problem)
            line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
            self._add_error(
                f"this is not YAML: {about}", _yaml_remedy(about, line), f"{display_path(self.file)}{place}"
            )
        except yaml.YAMLError as error:
            self._add_error(f"this is not YAML: {error}", "save the file as UTF-8 text", display_path(self.file))
        finally:
            loader.dispose()
        return None

    def _value(self, node: yaml.Node) -> Any:
        if id(node) in self._open:
            self._add_error("an alias contains itself", "write the value without the alias", self._where(node))
            return None
        if id(node) not in self._values:
            self._open.add(id(node))
            self._values[id(node)] = self._build(node)
            self._open.discard(id(node))
        return self._values[id(node)]

    def _build(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item) for item in node.value]
        if not isinstance(node, yaml.MappingNode):
            return None
        self._refuse_repeated(node)
        return {name.value: self._value(value) for name, value in self._pairs(node)}

    def _pairs(self, node: yaml.MappingNode) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        """Keys and values of a mapping; those merged in by ``<<`` come last."""
        own, merged = [], []
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                continue
            if name.value == "<<" and name.tag == _PLAIN:
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                merged += [
                    pair
                    for source in sources
                    if isinstance(source, yaml.MappingNode) and source is not node
                    for pair in self._pairs(source)
                ]
            else:
                own.append((name, value))
        known = {name.value for name, _ in own}
        for name, value in merged:
            if name.value not in known:
                known.add(name.value)
                own.append((name, value))
        return own

    def _refuse_repeated(self, node: yaml.MappingNode) -> None:
        first: dict[str, yaml.Node] = {}
        for name, _ in node.value:
            if not isinstance(name, yaml.ScalarNode):
                self._add_error("a key must be text", "write a name before the colon", self._where(name))
            elif name.value in first:
                line = first[name.value].start_mark.line + 1
                self._add_error(
                    f"the key {name.value!r} is written twice",
                    "keep one of them",
                    self._where(name),
                    cause=f"it is already in line {line}, and YAML would silently keep the last one",
                )
            else:
                first[name.value] = name

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind == "str":
            return node.value
        if kind in (_PLAIN, "null", "bool", "int", "float"):
            return plain_value(node.value)
        self._add_error(f"the tag {node.tag!r} is not supported", "write the value without a tag", self._where(node))
        return None

    def _where(self, node: yaml.Node) -> str:
        return str(self._location(node))

    def _location(self, node: yaml.Node) -> SourceLocation:
        return SourceLocation(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _add_error(self, fact: str, remedy: str, where: str, cause: str = "") -> None:
        self.errors.append(DeclarationError(fact, cause=cause, remedy=remedy, where=where))


def plain_value(text: str) -> Any:
    """The value of a scalar without quotes: null, a boolean, a number, or else its text."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _BOOLEAN.fullmatch(text):
        return text[0] in "tT"
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def read_text(file: Path) -> str:
    """Read the text of a declaration.

    Raises:
        DeclarationErrors: it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        cause = f"byte {error.start} is {error.object[error.start]:#04x}"
        remedy = f"save it as UTF-8, e.g. iconv -f windows-1252 -t utf-8 {shlex.quote(display_path(file))}"
        problem = DeclarationError("this file is not UTF-8 text", cause=cause, remedy=remedy, where=display_path(file))
    except OSError as error:
        problem = DeclarationError("this file cannot be read", cause=str(error.strerror), where=display_path(file))
    raise DeclarationErrors([problem])


def read_document(file: Path) -> Document:
    """Read a YAML file; its errors are in the document's ``errors``."""
    try:
        return Document(file, read_text(file))
    except DeclarationErrors as error:
        document = Document(file, "")
        document.errors += error.errors
        return document


def _yaml_remedy(about: str, line: str) -> str:
    if "${" in line and "flow" in about:
        return 'quote the value with the reference: inside { } a value without quotes ends at a brace: "${NAME}"'
    if "mapping values are not allowed" in about:
        return "quote the value if its text has a colon followed by a space"
    if "character that cannot start any token" in about:
        return "quote the value: % @ ` and a tab have a meaning in YAML"
    if "alias" in about:
        return "quote the value if it begins with * or &"
    return "check the indentation and the brackets before this place"
