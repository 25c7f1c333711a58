"""Reads a sheet of an Excel workbook with calamine, and what calamine leaves out from the sheet's XML."""

from __future__ import annotations

import re
import shutil
import zipfile
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, cast
from xml.etree import ElementTree

from vertebra.errors import CollectError
from vertebra.formatting import counted, shortened
from vertebra.landing.parsing.column_names import positions, renamed, unique_names
from vertebra.landing.parsing.other_kinds import kind_of
from vertebra.landing.parsing.records import ReadContext, Records, refuse_other_columns
from vertebra.landing.parsing.workbook_options import Area, column_number
from vertebra.landing.payload import BUFFER, Expansion, PayloadPart, SizeLimits, limit_expansion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from vertebra.landing.parsing.workbook_options import XlsxOptions

_ROWS: Final = 8192
_LONGEST_CELL: Final = 1 << 20
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION: Final = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_CELL: Final = re.compile(rb"<(?:\w+:)?c\b([^>]*)>((?:(?!</(?:\w+:)?c>).)*)</(?:\w+:)?c>", re.DOTALL)
_PLACE: Final = re.compile(rb'\br="([A-Z]{1,3})(\d+)"')
_IS_ERROR: Final = re.compile(rb'\bt="e"')
_VALUE: Final = re.compile(rb"<(?:\w+:)?v>([^<]+)</")
_FORMULA: Final = re.compile(rb"<(?:\w+:)?f\b")
_INTEGER: Final = 1e15
"""Whole numbers below it are written without a fraction; a double has all of their digits."""


def read_workbooks(parts: Sequence[PayloadPart], context: ReadContext, options: XlsxOptions) -> Records:
    """Read a sheet of each workbook as records, every cell as text.

    Numbers are written by their shortest exact digits, whole ones without a fraction, dates and times in ISO 8601
    order, booleans as ``true`` and ``false``, errors as Excel shows them (``#N/A``). Empty cells are NULL, and rows
    without any value are left out.

    Raises:
        CollectError: a part is not a workbook, or it is not clear which sheet has the records; a row has cells beyond
            the header; formulas have no values; or the workbooks have other columns than the first.
    """
    sheets = [Sheet(part, number, context, options) for number, part in enumerate(parts)]
    for sheet in sheets[1:]:
        refuse_other_columns(parts[0], sheets[0].columns, sheet.part, sheet.columns)
    columns = unique_names(sheets[0].columns)
    notes = {"renamed": renamed(sheets[0].columns, columns), "sheet": ", ".join(dict.fromkeys(s.name for s in sheets))}
    return Records(columns, (batch for sheet in sheets for batch in sheet.batches()), notes)


