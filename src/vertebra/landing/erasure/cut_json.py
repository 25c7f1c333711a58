"""Cuts records out of JSON: elements of an array, or objects one after the other; all other bytes stay as they are."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.declare.parse import TextOptions
from vertebra.errors import CollectError
from vertebra.landing.parsing.detection import encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vertebra.landing.parsing.records import ReadContext
    from vertebra.landing.payload import PayloadPart

_SPACE: Final = re.compile(r"[ \t\r\n\ufeff]*")
_DECODER: Final = json.JSONDecoder()

Span = tuple[int, int]
"""Where a record begins and ends in the text."""


def cut_json(
    part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext, path: str | None = None
) -> None:
    """Copy JSON without some records. The text of the part is held in memory.

    Args:
        path: keys, joined by dots, to the array of records.

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
        spans = list(_records(text, path.split(".") if path else []))
    except (ValueError, IndexError) as error:
        raise CollectError(
            f"the records of {part.name} cannot be told apart", cause=str(error), remedy="take the whole batch back"
        ) from error
    unwanted = set(dropped)
    out = [text[: spans[0][0]]] if spans else [text]
    for place, (begin, end) in enumerate(spans):
        if place in unwanted:
            continue
        # what stands between a record and the one before it, but for the first that is kept
        out += [text[spans[place - 1][1] : begin]] if len(out) > 1 else []
        out.append(text[begin:end])
    out += [text[spans[-1][1] :]] if spans else []
    if spans and len(out) == 2 and not path and text[_skip(text, 0)] != "[":
        out = ["[]"]  # nothing is left of objects one after the other, and no text at all is no JSON
    sink.write("".join(out).encode(codec, errors))


def _records(text: str, path: Sequence[str]) -> Iterator[Span]:
    at = _skip(text, 0)
    for key in path:
        at = _value_of(text, at, key)
    if path or text[at : at + 1] == "[":
        yield from _elements(text, at)
        return
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
