"""Records of a CSV part whose cells cannot be assigned to columns."""

from __future__ import annotations

import csv
import io
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from vertebra.landing.parsing.column_names import positions
from vertebra.landing.parsing.csv_dialect import csv_options
from vertebra.landing.parsing.csv_faults import CsvSource, mostly_ragged, open_quote
from vertebra.landing.parsing.csv_parser import parser_options
from vertebra.landing.parsing.csv_quotes import replace_misquoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


MISQUOTED_REASON: Final = "has text after a closing quote, so that its cells cannot be told apart"
"""The reason of a record with text after a closing quote, for ledgers."""


class RaggedRecords:
    """The records of a part whose cells cannot be told apart, and their positions among the others.

    They have too few or too many cells, or text after a closing quote.

    Args:
        nul: the replacement of the NUL character in the text.
        misquoted: what the replacement of a record with text after a closing quote begins with.
        width: number of cells that a record should have.

    Attributes:
        cut_off: whether the newest of them is the last record of the part and has too few cells.
    """

    def __init__(self, source: CsvSource, nul: str, misquoted: str, width: int) -> None:
        self.cut_off = False
        self._source = source
        self._nul = nul
        self._mark = misquoted
        self._width = width
        self._waiting: deque[tuple[int, int, str]] = deque()
        self._aside: deque[str] = deque()
        self._kept = 0
        self._filled = 0
        self._misquoted = 0

    def set_aside(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The text with a record of the wrong width in place of each that has text after a closing quote."""
        parse, delimiter = self._source.parse, self._source.delimiter
        # two cells in a text with one column, one cell in others
        replacement = (self._mark + delimiter * (self._width == 1) + "\n").encode()

        def replaced(record: bytes) -> bytes:
            self._aside.append(record.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n").decode())
            return replacement

        return replace_misquoted(blocks, parse, delimiter, replaced)

    def take(self, row: pc.InvalidRow) -> str:
        """Keep a record; called by the parser."""
        is_aside = row.text.startswith(self._mark)
        # a record that was replaced is not cut off, whatever the width of the replacement
        self._waiting.append((row.number - 1, self._width if is_aside else row.actual_columns, row.text))
        return "skip"

    def among(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """All records in the order of the text, with two more columns: the text of ragged records, and the reason."""
        place = 0
        for batch in batches:
            rows = batch.num_rows
            mine: list[tuple[int, int, str]] = []
            while self._waiting and self._waiting[0][0] - place <= rows + len(mine):
                mine.append(self._waiting.popleft())
            whole = batch.append_column("ragged", pa.nulls(rows, pa.string()))
            whole = whole.append_column("reason", pa.nulls(rows, pa.string()))
            if mine:
                slots = np.array([number - place for number, _, _ in mine])
                # the text's last record is the one before the end mark
                self.cut_off = bool(slots[-1] == rows + len(mine) - 2) and mine[-1][1] < self._width
                order = np.empty(rows + len(mine), np.int64)
                is_mine = np.zeros(len(order), bool)
                is_mine[slots] = True
                order[is_mine] = np.arange(rows, len(order))
                order[~is_mine] = np.arange(rows)
                records = [self._record(text) for _, _, text in mine]
                both = pa.Table.from_batches([whole, pa.RecordBatch.from_pylist(records, whole.schema)])
                whole = both.take(pa.array(order)).combine_chunks().to_batches()[0]
            elif rows > 1:
                self.cut_off = False
            place += rows + len(mine)
            yield whole
        if self._waiting:
            raise open_quote(self._source)

    def count_in(self, notes: dict[str, Any], records: int) -> None:
        """Add the numbers of ragged, filled and misquoted records to the notes.

        Raises:
            CollectError: most records of the part are ragged.
        """
        if self._kept * 2 > records:
            raise mostly_ragged(self._source, self._kept, records, self._width)
        for name, number in (("ragged", self._kept), ("filled", self._filled), ("misquoted", self._misquoted)):
            if number:
                notes[name] = notes.get(name, 0) + number

    def _record(self, text: str) -> dict[str, str | None]:
        if text.startswith(self._mark):
            self._misquoted += 1
            return {"ragged": self._aside.popleft(), "reason": MISQUOTED_REASON}
        cells = self._cells(text) if self._source.parse.ragged == "fill" else None
        if cells is None or any((cell or "").strip() for cell in cells[self._width :]):
            self._kept += 1
            return {"ragged": text}
        self._filled += 1
        return dict(zip(positions(self._width), cells, strict=False))

    def _cells(self, text: str) -> list[str | None] | None:
        options = csv_options(self._source.parse, self._source.delimiter)
        try:
            width = len(next(csv.reader(io.StringIO(text.replace(self._nul, "\x00"), newline=""), **options)))
            record = pa.BufferReader(text.encode())
            how = parser_options(self._source, width)
            read = pc.read_csv(record, pc.ReadOptions(column_names=list(positions(width))), *how)
        except (csv.Error, pa.ArrowInvalid):
            return None
        return list(read.to_pylist()[0].values()) if read.num_rows == 1 else None
