"""Finds the array of records in a JSON document of any size, as a stream."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLOCK: Final = 4 << 20
_SPACE: Final = b" \t\r\n"
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_LITERAL = re.compile(rb"[^\s,\[\]{}\"]*+")


def copy_array(source: BinaryIO, path: Sequence[str], sink: BinaryIO, name: str) -> None:
    """Copy the bytes of the array at a path of keys.

    The whole document is read, so that a document that is cut off after the array is refused too.

    Args:
        source: the document, UTF-8.
        path: keys from the document's root to the array.
        sink: receives the array from ``[`` to ``]``.
        name: name of the document in messages.

    Raises:
        CollectError: there is no array at the path, or the document is cut off.
    """
    document = _Document(source, name)
    walked: list[str] = []
    for key in path:
        document.enter_value(key, walked)
        walked.append(key)
    if document.peek() != b"[":
        raise document.wrong(f"has no array of records at {'.'.join(path)}", "the value there is not an array")
    document.skip_container(sink)
    document.skip_rest(len(path))


def integer_at(source: BinaryIO, path: Sequence[str], name: str) -> int | None:
    """The whole number at a path of keys; None if there is none.

    Args:
        source: a document that has an array of records, UTF-8.
        name: name of the document in messages.
    """
    document = _Document(source, name)
    try:
        for place, key in enumerate(path):
            document.enter_value(key, path[:place])
        text = document.number()
    except CollectError:
        return None
    return int(text) if text.isdigit() else None


class _Document:
    """A position in a JSON text, with a buffer of the text after it."""

    def __init__(self, source: BinaryIO, name: str) -> None:
        self._source = source
        self._name = name
        self._buffer = b""
        self._at = 0

    def wrong(self, fact: str, cause: str) -> CollectError:
        return CollectError(
            f"{self._name} {fact}", cause=cause, remedy="correct parse.records, or look at what the source answered"
        )

    def peek(self) -> bytes:
        """The next byte that is not white space; empty at the end of the text."""
        while True:
            rest = self._buffer[self._at :]
            stripped = rest.lstrip(_SPACE)
            if stripped:
                self._at += len(rest) - len(stripped)
                return stripped[:1]
            if not self._more():
                return b""

    def enter_value(self, key: str, walked: Sequence[str]) -> None:
        """Go to the value of a key in the object that starts here."""
        where = ".".join(walked) or "the document"
        if self.peek() != b"{":
            raise self.wrong(f"has no key {key!r}", f"{where} is not an object")
        self._at += 1
        seen: list[str] = []
        while self.peek() == b'"':
            found = self._string()
            self._expect(b":")
            if found == key:
                self.peek()
                return
            seen.append(found)
            self._skip_value()
            if self.peek() == b",":
                self._at += 1
        if self.peek() != b"}":
            raise self._cut_off()
        raise self.wrong(f"has no key {key!r}", f"{where} has the keys {', '.join(seen[:10]) or '(none)'}")

    def number(self) -> bytes:
        """The characters of the number that starts here."""
        start = self._at
        self._literal()
        return self._buffer[start : self._at]

    def skip_container(self, sink: BinaryIO | None, depth: int = 0) -> None:
        """Skip the array or object that starts here, and copy its bytes."""
        while True:
            end = self._to_bracket(sink)
            depth += 1 if self._buffer[end : end + 1] in b"[{" else -1
            self._consume(end + 1, sink)
            if depth == 0:
                return

    def skip_rest(self, depth: int) -> None:
        """Skip the rest of the document, in which ``depth`` objects are open."""
        if depth:
            self.skip_container(None, depth)
        if self.peek():
            raise self.wrong("has more than one JSON document", "text follows after the document's end")

    def _skip_value(self) -> None:
        match self.peek():
            case b"{" | b"[":
                self.skip_container(None)
            case b'"':
                self._string()
            case b"":
                raise self._cut_off()
            case _:
                self._literal()

    def _literal(self) -> None:
        while True:
            match = _LITERAL.match(self._buffer, self._at)
            end = match.end() if match else self._at
            if end == self._at and end < len(self._buffer):
                raise self.wrong("is not JSON", f"unexpected {self._buffer[end : end + 20]!r}")
            self._at = end
            if end < len(self._buffer):
                return
            if not self._more():
                raise self._cut_off()
            if self._buffer[self._at : self._at + 1] in (b",", b"}", b"]", b" ", b"\n", b"\r", b"\t"):
                return

    def _to_bracket(self, sink: BinaryIO | None) -> int:
        """The place of the next bracket outside strings; the bytes before it may go to the sink meanwhile."""
        while True:
            match = _TO_BRACKET.match(self._buffer, self._at)
            end = match.end() if match else self._at
            if end < len(self._buffer) and self._buffer[end : end + 1] != b'"':
                return end
            # the block ends here, or in a string that continues in the next block
            self._consume(end, sink)
            if not self._more():
                raise self._cut_off()

    def _consume(self, end: int, sink: BinaryIO | None) -> None:
        if sink is not None:
            sink.write(memoryview(self._buffer)[self._at : end])
        self._at = end

    def _string(self) -> str:
        end = self._at + 1
        while True:
            end = self._buffer.find(b'"', end)
            if end < 0:
                end = len(self._buffer) - self._at
                if not self._more():
                    raise self._cut_off()
                end += self._at
                continue
            before = self._buffer[self._at + 1 : end]
            if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
                break
            end += 1
        text = self._buffer[self._at : end + 1]
        self._at = end + 1
        try:
            return str(json.loads(text))
        except ValueError as error:
            raise self.wrong("is not JSON", str(error)) from error

    def _expect(self, byte: bytes) -> None:
        found = self.peek()
        if not found:
            raise self._cut_off()
        if found != byte:
            raise self.wrong("is not JSON", f"{byte.decode()!r} expected, {found!r} found")
        self._at += 1

    def _more(self) -> bool:
        block = self._source.read(_BLOCK)
        self._buffer = self._buffer[self._at :] + block
        self._at = 0
        return bool(block)

    def _cut_off(self) -> CollectError:
        return CollectError(
            f"{self._name} ends in the middle of its JSON document",
            cause="it is cut off",
            remedy="collect it again; if it happens again, ask the source",
        )
