"""Excel workbooks: the cells of one sheet as canonical text."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.landing.parsing.format import Format
from vertebra.landing.parsing.workbook_options import XlsxOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.landing.parsing.records import ReadContext, Records
    from vertebra.landing.payload import PayloadPart


class XlsxFormat(Format):
    """``format: xlsx``: rows of a sheet; formulas have the values that were computed when the workbook was saved."""

    name = "xlsx"
    declaration = XlsxOptions
    endings = (".xlsx", ".xlsm")
    content = "binary"
    signature = b"PK\x03\x04"
    example = """\
source: office
collect: {from: files, path: "drop/*.xlsx"}
parse: {format: xlsx, sheet: Sales, skip: 2}
columns: {shop: string, sold_on: date, amount: double}
"""

    def read(self, parts: Sequence[PayloadPart], context: ReadContext) -> Records:
        """Read workbooks; see :func:`vertebra.landing.parsing.workbook.read_workbooks`."""
        from vertebra.landing.parsing.workbook import read_workbooks

        return read_workbooks(parts, context, context.declared(XlsxOptions))

    def cut(self, part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
        """Copy a workbook without some records; see :func:`vertebra.landing.erasure.cut_workbook.cut_workbook`."""
        from vertebra.landing.erasure.cut_workbook import cut_workbook

        cut_workbook(part, dropped, sink, context, context.declared(XlsxOptions))


FORMAT: Final = XlsxFormat()
