"""CSV to text: every cell exactly as written, quotes removed, nothing taken for NULL."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv as pc

from vertebra.errors import CollectError
from vertebra.landing.formats.names import positions, unique_names
from vertebra.landing.formats.records import Reading, Records, refuse_other_columns, refuse_page
from vertebra.landing.payload import BUFFER, Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vertebra.declare.dataset import Parse

_BLOCKS: Final = (8 << 20, 128 << 20)
"""Bytes parsed at once; the larger when a record does not fit into the smaller."""

_END: Final = "\x03end\x03"
_UTF8: Final = frozenset({"utf-8", "utf-8-sig", "ascii"})


def read_csv(parts: Sequence[Part], reading: Reading) -> Records:
    """Read CSV parts, each with its own header, as one sequence of records.

    Blank lines are no records, except in a file of one column, where a blank line is an empty cell.

    Raises:
        CollectError: a part is empty, has other columns than the first, does not decode, has a line with too few or
            too many cells, or a quote that is never closed.
    """
    parse = reading.parse
    heads = []
    for part in parts:
        refuse_page(part)
        heads.append(_Head.of(part, parse))
        refuse_other_columns(parts[0], heads[0].columns, part, heads[-1].columns)
    pairs = list(zip(parts, heads, strict=True))
    nul = f"\x03{reading.digest[:24]}\x03"
    return Records(heads[0].columns, (batch for part, head in pairs for batch in _batches(part, parse, head, nul)))


class _Head:
    """The first record of a part: its column names, and how many parsed records come before the data."""

    def __init__(self, columns: tuple[str, ...], before: int) -> None:
        self.columns = columns
        self.before = before

    @classmethod
    def of(cls, part: Part, parse: Parse) -> _Head:
        blank = 0
        try:
            for cells in _rows(part, parse):
                if not cells:
                    blank += 1
                    continue
                # Where a record is one cell, the parser makes records of blank lines too.
                before = blank if len(cells) == 1 else 0
                if parse.header:
                    return cls(unique_names(cells), before + 1)
                return cls(_declared(parse, part, len(cells)), before)
        except UnicodeDecodeError as error:
            raise _undecodable(part, parse, error) from error
        except LookupError as error:
            raise _unknown_encoding(part, parse) from error
        except csv.Error as error:
            raise CollectError(
                f"{part.name} is not CSV", cause=str(error), remedy="correct parse in the dataset's file"
            ) from error
        raise CollectError(
            f"{part.name} is empty",
            cause="it has no line with anything in it" if blank else "it has no bytes",
            remedy="collect again when the source has data; earlier batches stay",
        )


def _declared(parse: Parse, part: Part, width: int) -> tuple[str, ...]:
    if not parse.names:
        return positions(width)
    if len(parse.names) != width:
        raise CollectError(
            f"{part.name} has {width} columns, parse.names declares {len(parse.names)}",
            cause="names of a file without header are given to its columns in order",
            remedy="correct parse.names",
        )
    return unique_names(parse.names)


def _batches(part: Part, parse: Parse, head: _Head, nul: str) -> Iterator[pa.RecordBatch]:
    """The records of one part. A part with a record longer than a block is read again with a larger block.

    Args:
        nul: stands for the NUL character while the text is parsed: Arrow takes one in front of a quote or delimiter for
            an escape. Made of the payload's own hash, so that no payload contains it.
    """
    given = head.before
    for size in _BLOCKS:
        try:
            before = given
            for batch in _parsed(part, parse, head, size, nul):
                repeated = min(before, batch.num_rows)
                before -= repeated
                given += batch.num_rows - repeated
                if repeated < batch.num_rows:
                    yield batch.slice(repeated)
        except pa.ArrowInvalid as error:
            if "straddling object" in str(error):
                continue
            raise _refusal(part, parse, head, str(error)) from error
        except UnicodeDecodeError as error:
            raise _undecodable(part, parse, error) from error
        return
    raise CollectError(
        f"{part.name} has a record of more than {_BLOCKS[-1] >> 20} MB after {given - head.before:,} records",
        cause=_unclosed(part, parse) or "a quote is never closed, or parse.quote is not the file's quote",
        remedy="correct parse, or ask the source",
    )


def _parsed(part: Part, parse: Parse, head: _Head, size: int, nul: str) -> Iterator[pa.RecordBatch]:
    """Parse with blocks of ``size`` bytes; the header comes as a record."""
    width = len(head.columns)
    names = list(positions(width))
    with part.open() as raw:
        text = _Text(raw, parse, width, nul.encode())
        reader = pc.open_csv(
            pa.PythonFile(text, mode="r"),
            read_options=pc.ReadOptions(block_size=size, column_names=names, use_threads=True),
            parse_options=pc.ParseOptions(
                delimiter=parse.delimiter,
                quote_char=parse.quote or False,
                escape_char=parse.escape or False,
                newlines_in_values=bool(parse.quote or parse.escape),
                ignore_empty_lines=width > 1,
            ),
            convert_options=pc.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=[],
                strings_can_be_null=False,
            ),
        )
        held = None
        for batch in reader:
            if batch.num_rows == 0:
                continue
            if held is not None:
                yield _with_nuls(held, nul) if text.has_nul else held
            held = batch
    for batch in _without_end(held, part, parse):
        yield _with_nuls(batch, nul) if text.has_nul else batch


def _with_nuls(batch: pa.RecordBatch, nul: str) -> pa.RecordBatch:
    columns = [compute.replace_substring(column, nul, "\x00") for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _without_end(last: Any, part: Part, parse: Parse) -> Iterator[pa.RecordBatch]:
    """The last batch without the end mark. A mark that is no record of its own was swallowed by an open quote."""
    if last is None or any(column[-1].as_py() != _END for column in last.columns):
        raise CollectError(
            f"{part.name} ends inside a quoted cell",
            cause=_unclosed(part, parse) or "a quote is never closed: the file is cut off, or is not quoted this way",
            remedy="collect it again; if it stays so, correct parse.quote or ask the source",
        )
    if last.num_rows > 1:
        yield last.slice(0, last.num_rows - 1)


class _Text(io.RawIOBase):
    """A part's text in UTF-8, with one more record at its end.

    The CSV parser takes an end of file inside quotes for the end of the cell, so that a cut-off file would pass. If
    the record added here does not come out as a record, a quote was open.
    """

    def __init__(self, raw: BinaryIO, parse: Parse, width: int, nul: bytes) -> None:
        self.has_nul = False
        self._nul = nul
        self._raw = raw
        encoding = _codec(parse)
        self._decoder = None if encoding in _UTF8 else codecs.getincrementaldecoder(encoding)("strict")
        self._end = (parse.delimiter.join([_END] * width) + "\n").encode()
        self._last = b"\n"
        self._left = b""
        self._done = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = size if size >= 0 else 1 << 62
        while len(self._left) < wanted and not self._done:
            data = self._next(wanted)
            self._left = self._left + data if self._left else data
        given, self._left = self._left[:wanted], self._left[wanted:]
        return given

    def _next(self, wanted: int) -> bytes:
        raw = self._raw.read(min(wanted, BUFFER))
        text = self._decoder.decode(raw, not raw).encode() if self._decoder else raw
        if text:
            self._last = text[-1:]
        if b"\x00" in text:
            self.has_nul = True
            text = text.replace(b"\x00", self._nul)
        if raw:
            return text
        self._done = True
        newline = b"" if self._last in b"\r\n" else b"\n"
        return text + newline + self._end


# -- what is wrong, and where: only looked for when a payload is refused ------------------------------------------


def _rows(part: Part, parse: Parse) -> Iterator[list[str]]:
    """The rows of a part, by a parser that is slower and says more."""
    for _, cells in _numbered_rows(part, parse):
        yield cells


def _numbered_rows(part: Part, parse: Parse) -> Iterator[tuple[int, list[str]]]:
    """The rows of a part with the line each starts in, counted from 1."""
    encoding = _codec(parse)
    options: dict[str, Any] = {"delimiter": parse.delimiter, "escapechar": parse.escape}
    options |= {"quotechar": parse.quote} if parse.quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    with part.open() as raw:
        text = io.TextIOWrapper(cast("Any", raw), "utf-8-sig" if encoding in _UTF8 else encoding, "strict", newline="")
        # A line is cut at a bound, so that bytes that are no text at all are not read into memory as one line.
        rows = csv.reader(iter(lambda: text.readline(_BLOCKS[0]), ""), **options)
        line = 1
        for cells in rows:
            yield line, cells
            line = rows.line_num + 1


def _refusal(part: Part, parse: Parse, head: _Head, message: str) -> CollectError:
    if "invalid UTF8" in message:
        return _undecodable(part, parse, None)
    ragged = _ragged(part, parse, len(head.columns)) if "Expected" in message else None
    if ragged:
        line, width = ragged
        return CollectError(
            f"{part.name} line {line:,} has {width} cells, the others have {len(head.columns)}",
            cause="a cell with an unquoted delimiter, a cut-off file, or another delimiter or quote than declared",
            remedy="correct parse in the dataset's file, or ask the source for a whole file",
        )
    return CollectError(
        f"{part.name} is not CSV as declared", cause=message, remedy="correct parse in the dataset's file"
    )


def _ragged(part: Part, parse: Parse, width: int) -> tuple[int, int] | None:
    """Line and number of cells of the first record that does not have ``width`` cells."""
    try:
        for line, cells in _numbered_rows(part, parse):
            if cells and len(cells) != width:
                return line, len(cells)
    except (csv.Error, UnicodeError):
        pass
    return None


def _unclosed(part: Part, parse: Parse) -> str:
    """Where the last record starts, if that can be told."""
    last = 0
    try:
        for line, _ in _numbered_rows(part, parse):
            last = line
    except csv.Error:
        # The open quote makes one cell of the rest of the file, longer than the module takes.
        last += 1
    except UnicodeError:
        return ""
    return f"a quote opened in line {last:,} is never closed: the file is cut off, or is not quoted this way"


def _undecodable(part: Part, parse: Parse, error: UnicodeDecodeError | None) -> CollectError:
    place = ""
    encoding = _codec(parse)
    try:
        line = 1
        with part.open() as raw:
            decoder = codecs.getincrementaldecoder(encoding)("strict")
            while block := raw.read(BUFFER):
                lines = line
                line += decoder.decode(block).count("\n")
            decoder.decode(b"", True)
    except UnicodeDecodeError as found:
        good = found.object[: found.start].decode(encoding, "replace")
        error, place = found, f" in line {lines + good.count(chr(10)):,}"
    byte = f"byte 0x{error.object[error.start]:02X}" if error else "a byte"
    return CollectError(
        f"{part.name} is not {parse.encoding}: {byte}{place} does not decode",
        cause="it was written in another encoding, or is damaged",
        remedy="declare the file's encoding, for example parse: {encoding: windows-1252}",
    )


def _unknown_encoding(part: Part, parse: Parse) -> CollectError:
    return CollectError(
        f"{part.name} cannot be read: there is no encoding {parse.encoding!r}",
        cause="parse.encoding is not one that Python knows",
        remedy="declare utf-8, utf-16, windows-1252, iso-8859-1 or cp850",
    )


def _codec(parse: Parse) -> str:
    return codecs.lookup(parse.encoding).name
