"""The options of Excel workbooks."""

from __future__ import annotations

from pydantic import Field

from vertebra.declare.declaration import Flag
from vertebra.declare.parse import ParseOptions


class XlsxOptions(ParseOptions):
    """Where the table is in a workbook.

    Attributes:
        sheet: name of the sheet; need not be declared if only one sheet has cells.
        header: whether the first row has the names of the columns.
        names: names of the columns of a sheet without header; ``c0``, ``c1``… unless declared.
        skip: number of rows before the header.
    """

    sheet: str | None = Field(default=None, min_length=1)
    header: Flag = True
    names: tuple[str, ...] = ()
    skip: int = Field(default=0, ge=0)
