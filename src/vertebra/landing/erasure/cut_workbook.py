"""Cuts records out of Excel workbooks: their rows and the texts that only they have; everything else stays as it is."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, BinaryIO, Final
from xml.sax.saxutils import escape

from vertebra.errors import CollectError
from vertebra.formatting import shortened
from vertebra.landing.parsing.workbook import Sheet, path_of_sheet
from vertebra.landing.parsing.workbook_options import Area, column_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from re import Match

    from vertebra.landing.parsing.records import ReadContext
    from vertebra.landing.parsing.workbook_options import XlsxOptions
    from vertebra.landing.payload import PayloadPart

_STRINGS: Final = "xl/sharedStrings.xml"
_CHAIN: Final = "xl/calcChain.xml"
_TYPES: Final = "[Content_Types].xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_COPIES: Final = re.compile(r"xl/(pivotCache|charts|revisions|externalLinks|model)/.*", re.IGNORECASE)
"""Parts that repeat cells, also as numbers in which nobody can be recognised."""

_WITH_TEXT: Final = (".xml", ".rels", ".vml")
_WITHOUT_CELLS: Final = ("xl/styles.xml", "xl/theme/")

_SHEET: Final = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_DATA: Final = re.compile(r"<(?:\w+:)?sheetData\b.*</(?:\w+:)?sheetData>", re.DOTALL)
_ROW: Final = re.compile(rb"<(?:\w+:)?row\b([^>]*?)(?:/>|>(?:(?!</(?:\w+:)?row>).)*</(?:\w+:)?row>)", re.DOTALL)
_CELL: Final = re.compile(rb"<(?:\w+:)?c\b([^>]*?)(?:/>|>(?:(?!</(?:\w+:)?c>).)*</(?:\w+:)?c>)", re.DOTALL)
_PLACE: Final = re.compile(rb'\br="([A-Z]{1,3})(\d+)"')
_NUMBER: Final = re.compile(rb'\br="(\d+)"')
_SHARED: Final = re.compile(rb'<(?:\w+:)?c\b[^>]*\bt="s"[^>]*>\s*<(?:\w+:)?v>\s*(\d+)\s*</')
_ITEM: Final = re.compile(rb"<((?:\w+:)?)si\b[^>]*?(?:/>|>(?:(?!</(?:\w+:)?si>).)*</(?:\w+:)?si>)", re.DOTALL)
_IN_CHAIN: Final = re.compile(rb'<(?:\w+:)?(?:Override|Relationship)\b[^>]*"[^"]*calcChain\.xml"[^>]*/>')
_NO_TEXT: Final = re.compile(r"[-+0-9.,:/ %]*")
_SHORTEST: Final = 4
"""Characters of the shortest text that is looked for in other parts; shorter ones are not about one person."""


def cut_workbook(
    part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext, options: XlsxOptions
) -> None:
    """Copy a workbook without some records.

    Their rows are removed, or the cells of a declared range in them, and the numbers of the others stay. Shared strings
    that no cell has any more are emptied.

    Raises:
        CollectError: another part of the workbook has texts that only these records have, or the key, or repeats cells.
    """
    sheet = Sheet(part, 0, context, options)
    unwanted = set(dropped)
    gone: set[int] = set()
    theirs: set[str] = set()
    others: set[str] = set()
    for ordinal, (number, cells) in enumerate(sheet.records()):
        is_dropped = ordinal in unwanted
        gone |= {number} if is_dropped else set()
        (theirs if is_dropped else others).update(cell for cell in cells if cell)
    texts = {text for text in theirs - others if len(text) >= _SHORTEST and not _NO_TEXT.fullmatch(text)}
    key = [text for text in context.key.values() if text]
    with zipfile.ZipFile(sheet.file) as source:
        _refuse_copies(source, part)
        _refuse_sheets(sheet, key)
        area = None if options.range is None else sheet.area
        changed = _changed(source, path_of_sheet(source, sheet.name), gone, area, part)
        texts |= {text for text in key if not _NO_TEXT.fullmatch(text)} - others
        _refuse_left(source, changed, texts, part)
        _write(source, changed, sink)


def _changed(
    source: zipfile.ZipFile, path: str, gone: Collection[int], area: Area | None, part: PayloadPart
) -> dict[str, bytes | None]:
    """The parts that change, by name; None for one that is left out.

    Args:
        gone: numbers of rows, from 0.
        area: the cells of these rows that are removed; None for all of them.
    """
    changed: dict[str, bytes | None] = {path: b"".join(_rows_left(source.read(path), gone, area, part))}
    names = source.namelist()
    if _STRINGS in names:
        sheets = [changed.get(name) or source.read(name) for name in names if _SHEET.fullmatch(name)]
        used = {int(found) for text in sheets for found in _SHARED.findall(text)}
        changed[_STRINGS] = _emptied(source.read(_STRINGS), used)
    if _CHAIN in names:  # lists the cells with formulas; programs make it again
        changed[_CHAIN] = None
        changed |= {name: _IN_CHAIN.sub(b"", source.read(name)) for name in (_TYPES, _RELATIONS)}
    return changed


def _rows_left(text: bytes, gone: Collection[int], area: Area | None, part: PayloadPart) -> Iterator[bytes]:
    at, number = 0, -1
    for row in _ROW.finditer(text):
        given = _NUMBER.search(row.group(1))
        number = int(given.group(1)) - 1 if given else number + 1
        if number in gone:
            yield text[at : row.start()]
            if area is not None:
                yield _cells_left(row.group(), area, part)
            at = row.end()
    yield text[at:]


def _cells_left(row: bytes, area: Area, part: PayloadPart) -> bytes:
    """A row without the cells of a range."""

    def left(cell: Match[bytes]) -> bytes:
        place = _PLACE.search(cell.group(1))
        if place is None:
            raise _refusal(f"{part.name} has cells without a place", "it is not known which of them are in parse.range")
        return b"" if area.has(int(place.group(2)) - 1, column_number(place.group(1).decode())) else cell.group()

    return _CELL.sub(left, row)


def _emptied(strings: bytes, used: Collection[int]) -> bytes:
    """Shared strings without the text of those that no cell has."""
    place = -1

    def emptied(item: Match[bytes]) -> bytes:
        nonlocal place
        place += 1
        prefix = item.group(1)
        return item.group() if place in used else b"<%bsi><%bt></%bt></%bsi>" % (prefix, prefix, prefix, prefix)

    return _ITEM.sub(emptied, strings)


def _refuse_copies(source: zipfile.ZipFile, part: PayloadPart) -> None:
    copies = sorted({found.group(1) for name in source.namelist() if (found := _COPIES.fullmatch(name))})
    if copies:
        raise _refusal(
            f"{part.name} has parts that may repeat its cells: {shortened(copies)}",
            "the records would stay in them, and Vertebra does not rewrite them",
        )


def _refuse_sheets(sheet: Sheet, key: Sequence[str]) -> None:
    for name, rows in sheet.others() if key else ():
        if any(set(key) <= {cell for cell in row if cell} for row in rows):
            raise _refusal(
                f"{sheet.part.name} has the sheet {name!r}, which contains the key and is not read",
                f"the records are those of the sheet {sheet.name!r}",
            )


def _refuse_left(
    source: zipfile.ZipFile, changed: Mapping[str, bytes | None], texts: Collection[str], part: PayloadPart
) -> None:
    """Check that no part of the new workbook has a text of the records."""
    if not texts:
        return
    any_text = "|".join(re.escape(escape(text)) for text in sorted(texts, key=len, reverse=True))
    cell, word = re.compile(rf"(?<=[>\"])\s*(?:{any_text})\s*(?=[<\"])"), re.compile(rf"(?<!\w)(?:{any_text})(?!\w)")
    for name in source.namelist():
        content = changed[name] if name in changed else source.read(name)
        if content is None or not name.lower().endswith(_WITH_TEXT) or name.startswith(_WITHOUT_CELLS):
            continue
        text = content.decode("utf-8", "replace")
        # a longer text of another record may have one of these as a word
        cells = text if name == _STRINGS else "".join(_DATA.findall(text)) if _SHEET.fullmatch(name) else ""
        if cell.search(cells) or (name != _STRINGS and word.search(_DATA.sub("", text))):
            raise _refusal(
                f"{part.name} has a text of the records in {name}, too",
                "it is in another sheet, a comment or a property of the workbook, which is not read",
            )


def _refusal(fact: str, cause: str) -> CollectError:
    return CollectError(fact, cause=cause, remedy="take the whole batch back")


def _write(source: zipfile.ZipFile, changed: Mapping[str, bytes | None], sink: BinaryIO) -> None:
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = changed[entry.filename] if entry.filename in changed else source.read(entry)
            if content is not None:
                new = zipfile.ZipInfo(entry.filename, entry.date_time)
                new.external_attr, new.compress_type = entry.external_attr, zipfile.ZIP_DEFLATED
                target.writestr(new, content)
