"""Reads CSV as text: every cell exactly as it is written, without quotes; an empty cell without quotes is NULL."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv as pc

from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.parsing.column_names import positions, renamed, unique_names
from vertebra.landing.parsing.csv_dialect import CsvOptions, csv_options, delimiter_of
from vertebra.landing.parsing.csv_faults import (
    LONGEST_LINE,
    CsvSource,
    Misquoted,
    cut_off,
    misquoted,
    open_quote,
    refusal,
    unclosed,
)
from vertebra.landing.parsing.csv_parser import parser_options
from vertebra.landing.parsing.csv_quotes import QuoteCheck, first_misquoted, quotes_in_place
from vertebra.landing.parsing.csv_ragged import RaggedRecords
from vertebra.landing.parsing.csv_text import LONGEST_RECORD, MarkedText, TextFile, csv_text
from vertebra.landing.parsing.detection import encoding_of
from vertebra.landing.parsing.encoding import Encoding, encoding_notes, undecodable
from vertebra.landing.parsing.other_kinds import refuse_other_kinds
from vertebra.landing.parsing.records import (
    RaggedRecordError,
    ReadContext,
    Records,
    refuse_other_columns,
    refuse_page,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vertebra.landing.payload import PayloadPart

_BLOCKS: Final = (1 << 20, 16 << 20, LONGEST_RECORD)
"""Sizes of blocks for the parser; a larger one is used if a record does not fit into a smaller one."""

_BEGINNING: Final = 1 << 16
"""Number of characters for detecting the delimiter."""


def read_csv(parts: Sequence[PayloadPart], context: ReadContext) -> Records:
    """Read CSV parts, each with its own header, as one sequence of records.

    Blank lines are ignored, except in a file with one column, where a blank line is an empty cell. If ``parse.ragged``
    keeps a record with too few or too many cells, or with text after a closing quote, the record has NULL in every
    column and its text in an additional column, so that no cell gets into the wrong column.

    Raises:
        RaggedRecordError: there is a record with too few or too many cells, or with text after a closing quote, and
            ``context`` does not expect it.
        CollectError: a part is empty, has other columns than the first, does not decode, has a line with too few or
            too many cells where they are refused or are the most, is cut off, or has a quote that is never closed.
    """
    options = context.declared(CsvOptions)
    heads = []
    for part in parts:
        refuse_page(part)
        refuse_other_kinds(part, options.format)
        heads.append(_Head.of(part, options, context.guessed))
        refuse_other_columns(parts[0], heads[0].given, part, heads[-1].given)
    columns = unique_names(heads[0].given)
    notes = _notes(heads, options) | {"renamed": renamed(heads[0].given, columns)}
    tables = [_Table(head, context, len(columns)) for head in heads]
    return Records(columns, (batch for table in tables for batch in table.batches(notes)), notes, context.ragged)


@dataclass(frozen=True)
class _Head:
    """The first record of a part.

    Attributes:
        source: the part and how its text is read.
        given: column names as they are in the part, or declared.
        before: number of parsed records before the data.
    """

    source: CsvSource
    given: tuple[str, ...]
    before: int

    @classmethod
    def of(cls, part: PayloadPart, parse: CsvOptions, guessed: Sequence[str] = ()) -> _Head:
        encoding = encoding_of(part, parse.encoding, guessed)
        try:
            source = CsvSource(part, parse, encoding, _delimiter(part, parse, encoding))
            return cls._found(source)
        except UnicodeDecodeError as error:
            raise undecodable(part, encoding) from error
        except csv.Error as error:
            raise CollectError(
                f"{part.name} is not CSV", cause=str(error), remedy="correct parse in the dataset's file"
            ) from error

    @classmethod
    def _found(cls, source: CsvSource) -> _Head:
        parse, blank = source.parse, 0
        for cells in _rows(source):
            if not cells:
                blank += 1
                continue
            # in a file with one column the parser makes records of blank lines too
            before = blank if len(cells) == 1 else 0
            if parse.header:
                return cls(source, tuple(cells), before + 1)
            return cls(source, _declared(parse, source.part, len(cells)), before)
        raise CollectError(
            f"{source.part.name} is empty",
            cause="it has no line with anything in it" if blank else "it has no bytes",
            remedy="collect again when the source has data; earlier batches stay",
        )


def _rows(source: CsvSource) -> Iterator[list[str]]:
    with source.part.open() as raw:
        text = _characters(csv_text(raw, source.encoding, source.parse, source.delimiter))
        lines = iter(lambda: text.readline(LONGEST_LINE), "")
        yield from csv.reader(lines, **csv_options(source.parse, source.delimiter))


def _characters(blocks: Iterator[bytes]) -> io.TextIOWrapper:
    return io.TextIOWrapper(cast("Any", TextFile(blocks)), "utf-8-sig", "strict", newline="")


def _delimiter(part: PayloadPart, parse: CsvOptions, encoding: Encoding) -> str:
    with part.open() as raw:
        # the delimiter that is assumed here only matters for comments inside quoted cells
        text = _characters(csv_text(raw, encoding, parse, parse.delimiter or ","))
        beginning = text.read(_BEGINNING)
        return delimiter_of(beginning, len(beginning) < _BEGINNING, parse)


def _declared(parse: CsvOptions, part: PayloadPart, width: int) -> tuple[str, ...]:
    if not parse.names:
        return positions(width)
    if len(parse.names) != width:
        raise CollectError(
            f"{part.name} has {counted(width, 'column')}, parse.names declares {len(parse.names)}",
            cause="names of a file without header are given to its columns in order",
            remedy="correct parse.names",
        )
    return parse.names


def _notes(heads: Sequence[_Head], parse: CsvOptions) -> dict[str, Any]:
    """Facts about the text, for the receipt."""
    delimiters = dict.fromkeys(head.source.delimiter for head in heads)
    detected = [name for name in ("encoding", "delimiter") if getattr(parse, name) is None]
    return encoding_notes([head.source.encoding for head in heads]) | {
        "delimiter": " ".join(delimiters),
        "detected": detected,
    }


class _Table:
    """The records of one part.

    Args:
        width: number of cells of a record.
    """

    def __init__(self, head: _Head, context: ReadContext, width: int) -> None:
        self._head = head
        self._source = head.source
        self._context = context
        self._width = width
        # made from the payload's own hash, so no payload contains them
        self._nul = f"\x03{context.digest[:24]}\x03"
        self._misquoted = f"\x03{context.digest[:24]}quote"
        self._end = f"\x03{context.digest[:24]}end\x03"

    def batches(self, notes: dict[str, Any]) -> Iterator[pa.RecordBatch]:
        """The records. If a record is longer than a block, the part is read again with larger blocks."""
        given = self._head.before
        for size in _BLOCKS:
            ragged = RaggedRecords(self._source, self._nul, self._misquoted, self._width)
            try:
                before = given
                for batch in self._parsed(size, ragged):
                    repeated = min(before, batch.num_rows)
                    before -= repeated
                    given += batch.num_rows - repeated
                    if repeated < batch.num_rows:
                        yield batch.slice(repeated)
            except pa.ArrowInvalid as error:
                if "straddling object" in str(error):
                    continue
                if "Expected" in str(error) and self._source.parse.ragged != "refuse":
                    raise RaggedRecordError from error
                raise refusal(self._source, self._width, str(error)) from error
            except UnicodeDecodeError as error:
                raise undecodable(self._source.part, self._source.encoding) from error
            except csv.Error:
                break
            ragged.count_in(notes, given - self._head.before)
            return
        raise CollectError(
            f"{self._source.part.name} has a record of more than {LONGEST_RECORD >> 20} MB",
            cause=unclosed(self._source) or "a quote is never closed, or parse.quote is not the file's quote",
            remedy="correct parse, or ask the source",
        )

    def _parsed(self, size: int, ragged: RaggedRecords) -> Iterator[pa.RecordBatch]:
        """Parse with blocks of ``size`` bytes; the header is a record too."""
        source = self._source
        end = (source.delimiter.join([self._end] * self._width) + "\n").encode()
        with source.part.open() as raw:
            blocks = csv_text(raw, source.encoding, source.parse, source.delimiter)
            if source.parse.quote and not self._context.ragged:
                blocks = self._checked(blocks)
            elif source.parse.quote and not quotes_in_place(source):
                blocks = ragged.set_aside(blocks)
            text = MarkedText(blocks, end, self._nul.encode())
            batches: Iterable[pa.RecordBatch]
            if self._context.small:
                # reading ahead in threads takes longer than reading
                whole = b"".join(text)
                file, size = pa.BufferReader(whole), len(whole)
            else:
                file = pa.PythonFile(TextFile(iter(text)), mode="r")
            batches = self._reader(file, size, ragged)
            if self._context.ragged:
                batches = ragged.among(batches)
            held = None
            for batch in batches:
                if batch.num_rows == 0:
                    continue
                if held is not None:
                    yield self._with_nuls(held) if text.has_nul else held
                held = batch
        for batch in self._without_end(held):
            yield self._with_nuls(batch) if text.has_nul else batch
        if ragged.cut_off and not text.whole_line:
            raise cut_off(source, self._width)

    def _checked(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The same text, if no text follows a closing quote."""
        check: QuoteCheck | None = QuoteCheck(self._source.parse, self._source.delimiter)
        for block in blocks:
            if check is not None and not check.passes(block):
                found = first_misquoted(self._source)
                if found is not None and (self._source.parse.ragged == "refuse" or self._is_header(found)):
                    raise misquoted(self._source, found)
                if found is not None:
                    raise RaggedRecordError
                check = None
            yield block

    def _is_header(self, found: Misquoted) -> bool:
        return found.first and self._source.parse.header

    def _reader(self, file: pa.NativeFile, size: int, ragged: RaggedRecords) -> pc.CSVStreamingReader:
        parse_options, convert_options = parser_options(self._source, self._width)
        if self._context.ragged:
            parse_options.invalid_row_handler = ragged.take
        return pc.open_csv(
            file,
            # rows are numbered for the handler of invalid ones by one thread only
            read_options=pc.ReadOptions(
                block_size=size,
                column_names=list(positions(self._width)),
                use_threads=not (self._context.ragged or self._context.small),
            ),
            parse_options=parse_options,
            convert_options=convert_options,
        )

    def _with_nuls(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = [compute.replace_substring(column, self._nul, "\x00") for column in batch.columns]
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    def _without_end(self, last: Any) -> Iterator[pa.RecordBatch]:
        """The last batch without the end mark. If the mark is not a separate record, a quote was open."""
        if last is None or any(column[-1].as_py() != self._end for column in last.columns[: self._width]):
            raise open_quote(self._source)
        if last.num_rows > 1:
            yield last.slice(0, last.num_rows - 1)
