"""Cuts records out of CSV, JSON Lines and fixed-width text; all other bytes stay as they are."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from vertebra.declare.parse import TextOptions
from vertebra.errors import CollectError
from vertebra.landing.parsing.csv_dialect import CsvOptions, csv_options, delimiter_of
from vertebra.landing.parsing.csv_faults import LONGEST_LINE
from vertebra.landing.parsing.csv_text import TextFile, csv_text
from vertebra.landing.parsing.detection import encoding_of
from vertebra.landing.parsing.encoding import Encoding
from vertebra.landing.parsing.fixed_width_layout import FixedWidthOptions
from vertebra.landing.parsing.fixed_width_reader import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vertebra.landing.parsing.records import ReadContext
    from vertebra.landing.payload import PayloadPart

_BEGINNING: Final = 1 << 16
"""Number of characters for detecting the delimiter, as many as the parser takes."""

_MARK: Final = "\ufeff"


def cut_csv(part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
    """Copy CSV without some records: lines before the header, comments, blank lines and other records stay.

    Raises:
        CollectError: the records of the text cannot be told apart.
    """
    parse = context.declared(CsvOptions)
    encoding = encoding_of(part, parse.encoding, context.guessed)
    delimiter = _delimiter(part, parse, encoding)
    unwanted = set(dropped)
    try:
        with _opened(part, encoding) as text, _written(sink, encoding) as out:
            first = text.read(1)
            if first == _MARK:
                out.write(first)
            rest = _After("" if first == _MARK else first, text)
            for _ in range(parse.skip):
                out.write(rest.readline())
            lines = _Lines(rest, parse.comment)
            reader = csv.reader(lines, **csv_options(parse, delimiter))
            number, width = (-1 if parse.header else 0), 0
            for cells in reader:
                width = width or len(cells)
                is_record = bool(cells) or width == 1
                if not (is_record and number in unwanted):
                    out.write(lines.taken())
                elif lines.comments:
                    out.write("".join(lines.comments))
                number += is_record
                lines.begin_record()
            out.write(lines.taken())
    except (csv.Error, UnicodeError) as error:
        raise CollectError(
            f"the records of {part.name} cannot be told apart", cause=str(error), remedy="take the whole batch back"
        ) from error


def cut_lines(part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
    """Copy JSON Lines without some records; blank lines stay."""
    encoding = encoding_of(part, context.declared(TextOptions).encoding, context.guessed)
    unwanted = set(dropped)
    number = 0
    with _opened(part, encoding, "\n") as text, _written(sink, encoding) as out:
        for line in text:
            is_record = bool(line.strip(f" \t\r\n{_MARK}"))
            if not (is_record and number in unwanted):
                out.write(line)
            number += is_record


def cut_fixed_width(part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
    """Copy fixed-width text without some records: the header, comments and blank lines stay."""
    options = context.declared(FixedWidthOptions)
    encoding = encoding_of(part, options.encoding, context.guessed)
    layout = layout_of(part, encoding, options)
    unwanted = set(dropped)
    record = 0
    with _opened(part, encoding) as text, _written(sink, encoding) as out:
        for number, line in enumerate(text, 1):
            content = line.rstrip("\r\n").removeprefix(_MARK if number == 1 else "")
            is_record = number > layout.before and layout.is_record(content, options.comment)
            if not (is_record and record in unwanted):
                out.write(line)
            elif number == 1 and line.startswith(_MARK):
                out.write(_MARK)
            record += is_record


class _After:
    """The lines of a text of which one character was read."""

    def __init__(self, first: str, text: io.TextIOWrapper) -> None:
        self._first = first
        self._text = text

    def readline(self, most: int = -1) -> str:
        """The next line, with its end; empty after the last one."""
        first, self._first = self._first, ""
        return first if first == "\n" else first + self._text.readline(most)


class _Lines:
    """The lines of a text for a CSV reader, which tells when a record ended.

    Attributes:
        comments: the comments before the record.
    """

    def __init__(self, text: _After, comment: str | None) -> None:
        self._text = text
        self._comment = comment
        self._record: list[str] = []
        self.comments: list[str] = []

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(LONGEST_LINE):
            if not self._record and self._comment and line.startswith(self._comment):
                self.comments.append(line)
                continue
            self._record.append(line)
            yield line

    def taken(self) -> str:
        """The text of the record, and of the comments before it."""
        return "".join([*self.comments, *self._record])

    def begin_record(self) -> None:
        """Note that the record ended."""
        self._record, self.comments = [], []


def _delimiter(part: PayloadPart, parse: CsvOptions, encoding: Encoding) -> str:
    with part.open() as raw:
        blocks = TextFile(csv_text(raw, encoding, parse, parse.delimiter or ","))
        text = io.TextIOWrapper(cast("Any", blocks), "utf-8-sig", "strict", newline="")
        beginning = text.read(_BEGINNING)
    return delimiter_of(beginning, len(beginning) < _BEGINNING, parse)


def _opened(part: PayloadPart, encoding: Encoding, newline: str = "") -> io.TextIOWrapper:
    """The text of a part; a byte order mark is its first character."""
    return io.TextIOWrapper(part.open(), _codec(encoding), _errors(encoding), newline=newline)


class _Written(io.TextIOWrapper):
    """Text that is encoded into a sink, which stays open."""

    def __exit__(self, *_: object) -> None:
        self.flush()
        self.detach()


def _written(sink: BinaryIO, encoding: Encoding) -> _Written:
    return _Written(sink, _codec(encoding), _errors(encoding), newline="")


def _codec(encoding: Encoding) -> str:
    return "utf-8" if encoding.is_utf8 else encoding.codec


def _errors(encoding: Encoding) -> str:
    """Bytes of UTF-8 that do not decode, and lines in another encoding, are copied as they are."""
    return "surrogateescape" if encoding.is_utf8 or encoding.fallbacks else "strict"