class Sheet:
    """The sheet with the records of a workbook.

    Attributes:
        part: the workbook.
        file: the workbook on disk.
        name: the sheet's name.
        area: the cells that are read.
        columns: names of the columns.
    """

    def __init__(self, part: PayloadPart, number: int, context: ReadContext, options: XlsxOptions) -> None:
        self.part = part
        self._options = options
        self.file = file = _seekable(part, number, context)
        self._workbook = workbook = _opened(file, part)
        self.name = _chosen(workbook, part, options)
        try:
            self._sheet = workbook.get_sheet_by_name(self.name)
        except Exception as error:
            raise _damaged(part, error) from error
        self.area = options.area
        self._errors = _errors_in(file, part, self.name, self.area)
        # calamine leaves out empty columns before the first cell
        start: tuple[int, int] = self._sheet.start or (0, 0)
        self._first_column = start[1]
        self._merged = self._merged_cells()
        self._before, self.columns = self._header()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The records after the header."""
        import pyarrow as pa

        width = len(self.columns)
        names = list(positions(width))
        rows = (row for _, row in self.records())
        while block := list(islice(rows, _ROWS)):
            full = [row + [None] * (width - len(row)) for row in block]
            cells = [pa.array([row[at] for row in full], pa.string()) for at in range(width)]
            yield pa.RecordBatch.from_arrays(cells, names=names)

    def records(self) -> Iterator[tuple[int, list[str | None]]]:
        """The rows that are records, with their number in the sheet, from 0, and their cells from the first column."""
        width = len(self.columns)
        for number, row in self._rows():
            if number >= self._before and self._has_values(number, row, width):
                yield number, row

    def others(self) -> Iterator[tuple[str, Iterator[list[str | None]]]]:
        """What is not read: names of the other sheets of the workbook with cells, and the texts of their rows."""
        if self._options.range is not None:
            rest = (
                [None if self.area.has(row, at) else cell for at, cell in enumerate(cells)]
                for row, cells in self._cells()
            )
            yield f"{self.name} outside of {self._options.range}", rest
        for name in self._workbook.sheet_names:
            if name != self.name and _is_filled(self._workbook, name):
                yield name, (list(map(_text, row)) for row in self._workbook.get_sheet_by_name(name).iter_rows())

    def _header(self) -> tuple[int, tuple[str, ...]]:
        """The number of the first row with records, from 0, and the names of the columns."""
        options, area = self._options, self.area
        header: list[list[str | None]] = []
        for number, row in self._rows():
            if number < area.top + options.skip or (not header and not any(row)):
                continue
            if options.header:
                header.append(self._spanned(number, row) if options.header_rows > 1 else row)
                if len(header) == options.header_rows:
                    return number + 1, _names(header, area)
                continue
            width = max(len(row), self._first_column + self._sheet.width - area.left)
            width = width if area.right is None else area.right + 1 - area.left
            if options.names and len(options.names) != width:
                raise CollectError(
                    f"{self._place} has {counted(width, 'column')}, parse.names declares {len(options.names)}",
                    cause="names of a sheet without header are given to its columns in order",
                    remedy="correct parse.names",
                )
            return number, options.names or positions(width)
        after = f" after the first {options.skip} rows" if options.skip else ""
        where = f" in {options.range}" if options.range is not None else ""
        raise CollectError(
            f"{self._place} is empty" if not header else f"{self._place} ends within the header",
            cause=f"it has no cells with values{where}{after}" if not header else "parse.header_rows is larger",
            remedy="declare another sheet or range: parse: {sheet: NAME}, or collect again when the source has data",
        )

    @property
    def _place(self) -> str:
        return f"sheet {self.name!r} of {self.part.name}"

    def _has_values(self, number: int, row: Sequence[str | None], width: int) -> bool:
        """Whether a row is a record.

        Raises:
            CollectError: it has cells beyond the header.
        """
        beyond = next((at for at in range(width, len(row)) if row[at]), None)
        if beyond is not None:
            raise CollectError(
                f"cell {_letters(beyond + self.area.left)}{number + 1} of {self._place} is outside the table: "
                f"{row[beyond]!r:.60}",
                cause=f"the header has {counted(width, 'column')}",
                remedy="give the column a name, move what is beside the table to another sheet, or correct parse.skip",
            )
        return any(cell is not None for cell in row)

    def _rows(self) -> Iterator[tuple[int, list[str | None]]]:
        """The rows of the range with their number in the sheet, from 0, and their cells from its first column."""
        fill = self._options.merged == "fill"
        for number, cells in self._cells():
            if self.area.bottom is not None and number > self.area.bottom:
                return
            own = self.area.of_row(number, cells)
            # a row that only merged cells reach has no values of its own, and is no record
            yield number, self._spanned(number, own) if fill and any(own) else own

    def _cells(self) -> Iterator[tuple[int, list[str | None]]]:
        """All rows with their number, from 0, and their cells from column A."""
        margin: list[str | None] = [None] * self._first_column
        try:
            for number, row in enumerate(self._sheet.iter_rows()):
                cells = margin + [_text(value) for value in row]
                for at, error in self._errors.get(number, {}).items():
                    cells += [None] * (at + 1 - len(cells))
                    cells[at] = error
                yield number, cells
        except (ValueError, OverflowError) as error:
            raise _damaged(self.part, error) from error

    def _merged_cells(self) -> Mapping[int, list[tuple[int, int, str]]]:
        """For each row, the first and last column of merged cells, from 0, and their value."""
        if self._options.merged == "first" and self._options.header_rows == 1:
            return {}
        merged = list(self._sheet.merged_cell_ranges or ())
        first = {top for (top, _), _ in merged}
        values = {(number, at): cell for number, row in self._cells() if number in first for at, cell in enumerate(row)}
        found: dict[int, list[tuple[int, int, str]]] = {}
        for (top, left), (bottom, right) in merged:
            value = values.get((top, left))
            if value is None:
                continue
            for row in range(top, bottom + 1):
                found.setdefault(row, []).append((left, right, value))
        return found

    def _spanned(self, number: int, row: list[str | None]) -> list[str | None]:
        """A row of the range in which merged cells have their value in all of their cells."""
        filled = list(row)
        for left, right, value in self._merged.get(number, ()):
            for at in range(left, right + 1):
                if self.area.has(number, at):
                    filled += [None] * (at - self.area.left + 1 - len(filled))
                    filled[at - self.area.left] = value
        return filled


def _names(rows: Sequence[Sequence[str | None]], area: Area) -> tuple[str, ...]:
    """The names of the columns: the texts of header rows above each other, each once."""
    width = max((at + 1 for row in rows for at, cell in enumerate(row) if cell), default=0)
    width = width if area.right is None else area.right + 1 - area.left
    above = ([row[at] for row in rows if at < len(row) and row[at]] for at in range(width))
    return tuple(" ".join(cell for cell in dict.fromkeys(cells) if cell) for cells in above)


def _seekable(part: PayloadPart, number: int, context: ReadContext) -> Path:
    if part.plain is not None:
        return part.plain
    target = context.scratch / f"workbook-{number}.xlsx"
    with part.open() as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, BUFFER)
    return target


def _opened(file: Path, part: PayloadPart) -> Any:
    import python_calamine

    with file.open("rb") as stream:
        head = stream.read(512)
    if not head.startswith(b"PK\x03\x04"):
        kind = kind_of(head)
        raise CollectError(
            f"{part.name} is {kind.name if kind else 'not an Excel workbook'}",
            cause="parse.format of the dataset is xlsx",
            remedy=kind.remedy if kind else "correct parse.format",
        )
    try:
        return python_calamine.CalamineWorkbook.from_path(str(file))
    except Exception as error:
        raise _damaged(part, error) from error


def _chosen(workbook: Any, part: PayloadPart, options: XlsxOptions) -> str:
    """The name of the sheet to read."""
    names = cast("list[str]", workbook.sheet_names)
    if options.sheet is not None:
        if options.sheet in names:
            return options.sheet
        raise CollectError(
            f"{part.name} has no sheet {options.sheet!r}",
            cause=f"its sheets are {shortened(names)}",
            remedy="correct parse.sheet",
        )
    filled = [name for name in names if _is_filled(workbook, name)]
    if len(filled) > 1:
        raise CollectError(
            f"{part.name} has {len(filled)} sheets with cells",
            cause=f"they are {shortened(filled)}, and parse.sheet does not say which one has the records",
            remedy=f"declare it, for example parse: {{format: xlsx, sheet: {filled[0]}}}",
        )
    return filled[0] if filled else names[0]


def _is_filled(workbook: Any, name: str) -> bool:
    try:
        return workbook.get_sheet_by_name(name).start is not None
    except Exception:  # a chart has no cells
        return False


def _errors_in(file: Path, part: PayloadPart, sheet: str, area: Area) -> Mapping[int, Mapping[int, str]]:
    """The cells of a range with an error, by row and column from 0; calamine gives them as empty cells.

    Raises:
        CollectError: a formula has no value, or the XML expands too far.
    """
    errors: dict[int, dict[int, str]] = {}
    without: list[str] = []
    try:
        with zipfile.ZipFile(file) as archive:
            entry = archive.getinfo(path_of_sheet(archive, sheet))
            expansion = Expansion(part.name, max(1, file.stat().st_size), SizeLimits())
            with limit_expansion(cast("Any", archive.open(entry)), expansion) as stream:
                for attributes, content in _cells(stream):
                    found = _PLACE.search(attributes)
                    if found is None:
                        continue
                    number, at = int(found.group(2)) - 1, column_number(found.group(1).decode())
                    if not area.has(number, at):
                        continue
                    value = _VALUE.search(content)
                    if _IS_ERROR.search(attributes) and value:
                        errors.setdefault(number, {})[at] = value.group(1).decode()
                    elif value is None and _FORMULA.search(content) and b't="str"' not in attributes:
                        without.append((found.group(1) + found.group(2)).decode())
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError) as error:
        raise _damaged(part, error) from error
    if without:
        raise CollectError(
            f"sheet {sheet!r} of {part.name} has {counted(len(without), 'formula')} without a value",
            cause=f"a program wrote the workbook without computing them: {shortened(without)}",
            remedy="open the workbook in a spreadsheet program and save it, or have the source write values",
        )
    return errors


def _cells(stream: Any) -> Iterator[tuple[bytes, bytes]]:
    """Attributes and content of the cells that have an error or a formula."""
    left = b""
    while block := stream.read(BUFFER):
        text = left + block
        end = max(text.rfind(b"</c>"), text.rfind(b":c>"), text.rfind(b"</row>"), text.rfind(b":row>"))
        left = text[end:] if end >= 0 else text[-_LONGEST_CELL:]
        if b't="e"' not in text and not _FORMULA.search(text):
            continue
        # an empty cell has no end tag, and would be read as the beginning of the next cell
        yield from ((m.group(1), m.group(2)) for m in _CELL.finditer(_EMPTY.sub(b"", text[: max(end, 0) + 4])))


_EMPTY: Final = re.compile(rb"<(?:\w+:)?c\b[^>]*/>")


def path_of_sheet(archive: zipfile.ZipFile, sheet: str) -> str:
    """The member of the archive with the XML of a sheet."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - expat limits what entities expand to
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    sheets = [one for one in book.findall(".//{*}sheet") if one.get("name") == sheet]
    ids = [one.get(_RELATION) or one.get(_STRICT_RELATION) for one in sheets]
    targets = [one.get("Target", "") for one in relations if one.get("Id") in ids]
    if not targets:
        raise KeyError(f"xl/workbook.xml does not say where the sheet {sheet!r} is")
    target = targets[0]
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)


def _text(value: Any) -> str | None:
    """The text of a value; None for an empty cell."""
    match value:
        case "":
            return None
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float() | int():
            return str(int(value)) if value == int(value) and abs(value) < _INTEGER else repr(value)
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            seconds = round(value.total_seconds(), 6)
            minutes, rest = divmod(abs(seconds), 60)
            whole = f"{'-' if seconds < 0 else ''}{int(minutes // 60)}:{int(minutes % 60):02}:{int(rest):02}"
            return whole + (f"{rest % 1:.6f}"[1:].rstrip("0") if rest % 1 else "")
    raise TypeError(f"no text for {type(value).__name__}")


def _letters(column: int) -> str:
    """The letters of a column, from 0."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _damaged(part: PayloadPart, error: Exception) -> CollectError:
    return CollectError(
        f"{part.name} cannot be read as an Excel workbook",
        cause=f"{type(error).__name__}: {error}".splitlines()[0],
        remedy="open it in a spreadsheet program and save it as .xlsx; if it cannot be opened, collect it again",
    )
