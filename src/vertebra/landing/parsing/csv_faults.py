"""Error messages for CSV parts, with line numbers; computed only when a payload is refused."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.parsing.csv_dialect import CsvOptions, csv_options
from vertebra.landing.parsing.csv_text import LONGEST_RECORD, TextFile, csv_text
from vertebra.landing.parsing.encoding import Encoding, undecodable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vertebra.landing.payload import PayloadPart

LONGEST_LINE: Final = 8 << 20
"""Lines are cut at this length, so that bytes that are not text are not read into memory as one line."""

_SEEN: Final = 1_000
"""Records that are read to say why they are ragged."""

# a cell may be as long as a record; the default limit of the csv module is a thousandth of it
csv.field_size_limit(LONGEST_RECORD)


@dataclass(frozen=True)
class CsvSource:
    """A part, and how its text is read."""

    part: PayloadPart
    parse: CsvOptions
    encoding: Encoding
    delimiter: str


@dataclass(frozen=True)
class Misquoted:
    """A record with text after a closing quote.

    Attributes:
        line: the line in which it begins, from 1.
        text: the record as it is written.
        first: whether it is the first record of the text.
    """

    line: int
    text: str
    first: bool


def numbered_rows(source: CsvSource) -> Iterator[tuple[int, list[str]]]:
    """The rows of a part with their first line, from 1, read by a slower parser that knows line numbers."""
    with source.part.open() as raw:
        blocks = csv_text(raw, source.encoding, source.parse, source.delimiter, blank=True)
        text = io.TextIOWrapper(cast("Any", TextFile(blocks)), "utf-8-sig", "strict", newline="")
        rows = csv.reader(iter(lambda: text.readline(LONGEST_LINE), ""), **csv_options(source.parse, source.delimiter))
        line = 1
        for cells in rows:
            yield line, cells
            line = rows.line_num + 1


def refusal(source: CsvSource, width: int, message: str) -> CollectError:
    """The error for a part at which the parser stopped.

    Args:
        width: number of cells of a record.
        message: the parser's message.
    """
    if "invalid UTF8" in message:
        return undecodable(source.part, source.encoding)
    ragged = _ragged(source, width) if "Expected" in message else None
    if ragged:
        line, cells = ragged
        return CollectError(
            f"{source.part.name} line {line:,} has {counted(cells, 'cell')}, the others have {width}",
            cause="a cell with an unquoted delimiter, a cut-off file, or another delimiter or quote than declared",
            remedy="correct parse in the dataset's file, ask the source for a whole file, or have such records kept "
            "and marked: parse: {ragged: keep}",
        )
    return CollectError(
        f"{source.part.name} is not CSV as declared", cause=message, remedy="correct parse in the dataset's file"
    )


def cut_off(source: CsvSource, width: int) -> CollectError:
    """The error for a last record with too few cells and without a line end."""
    last = (0, 0)
    for line, cells in _whole_rows(source):
        last = (line, len(cells))
    return CollectError(
        f"{source.part.name} is cut off: its last line, {last[0]:,}, "
        f"has {last[1]} of {counted(width, 'cell')} and no line end",
        cause="the transfer was interrupted, or the source was still writing",
        remedy="collect it again; if it happens again, ask the source",
    )


def mostly_ragged(source: CsvSource, ragged: int, records: int, width: int) -> CollectError:
    """The error for a part in which most records have more or fewer cells than the first one."""
    found = _ragged(source, width)
    place = f", the first in line {found[0]:,} with {found[1]}" if found else ""
    cause, remedy = _why_ragged(source, width)
    return CollectError(
        f"{source.part.name}: {ragged:,} of {counted(records, 'record')} "
        f"{'does' if ragged == 1 else 'do'} not have {counted(width, 'cell')} as the first one{place}",
        cause=cause,
        remedy=remedy,
    )


def _why_ragged(source: CsvSource, width: int) -> tuple[str, str]:
    """The cause of records that are not as wide as the first one, from the first records, and the remedy."""
    widths = Counter(len(cells) for _, cells in islice(_whole_rows(source), _SEEN) if cells)
    widest, number = widths.most_common(1)[0] if widths else (width, 0)
    if widest != width and number * 2 > widths.total():
        return (
            f"most records have {counted(widest, 'cell')}: lines come before the header, or the header is another",
            "declare it, for example parse: {skip: 2}; or name the columns: parse: {header: false, names: […]}",
        )
    return (
        "records differ in their number of cells: texts have the delimiter without quotes, or the delimiter or quote "
        "is another one",
        "declare it, for example parse: {delimiter: ';'}, or ask the source to quote texts",
    )


def misquoted(source: CsvSource, found: Misquoted) -> CollectError:
    """The error for a record with text after a closing quote, where such records are refused."""
    header = found.first and source.parse.header
    skipped = "skip the header and name the columns: parse: {header: false, skip: 1, names: […]}"
    marked = "have such records kept and marked: parse: {ragged: keep}"
    return CollectError(
        f"{source.part.name} line {found.line:,} has text after a closing quote: {found.text[:80]!r}",
        cause=f"{'the names of the columns' if header else 'the cells'} cannot be told from each other: a quote inside "
        "a quoted cell is not doubled, or the file does not use quotes",
        remedy="if quotes are part of the text, declare parse: {quote: ''}; otherwise ask the source, or "
        + (skipped if header else marked),
    )


def open_quote(source: CsvSource) -> CollectError:
    """The error for a text that ends inside a quoted cell."""
    return CollectError(
        f"{source.part.name} ends inside a quoted cell",
        cause=unclosed(source) or "a quote is never closed: the file is cut off, or is not quoted this way",
        remedy="collect it again; if it happens again, correct parse.quote or ask the source",
    )


def unclosed(source: CsvSource) -> str:
    """The line where the last record starts, as the cause of an error; empty if unknown."""
    last = 0
    try:
        for line, _ in numbered_rows(source):
            last = line
    except csv.Error:
        # with an open quote the rest of the file is one cell, which is too long for the csv module
        last += 1
    except UnicodeError:
        return ""
    return f"a quote opened in line {last:,} is never closed: the file is cut off, or is not quoted this way"


def _ragged(source: CsvSource, width: int) -> tuple[int, int] | None:
    """Line and number of cells of the first record that does not have ``width`` cells."""
    return next(((line, len(cells)) for line, cells in _whole_rows(source) if cells and len(cells) != width), None)


def _whole_rows(source: CsvSource) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from numbered_rows(source)
    except (csv.Error, UnicodeError):
        return
