"""Cuts records out of JSON: elements of arrays, or objects one after the other; all other bytes stay as they are."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from vertebra.declare.parse import TextOptions
from vertebra.errors import CollectError
from vertebra.landing.parsing.detection import encoding_of
from vertebra.landing.parsing.json_paths import steps
from vertebra.landing.parsing.json_unnest import RecordsPath, height, within_parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vertebra.landing.parsing.records import ReadContext
    from vertebra.landing.payload import PayloadPart

_SPACE: Final = re.compile(r"[ \t\r\n\ufeff]*")
_DECODER: Final = json.JSONDecoder()
_WRITTEN: Final = json.JSONDecoder(parse_float=str, parse_int=str)
"""Gives numbers as they are written."""

Span = tuple[int, int]
"""Where a value begins and ends in the text."""


def cut_json(
    part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext, path: str | None = None
) -> None:
    """Copy JSON without some records. The text of the part is held in memory.

    With records of inner arrays, an element around records is removed with the last of them if the key that is
    forgotten has values of that element (``^.customer``), and so is one without records that has the key: no other
    record shows it. An element without any value of the key stays, with an empty array.

    Args:
        path: keys, joined by dots, to the array of records; ``[*]`` after an array goes on in each of its elements.

    Raises:
        CollectError: the records cannot be found in the text.
    """
    encoding = encoding_of(part, context.declared(TextOptions).encoding, context.guessed)
    codec = "utf-8" if encoding.is_utf8 else encoding.codec
    # lines in another encoding are copied as they are
    errors = "surrogateescape" if encoding.fallbacks else "strict"
    with part.open() as stream:
        text = stream.read().decode(codec, errors)
    try:
        left = _Cut(text, RecordsPath.parse(path), frozenset(dropped), context.key).document()
    except (ValueError, IndexError) as error:
        raise CollectError(
            f"the records of {part.name} cannot be told apart", cause=str(error), remedy="take the whole batch back"
        ) from error
    sink.write(left.encode(codec, errors))


@dataclass(frozen=True)
class _Left:
    """What is left of a value.

    Attributes:
        text: its text; None if it is removed.
        kept: number of records in it that are kept.
        cut: number of records in it that were cut out.
    """

    text: str | None
    kept: int
    cut: int


class _Cut:
    """A text without some of its records."""

    def __init__(self, text: str, path: RecordsPath, dropped: frozenset[int], key: Mapping[str, str | None]) -> None:
        self._text = text
        self._path = path
        self._dropped = dropped
        self._key = key
        self._record = 0
        self._around: list[Span] = []
        """The elements around the current one, the outermost first."""

    def document(self) -> str:
        """The text that is left."""
        text, path = self._text, self._path.array
        at = _skip(text, 0)
        for key in path:
            at = _value_of(text, at, key)
        in_array = bool(path) or text[at : at + 1] == "["
        spans = list(_elements(text, at) if in_array else _documents(text, at))
        left = self._without(spans, 0, (0, len(text)))
        if spans and not in_array and not left.kept and (left.text or "").strip("\ufeff \t\r\n") == "":
            return "[]"  # nothing is left of objects one after the other, and no text at all is no JSON
        return left.text or ""

    def _without(self, spans: Sequence[Span], level: int, whole: Span) -> _Left:
        """What is left of a text with elements."""
        text, (begin, end) = self._text, whole
        if not spans:
            return _Left(text[begin:end], 0, 0)
        out, kept, cut = [text[begin : spans[0][0]]], 0, 0
        for place, span in enumerate(spans):
            left = self._element(span, level)
            kept, cut = kept + left.kept, cut + left.cut
            if left.text is not None:
                # what stands between an element and the one before it, but for the first that is kept
                out += [text[spans[place - 1][1] : span[0]]] if len(out) > 1 else []
                out.append(left.text)
        return _Left("".join([*out, text[spans[-1][1] : end]]), kept, cut)

    def _element(self, span: Span, level: int) -> _Left:
        text = self._text
        if level == len(self._path.inner):
            is_dropped = self._record in self._dropped
            self._record += 1
            return _Left(None, 0, 1) if is_dropped else _Left(text[slice(*span)], 1, 0)
        array = self._array(span, self._path.inner[level])
        self._around.append(span)
        if array is None:
            left = _Left(text[slice(*span)], 0, 0)
        else:
            inside = self._without(list(_elements(text, array[0])), level + 1, array)
            left = _Left(f"{text[span[0] : array[0]]}{inside.text}{text[array[1] : span[1]]}", inside.kept, inside.cut)
        gone = not left.kept and (self._tells(level) if left.cut else self._has_key(level))
        self._around.pop()
        return _Left(None, 0, left.cut) if gone else left

    def _array(self, element: Span, keys: Sequence[str]) -> Span | None:
        """The array at a path of keys in an element, if there is one."""
        at = element[0]
        try:
            for key in keys:
                at = _value_of(self._text, at, key)
        except ValueError:
            return None
        return (at, _DECODER.raw_decode(self._text, at)[1]) if self._text[at] == "[" else None

    def _tells(self, level: int) -> bool:
        """Whether the key has a value of the elements at a level."""
        return any(height(source) == len(self._path.inner) - level for source in self._key)

    def _has_key(self, level: int) -> bool:
        """Whether the current element, which has no records, and those around it have the whole key."""
        known = {source: text for source, text in self._key.items() if text is not None}
        if len(known) < len(self._key) or not self._tells(level):
            return False
        return all(self._written(source) == text.strip() for source, text in known.items())

    def _written(self, source: str) -> str | None:
        """The text of a value of the elements around records; None if the current ones do not have it."""
        above = height(source)
        level = len(self._path.inner) - above
        if not above or level < 0 or level >= len(self._around):
            return None
        value: Any = _WRITTEN.raw_decode(self._text, self._around[level][0])[0]
        for step in steps(within_parent(source)):
            match value:
                case dict():
                    value = value.get(step)
                case list() if step.isdecimal() and int(step) < len(value):
                    value = value[int(step)]
                case _:
                    return None
        if isinstance(value, bool):
            return str(value).lower()
        return value.strip() if isinstance(value, str) else None


def _documents(text: str, at: int) -> Iterator[Span]:
    while at < len(text):
        end = _DECODER.raw_decode(text, at)[1]
        yield at, end
        at = _skip(text, end)


def _elements(text: str, at: int) -> Iterator[Span]:
    _expect(text, at, "[")
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _DECODER.raw_decode(text, at)[1]
        yield at, end
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _value_of(text: str, at: int, key: str) -> int:
    """Where the value of a key begins in the object that begins here."""
    _expect(text, at, "{")
    at = _skip(text, at + 1)
    while text[at] == '"':
        found, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        _expect(text, at, ":")
        at = _skip(text, at + 1)
        if found == key:
            return at
        at = _skip(text, _DECODER.raw_decode(text, at)[1])
        if text[at] == ",":
            at = _skip(text, at + 1)
    raise ValueError(f"there is no key {key!r}")


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, char: str) -> None:
    if text[at : at + 1] != char:
        raise ValueError(f"{char!r} expected, {text[at : at + 1]!r} found")
