"""The options of Excel workbooks, and the range of cells that they declare."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from pydantic import Field, field_validator

from vertebra.declare.declaration import Flag
from vertebra.declare.parse import ParseOptions

_RANGE: Final = re.compile(r"\$?([A-Z]{1,3})\$?([1-9]\d*)?:\$?([A-Z]{1,3})\$?([1-9]\d*)?", re.IGNORECASE)


class XlsxOptions(ParseOptions):
    """Where the table is in a workbook.

    Attributes:
        sheet: name of the sheet; need not be declared if only one sheet has cells.
        range: the cells of the table, such as ``B3:F200``, or ``B3:F`` for all rows from the third; cells outside of
            it are ignored. All cells of the sheet unless declared.
        header: whether the first row has the names of the columns.
        header_rows: number of rows with the names of the columns. The texts above each other are one name, ``2024 Q1``,
            and a merged cell counts for all columns that it spans.
        names: names of the columns of a sheet without header; ``c0``, ``c1``… unless declared.
        skip: number of rows before the header.
        merged: whether a merged cell of data has its value in the ``first`` of its cells, or ``fill``s all of them.
    """

    sheet: str | None = Field(default=None, min_length=1)
    range: str | None = None
    header: Flag = True
    header_rows: int = Field(default=1, ge=1, le=20)
    names: tuple[str, ...] = ()
    skip: int = Field(default=0, ge=0)
    merged: Literal["first", "fill"] = "first"
    later: ClassVar[tuple[str, ...]] = ("range", "header_rows", "merged")

    @field_validator("range")
    @classmethod
    def _cells(cls, value: str | None) -> str | None:
        if value is not None:
            Area.parse(value)
        return value

    @property
    def area(self) -> Area:
        """The cells that are read."""
        return Area() if self.range is None else Area.parse(self.range)


@dataclass(frozen=True)
class Area:
    """A range of cells; rows and columns count from 0.

    Attributes:
        top, left: of the first cell.
        bottom, right: of the last cell; None for no limit.
    """

    top: int = 0
    left: int = 0
    bottom: int | None = None
    right: int | None = None

    @classmethod
    def parse(cls, text: str) -> Area:
        """Read ``B3:F200``, ``B3:F`` or ``B:F``.

        Raises:
            ValueError: it is no range.
        """
        found = _RANGE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not a range of cells; write B3:F200, or B3:F for all rows from the third")
        left, top, right, bottom = found.groups()
        area = cls(
            int(top or 1) - 1,
            column_number(left),
            int(bottom) - 1 if bottom is not None else None,
            column_number(right),
        )
        if (area.right or 0) < area.left or (area.bottom is not None and area.bottom < area.top):
            raise ValueError(f"the range {text} ends before it begins; write the upper left cell first, as in B3:F200")
        return area

    def has(self, row: int, column: int) -> bool:
        """Whether a cell is in it."""
        if row < self.top or column < self.left:
            return False
        return (self.bottom is None or row <= self.bottom) and (self.right is None or column <= self.right)

    def of_row(self, row: int, cells: list[str | None]) -> list[str | None]:
        """The cells of a row that are in it, of those from column A."""
        if row < self.top or (self.bottom is not None and row > self.bottom):
            return []
        return cells[self.left : None if self.right is None else self.right + 1]


def column_number(letters: str) -> int:
    """The number of a column, from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1
