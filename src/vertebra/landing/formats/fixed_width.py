"""Fixed-width text: fields at the same positions in each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.landing.parsing.fixed_width_layout import FixedWidthOptions
from vertebra.landing.parsing.format import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.landing.parsing.records import ReadContext, Records
    from vertebra.landing.payload import PayloadPart


class FixedWidthFormat(Format):
    """``format: fixed_width``: one record a line, cut at declared positions or below a line of dashes."""

    name = "fixed_width"
    declaration = FixedWidthOptions
    endings = (".fwf", ".txt", ".dat", ".prn")
    empty_file_is_valid = True
    example = """\
source: observatory
collect: {from: files, path: "drop/*.txt"}
parse: {format: fixed_width, fields: {station: 1-6, name: 8-30, height: 31-36}, skip: 1, "null": ["-999"]}
columns: {station: string, name: string, height: double}
"""

    def read(self, parts: Sequence[PayloadPart], context: ReadContext) -> Records:
        """Read fixed-width text; see :func:`vertebra.landing.parsing.fixed_width_reader.read_fixed_width`."""
        from vertebra.landing.parsing.fixed_width_reader import read_fixed_width

        return read_fixed_width(parts, context)

    def cut(self, part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
        """Copy a part without some records; see :func:`vertebra.landing.erasure.cut_text.cut_fixed_width`."""
        from vertebra.landing.erasure.cut_text import cut_fixed_width

        cut_fixed_width(part, dropped, sink, context)


FORMAT: Final = FixedWidthFormat()
