"""The text of a CSV part as the parser is given it: in UTF-8, without the lines that are declared to be no records."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.landing.formats.encoding import Encoding, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vertebra.declare.dataset import Parse

_LINE: Final = re.compile(rb"[^\r\n]*+(?:\r\n|\n|\r(?=[^\n]))")
_LAST_LINE: Final = re.compile(rb"[^\r\n]*+(?:\r\n|\n|\r|$)")


def csv_text(
    stream: BinaryIO, encoding: Encoding, parse: Parse, delimiter: str, *, blank: bool = False
) -> Iterator[bytes]:
    """The text block by block, without the ``parse.skip`` first lines and without comments.

    A line is a comment where it begins with ``parse.comment`` and no record goes on in it.

    Args:
        blank: leave an empty line for each that is dropped, so that lines can be counted.
    """
    blocks = decoded(stream, encoding)
    if parse.skip:
        blocks = _without_first(blocks, parse.skip, blank)
    if parse.comment:
        blocks = _without_comments(blocks, parse.comment.encode(), _record(parse, delimiter), blank)
    return blocks


class TextFile(io.RawIOBase):
    """Blocks of bytes as a file to read from its beginning to its end.

    What is read never ends between the two characters of a CR LF: the CSV parser drops the LF there, be it in quotes.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._left = b""
        self._done = False

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, fewer only at the end; all that are left when negative."""
        wanted = size if size >= 0 else 1 << 62
        while len(self._left) < wanted and not self._done:
            block = next(self._blocks, None)
            if block is None:
                self._done = True
            elif block:
                self._left = self._left + block if self._left else block
        if wanted > 1 and wanted < len(self._left) + (not self._done) and self._left[wanted - 1 : wanted] == b"\r":
            wanted -= 1
        given, self._left = self._left[:wanted], self._left[wanted:]
        return given


class MarkedText:
    """A text with one more record at its end, and without NUL characters.

    The CSV parser takes an end of file inside quotes for the end of the cell, so that a cut-off file would pass. If
    the record added here does not come out as a record, a quote was open. And it takes a NUL in front of a quote or
    delimiter for an escape.

    Args:
        blocks: the text.
        end: the record to add, with its end of line.
        nul: stands for the NUL character; no payload contains it.

    Attributes:
        has_nul: whether NUL characters were replaced.
        whole_line: whether the text ended with an end of line.
    """

    def __init__(self, blocks: Iterator[bytes], end: bytes, nul: bytes) -> None:
        self.has_nul = False
        self.whole_line = True
        self._blocks = blocks
        self._end = end
        self._nul = nul

    def __iter__(self) -> Iterator[bytes]:
        """The blocks of the marked text."""
        for block in self._blocks:
            if not block:
                continue
            self.whole_line = block.endswith((b"\n", b"\r"))
            if b"\x00" in block:
                self.has_nul = True
                yield block.replace(b"\x00", self._nul)
            else:
                yield block
        yield self._end if self.whole_line else b"\n" + self._end


def _without_first(blocks: Iterator[bytes], lines: int, blank: bool) -> Iterator[bytes]:
    buffer = b""
    for block in blocks:
        buffer += block
        while lines and (line := _LINE.match(buffer)):
            buffer = buffer[line.end() :]
            lines -= 1
            if blank:
                yield b"\n"
        if not lines:
            yield buffer
            yield from blocks
            return
    while lines and buffer and (line := _LAST_LINE.match(buffer)):
        buffer = buffer[line.end() :]
        lines -= 1
    yield buffer


def _without_comments(
    blocks: Iterator[bytes], comment: bytes, record: re.Pattern[bytes], blank: bool
) -> Iterator[bytes]:
    buffer = b""
    for block in blocks:
        buffer += block
        at, kept = 0, []
        # a comment may begin with the buffer's last bytes
        while len(buffer) - at >= len(comment):
            is_comment = buffer.startswith(comment, at)
            found = (_LINE if is_comment else record).match(buffer, at)
            if not found:
                break
            if not is_comment:
                kept.append(found.group())
            elif blank:
                kept.append(b"\n")
            at = found.end()
        buffer = buffer[at:]
        yield b"".join(kept)
    while buffer:
        # what is left is a record that the text ends in, whole or not, or lines that end with it
        if not buffer.startswith(comment):
            found = record.match(buffer)
            yield buffer[: found.end()] if found else buffer
            buffer = buffer[found.end() :] if found else b""
            continue
        line = _LAST_LINE.match(buffer)
        buffer = buffer[line.end() :] if line else b""
        if blank:
            yield b"\n"


def _record(parse: Parse, delimiter: str) -> re.Pattern[bytes]:
    """A whole record with its end of line; a quote means something at the beginning of a cell."""
    end = rb"(?:\r\n|\n|\r(?=[^\n]))"
    comma = re.escape(delimiter.encode())
    escape = re.escape(parse.escape.encode()) if parse.escape else b""
    escaped = b"|" + escape + b"." if escape else b""
    bare = b"(?:[^" + comma + escape + rb"\r\n]" + escaped + b")*+"
    if parse.quote:
        quote = re.escape(parse.quote.encode())
        inside = b"(?:[^" + quote + escape + b"]|" + quote + quote + escaped + b")*+"
        cell = b"(?:" + quote + inside + quote + bare + b"|(?!" + quote + b")" + bare + b")"
    else:
        cell = bare
    return re.compile(cell + b"(?:" + comma + cell + b")*+" + end, re.DOTALL)
