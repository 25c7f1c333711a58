"""Reads fixed-width text: each line is cut at the positions of the fields, and cells lose the blanks that fill them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.parsing.column_names import renamed, unique_names
from vertebra.landing.parsing.csv_text import TextFile
from vertebra.landing.parsing.detection import encoding_of
from vertebra.landing.parsing.encoding import Encoding, decoded, encoding_notes, undecodable
from vertebra.landing.parsing.fixed_width_layout import FixedWidthOptions, Layout, Span, declared_spans, ruled_layout
from vertebra.landing.parsing.other_kinds import refuse_other_kinds
from vertebra.landing.parsing.records import (
    RaggedRecordError,
    ReadContext,
    Records,
    refuse_other_columns,
    refuse_page,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from vertebra.landing.payload import PayloadPart

_BLOCK: Final = 1 << 20
_LONGEST_LINE: Final = 1 << 20
"""Characters of the longest line; a longer one means that lines do not end where records do."""

OUTSIDE_REASON: Final = "has text outside of the fields"
"""The reason of a record with text between or after its fields, for ledgers."""

TAB_REASON: Final = "has a tab, so that positions cannot be counted"
"""The reason of a record with a tab, for ledgers."""

SPLIT_REASON: Final = "has a character of several bytes across the end of a field"
"""The reason of a record whose fields, counted in bytes, end within a character, for ledgers."""


def read_fixed_width(parts: Sequence[PayloadPart], context: ReadContext) -> Records:
    """Read fixed-width parts as one sequence of records.

    Blank lines are ignored, and a line that ends early has NULL in the columns that it does not reach, because many
    programs drop blanks at the end of lines. If ``parse.ragged`` keeps a line with text outside of the fields, the
    record has NULL in every column and its text in an additional column.

    Raises:
        RaggedRecordError: there is a line with text outside of the fields, or with a tab, and ``context`` does not
            expect it.
        CollectError: a part is empty, has no ruler although no fields are declared, does not decode, is cut off, has
            other columns than the first, or has lines with text outside of the fields where they are refused or are
            the most.
    """
    options = context.declared(FixedWidthOptions)
    tables = []
    for part in parts:
        refuse_page(part)
        refuse_other_kinds(part, options.format)
        encoding = encoding_of(part, options.encoding, context.guessed)
        tables.append(_Table(part, encoding, layout_of(part, encoding, options), options))
        refuse_other_columns(parts[0], tables[0].layout.names, part, tables[-1].layout.names)
    names = tables[0].layout.names
    columns = unique_names(names)
    notes: dict[str, Any] = encoding_notes([table.encoding for table in tables]) | {
        "detected": ["encoding"] if options.encoding is None else [],
        "renamed": renamed(names, columns),
        "positions": list(map(str, tables[0].layout.spans)),
    }
    return Records(columns, _batches(tables, context, notes), notes, context.ragged)


def layout_of(part: PayloadPart, encoding: Encoding, options: FixedWidthOptions) -> Layout:
    """Where the records and fields of a part are.

    Raises:
        CollectError: no fields are declared, and no line of the part shows them.
    """
    if options.fields is not None:
        return Layout(tuple(options.fields), declared_spans(options.fields), options.skip)
    lines = (line for _, line, _ in _lines(part, encoding))
    found = ruled_layout(lines, options.skip, options.comment)
    if found is None:
        first = next((line for _, line, _ in _lines(part, encoding) if line.strip()), None)
        if first is None:
            raise _empty(part)
        raise CollectError(
            f"{part.name} has no line of dashes that shows where its columns are",
            cause=f"parse.fields is not declared; the text begins with {first[:80]!r}",
            remedy="declare the positions, for example parse: {fields: {id: 1-6, name: 7-30}}",
        )
    between = next((line for line in found.header if _outside(line, found)), None)
    if between is not None:
        raise CollectError(
            f"the header of {part.name} does not fit its line of dashes",
            cause=f"{between[:80]!r} has text between the columns that the dashes show",
            remedy="declare the positions, for example parse: {fields: {id: 1-6, name: 7-30}, skip: "
            f"{found.before}}}; or, if lines come before the header, parse.skip",
        )
    return found


def _batches(tables: Sequence[_Table], context: ReadContext, notes: dict[str, Any]) -> Iterator[pa.RecordBatch]:
    empty = True
    for table in tables:
        for batch in table.batches(context, notes):
            empty = False
            yield batch
    if empty and tables[0].layout.ruler is None and not context.empty:
        raise _empty(tables[0].part)


def _outside(line: str, layout: Layout) -> bool:
    """Whether a line has text outside of the fields."""
    return any(line[gap.start : gap.stop].strip(layout.outside) for gap in layout.gaps)


@dataclass(frozen=True)
class _Table:
    """The records of one part."""

    part: PayloadPart
    encoding: Encoding
    layout: Layout
    options: FixedWidthOptions

    def batches(self, context: ReadContext, notes: dict[str, Any]) -> Iterator[pa.RecordBatch]:
        """The records, block by block."""
        records = ragged = 0
        first: tuple[int, str, str] | None = None
        for numbers, lines in self._blocks():
            if self.options.tabs is not None:
                lines = [line.expandtabs(self.options.tabs) if "\t" in line else line for line in lines]
            cells, reasons = self._cut(lines)
            misplaced = [(place, reason) for place, reason in enumerate(reasons) if reason is not None]
            if misplaced and first is None:
                place, reason = misplaced[0]
                first = (numbers[place], lines[place], str(reason))
            if misplaced and self.options.ragged == "refuse" and first is not None:
                raise self._refused(first)
            if misplaced and not context.ragged:
                raise RaggedRecordError
            records += len(lines)
            ragged += len(misplaced)
            yield _batch(cells, lines, reasons, ragged=context.ragged)
        if first is not None and ragged * 2 > records:
            raise self._mostly(first, ragged, records)
        if ragged:
            notes["out_of_place"] = notes.get("out_of_place", 0) + ragged

    def _blocks(self) -> Iterator[tuple[list[int], list[str]]]:
        """The records of blocks of text, with the numbers of their lines.

        Raises:
            CollectError: the last line is cut off, or a line repeats the header.
        """
        layout, comment = self.layout, self.options.comment
        numbers: list[int] = []
        lines: list[str] = []
        size = 0
        widths: set[int] = set()
        for number, line, ended in _lines(self.part, self.encoding):
            if number <= layout.before or not layout.is_record(line, comment):
                continue
            if line in layout.header:
                raise self._again(number)
            if not ended and len(widths) == 1 and len(line) < min(widths):
                raise self._cut_off(number, line, min(widths))
            if len(widths) < 2:
                widths.add(len(line))
            numbers.append(number)
            lines.append(line)
            size += len(line)
            if size >= _BLOCK:
                yield numbers, lines
                numbers, lines, size = [], [], 0
        if lines:
            yield numbers, lines

    def _cut(self, lines: Sequence[str]) -> tuple[list[pa.Array], list[str | None]]:
        """The cells of lines by column, and why the cells of a line cannot be told; None for most."""
        if self.options.positions == "bytes" and not all(map(str.isascii, lines)):
            return self._cut_bytes(lines)
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = pa.array(lines, pa.string())
        cells = [_cell(_slice(texts, span)) for span in self.layout.spans]
        rests = [pc.utf8_trim(_slice(texts, gap), self.layout.outside) for gap in self.layout.gaps]
        outside = pa.array([False] * len(lines))
        for rest in rests:
            outside = pc.or_(outside, pc.not_equal(rest, ""))
        tabs = pc.match_substring(texts, "\t")
        if not pc.any(outside).as_py() and not pc.any(tabs).as_py():
            return cells, [None] * len(lines)
        reasons = pc.if_else(tabs, TAB_REASON, pc.if_else(outside, OUTSIDE_REASON, pa.scalar(None, pa.string())))
        return cells, reasons.to_pylist()

    def _cut_bytes(self, lines: Sequence[str]) -> tuple[list[pa.Array], list[str | None]]:
        """As :meth:`_cut`, with positions in bytes of the text's encoding."""
        import pyarrow as pa

        codec = "utf-8" if self.encoding.is_utf8 or self.encoding.fallbacks else self.encoding.codec
        columns: list[list[str | None]] = [[] for _ in self.layout.spans]
        reasons: list[str | None] = []
        for line in lines:
            raw = line.encode(codec)
            try:
                cells = [raw[span.start : span.stop].decode(codec).strip(" ") or None for span in self.layout.spans]
                rest = any(
                    raw[gap.start : gap.stop].decode(codec).strip(self.layout.outside) for gap in self.layout.gaps
                )
                reason = TAB_REASON if "\t" in line else OUTSIDE_REASON if rest else None
            except UnicodeDecodeError:
                cells, reason = [None] * len(columns), SPLIT_REASON
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
            reasons.append(reason)
        return [pa.array(column, pa.string()) for column in columns], reasons

    def _refused(self, first: tuple[int, str, str]) -> CollectError:
        number, line, reason = first
        return CollectError(
            f"line {number:,} of {self.part.name} {reason}: {line[:120]!r}",
            cause=f"the fields are at {', '.join(map(str, self.layout.spans))}, and parse.ragged is refuse",
            remedy=self._remedy(reason),
        )

    def _mostly(self, first: tuple[int, str, str], ragged: int, records: int) -> CollectError:
        number, line, reason = first
        return CollectError(
            f"{self.part.name}: {ragged:,} of {counted(records, 'line')} cannot be cut into fields; the first is "
            f"line {number:,}: {line[:120]!r}",
            cause=f"it {reason}; the fields are at {', '.join(map(str, self.layout.spans))}",
            remedy=self._remedy(reason),
        )

    def _remedy(self, reason: str) -> str:
        if reason == TAB_REASON:
            return "declare how far apart tab stops are, for example parse: {tabs: 8}; or declare parse: {format: csv}"
        if self.options.positions == "characters" and reason == OUTSIDE_REASON and not self.encoding.is_wider_ascii:
            return "correct parse.fields or parse.skip; if the source counts bytes, declare parse: {positions: bytes}"
        return "correct parse.fields or parse.skip"

    def _again(self, number: int) -> CollectError:
        return CollectError(
            f"line {number:,} of {self.part.name} repeats the header",
            cause="the text is printed page by page, and what stands between the pages would become records",
            remedy="ask the source for a file without page breaks, or declare parse.fields with parse.comment for "
            "the lines of headers",
        )

    def _cut_off(self, number: int, line: str, width: int) -> CollectError:
        return CollectError(
            f"{self.part.name} is cut off in line {number:,}",
            cause=f"all other lines have {counted(width, 'character')}, the last has {len(line):,} and no line end",
            remedy="collect it again; if it happens again, ask the source",
        )


