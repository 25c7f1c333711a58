"""CSV: every cell exactly as written, without quotes; an empty cell without quotes is NULL."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.landing.parsing.csv_dialect import CsvOptions
from vertebra.landing.parsing.format import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.landing.parsing.records import ReadContext, Records
    from vertebra.landing.payload import PayloadPart


class CsvFormat(Format):
    """``format: csv``: text with one record a line, of any usual delimiter, quoting and encoding."""

    name = "csv"
    version = 4
    declaration = CsvOptions
    endings = (".csv", ".tsv", ".txt", ".dat")
    example = """\
source: shop
collect: {from: files, path: "drop/*.txt"}
parse: {format: csv, delimiter: ";", encoding: windows-1252, skip: 2, ragged: refuse, "null": [NA, "-"]}
columns: {id: int, city: string}
"""

    def read(self, parts: Sequence[PayloadPart], context: ReadContext) -> Records:
        """Read CSV; see :func:`vertebra.landing.parsing.csv_reader.read_csv`."""
        from vertebra.landing.parsing.csv_reader import read_csv

        return read_csv(parts, context)

    def cut(self, part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
        """Copy a part without some records; see :func:`vertebra.landing.erasure.cut_text.cut_csv`."""
        from vertebra.landing.erasure.cut_text import cut_csv

        cut_csv(part, dropped, sink, context)


FORMAT: Final = CsvFormat()
