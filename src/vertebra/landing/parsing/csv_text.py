"""The text of a CSV part for the parser: in UTF-8, without skipped lines and comments."""

from __future__ import annotations

import codecs
import csv
import io
import re
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.landing.parsing.encoding import Encoding, decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vertebra.landing.parsing.csv_dialect import CsvOptions


LONGEST_RECORD: Final = 128 << 20
"""Most bytes of a record."""

_LINE: Final = re.compile(rb"[^\r\n]*+(?:\r\n|\n|\r(?=[^\n]))")
_LAST_LINE: Final = re.compile(rb"[^\r\n]*+(?:\r\n|\n|\r|$)")
_CR: Final = ord("\r")


def csv_text(
    stream: BinaryIO, encoding: Encoding, parse: CsvOptions, delimiter: str, *, blank: bool = False
) -> Iterator[bytes]:
    """The text block by block, without the ``parse.skip`` first lines and without comments.

    A line is a comment if it begins with ``parse.comment`` and is not inside a quoted cell.

    Args:
        blank: keep an empty line in the place of each dropped line, so that line numbers stay the same.

    Raises:
        csv.Error: a record is too long. Checked only if there are comments to remove.
    """
    blocks = decoded(stream, encoding)
    if parse.comment:
        blocks = _without_mark(blocks)  # what follows the mark may be a comment or a quote
    if parse.skip:
        blocks = _without_first(blocks, parse.skip, blank)
    if parse.comment:
        record = re.compile(record_pattern(parse, delimiter), re.DOTALL)
        blocks = by_records(blocks, partial(_uncommented, parse.comment.encode(), record, blank))
    return blocks


def _without_mark(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The text without the byte order mark at its beginning."""
    first = next(blocks, b"")
    while len(first) < len(codecs.BOM_UTF8) and (block := next(blocks, None)) is not None:
        first += block
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from blocks


class TextFile(io.RawIOBase):
    """Blocks of bytes as a readable file.

    A read never ends between the CR and the LF of a line end, because the CSV parser would drop the LF, even in quotes.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._left = memoryview(b"")
        self._done = False

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, fewer only at the end; all remaining bytes if negative."""
        wanted = size if size >= 0 else 1 << 62
        blocks, ready = [self._left], len(self._left)
        while ready < wanted and not self._done:
            block = next(self._blocks, None)
            if block is None:
                self._done = True
            else:
                blocks.append(memoryview(block))
                ready += len(block)
        text = self._left if len(blocks) == 1 else memoryview(b"".join(blocks))
        if wanted > 1 and wanted < ready + (not self._done) and text[wanted - 1] == _CR:
            wanted -= 1
        self._left = text[wanted:]
        return bytes(text[:wanted])


class MarkedText:
    """A text with an additional record at its end, and without NUL characters.

    The CSV parser accepts an end of file inside quotes as the end of the cell, so a cut-off file would be accepted. If
    the parser does not return the additional record, a quote was open. NUL characters are replaced because the parser
    treats a NUL before a quote or delimiter as an escape.

    Args:
        blocks: the text.
        end: the additional record, with its line end.
        nul: replaces the NUL character; no payload contains it.

    Attributes:
        has_nul: whether NUL characters were replaced.
        whole_line: whether the text ended with a line end.
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
    left = b""
    for block in blocks:
        text, at = left + block, 0
        while lines and (line := _LINE.match(text, at)):
            at = line.end()
            lines -= 1
            if blank:
                yield b"\n"
        if not lines:
            yield text[at:]
            yield from blocks
            return
        # of a dropped line, only a CR matters, because a LF may follow it
        left = b"\r" if text.endswith(b"\r") else b""


def by_records(blocks: Iterator[bytes], process: Callable[..., tuple[bytes, int]]) -> Iterator[bytes]:
    """A text after a change that needs whole records.

    Args:
        process: called with a text and ``whole``, whether it is the last one; gives what becomes of its records, and
            where the last of them ends.

    Raises:
        csv.Error: a record is too long.
    """
    held: list[bytes] = []
    size = wanted = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size < wanted:
            continue
        text = b"".join(held)
        kept, at = process(text, whole=False)
        yield kept
        held, size = [text[at:]], len(text) - at
        if size > LONGEST_RECORD:
            # the parser stops in this part of the record and can report where it begins
            yield held[0]
            raise csv.Error(f"a record has more than {LONGEST_RECORD >> 20} MB")
        # a long record is examined again only after it has doubled, so the time is linear in its length
        wanted = min(2 * size, LONGEST_RECORD + 1)
    yield process(b"".join(held), whole=True)[0]


def _uncommented(
    comment: bytes, record: re.Pattern[bytes], blank: bool, text: bytes, *, whole: bool
) -> tuple[bytes, int]:
    """The records of a text, and where the last one ends.

    Args:
        whole: whether no more text follows; the rest is then the last record, even if it is cut off.
    """
    kept, at = [], 0
    # a comment may begin with the last bytes
    while len(text) - at >= (1 if whole else len(comment)):
        is_comment = text.startswith(comment, at)
        line = _LAST_LINE if whole else _LINE
        found = (line if is_comment else record).match(text, at)
        if not found and not whole:
            break
        end = found.end() if found else len(text)
        if not is_comment:
            kept.append(text[at:end])
        elif blank:
            kept.append(b"\n")
        at = end
    return b"".join(kept), at


def record_pattern(parse: CsvOptions, delimiter: str, *, strict: bool = False) -> bytes:
    """The regular expression of a whole record with its line end. Quotes count only at the beginning of a cell.

    Args:
        strict: a quoted cell must end with its closing quote; otherwise text may follow it.
    """
    end = rb"(?:\r\n|\n|\r(?=[^\n]))"
    comma = re.escape(delimiter.encode())
    escape = re.escape(parse.escape.encode()) if parse.escape else b""
    escaped = b"|" + escape + b"." if escape else b""
    bare = b"(?:[^" + comma + escape + rb"\r\n]++" + escaped + b")*+"
    if parse.quote:
        quote = re.escape(parse.quote.encode())
        inside = b"(?:[^" + quote + escape + b"]++|" + quote + quote + escaped + b")*+"
        after = b"" if strict else bare
        cell = b"(?:" + quote + inside + quote + after + b"|(?!" + quote + b")" + bare + b")"
    else:
        cell = bare
    return cell + b"(?:" + comma + cell + b")*+" + end