def _lines(part: PayloadPart, encoding: Encoding) -> Iterator[tuple[int, str, bool]]:
    """The lines of a part: number, from 1, text without line end, and whether it had a line end.

    Raises:
        CollectError: a line is too long, or the text does not decode.
    """
    number, left = 0, ""
    try:
        with part.open() as raw:
            blocks = TextFile(decoded(raw, encoding))
            text = io.TextIOWrapper(cast("Any", blocks), "utf-8-sig", "strict", newline=None)
            while block := text.read(_BLOCK):
                *whole, left = (left + block).split("\n")
                for line in whole:
                    number += 1
                    yield number, line, True
                if len(left) > _LONGEST_LINE:
                    raise CollectError(
                        f"line {number + 1:,} of {part.name} has more than {_LONGEST_LINE >> 20} million characters",
                        cause="a record is a line; records without line ends are not read",
                        remedy="correct parse.format, or ask the source for line ends",
                    )
    except UnicodeDecodeError as error:
        raise undecodable(part, encoding) from error
    if left:
        yield number + 1, left, False


def _slice(texts: pa.Array, span: Span) -> pa.Array:
    import pyarrow.compute as pc

    return pc.utf8_slice_codeunits(texts, span.start, span.stop)


def _cell(texts: pa.Array) -> pa.Array:
    """Texts without the blanks around them; NULL where nothing is left."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim(texts, " ")
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _batch(
    cells: Sequence[pa.Array], lines: Sequence[str], reasons: Sequence[str | None], *, ragged: bool
) -> pa.RecordBatch:
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [f"c{place}" for place in range(len(cells))]
    if not ragged:
        return pa.RecordBatch.from_arrays(list(cells), names=names)
    why = pa.array(reasons, pa.string())
    misplaced = pc.is_valid(why)
    kept = [pc.if_else(misplaced, pa.scalar(None, pa.string()), column) for column in cells]
    texts = pc.if_else(misplaced, pa.array(lines, pa.string()), pa.scalar(None, pa.string()))
    return pa.RecordBatch.from_arrays([*kept, texts, why], names=[*names, "ragged", "reason"])


def _empty(part: PayloadPart) -> CollectError:
    return CollectError(
        f"{part.name} has no records",
        cause="it has no line with anything in it",
        remedy="collect again when the source has data; if it is right, write collect: {empty: accept}",
    )
