"""How a CSV text is written: as declared, or by the delimiter that cuts its first records into equally many cells."""

from __future__ import annotations

import csv
import io
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from vertebra.declare.declaration import Flag
from vertebra.declare.parse import TextOptions


class CsvOptions(TextOptions):
    """How CSV is written.

    Attributes:
        delimiter: what stands between cells; detected from the first records unless declared.
        quote: what stands around a quoted cell; empty if cells are not quoted.
        escape: what stands before a character that is meant as it is; none unless declared.
        header: whether the first line has the names of the columns.
        names: names of the columns of a file without header; ``c0``, ``c1``… unless declared.
        skip: number of lines before the header.
        comment: what lines begin with that are no records.
        ragged: what becomes of records with too few or too many cells: they are kept in full and marked, with NULL in
            every column (``keep``); cells that lack at the end become NULL and blank ones beyond the header are dropped
            (``fill``); or the batch is refused (``refuse``).
    """

    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    escape: str | None = Field(default=None, min_length=1, max_length=1)
    header: Flag = True
    names: tuple[str, ...] = ()
    skip: int = Field(default=0, ge=0)
    comment: str | None = Field(default=None, min_length=1)
    ragged: Literal["keep", "fill", "refuse"] = "keep"
    blank_is_null: ClassVar[bool] = True


DELIMITERS: Final = (",", ";", "\t", "|")
"""Delimiters that are detected; of several that fit equally well the first is used."""

_RECORDS: Final = 200
_LEAST: Final = 0.5


def csv_options(parse: CsvOptions, delimiter: str) -> dict[str, Any]:
    """The declared quoting as arguments of Python's csv module."""
    options: dict[str, Any] = {"delimiter": delimiter, "escapechar": parse.escape}
    return options | ({"quotechar": parse.quote} if parse.quote else {"quoting": csv.QUOTE_NONE, "quotechar": None})


def delimiter_of(beginning: str, whole: bool, parse: CsvOptions) -> str:
    """The delimiter: the declared one, or the one that fits the first records best.

    It splits the first record into at least two cells, and most other records into the same number of cells; of several
    such delimiters the one with more cells is used. Delimiters next to quotes are preferred. If none fits, the text has
    one column, and the delimiter is the comma.

    Args:
        beginning: the first records of the text.
        whole: whether that is the whole text; otherwise its last record may be cut off.
    """
    if parse.delimiter is not None:
        return parse.delimiter
    for strict in (True, False):
        fits = {delimiter: _fit(beginning, whole, parse, delimiter, strict) for delimiter in DELIMITERS}
        best = max(DELIMITERS, key=lambda delimiter: fits[delimiter])
        if fits[best] > (_LEAST, 1):
            return best
    return DELIMITERS[0]


def _fit(beginning: str, whole: bool, parse: CsvOptions, delimiter: str, strict: bool) -> tuple[float, int]:
    """The share of records with as many cells as the first one, and that number of cells.

    Args:
        strict: whether a quoted cell must end at a delimiter or the end of the line.
    """
    if delimiter not in beginning:
        return 0.0, 0
    widths: list[int] = []
    options = csv_options(parse, delimiter)
    try:
        for cells in csv.reader(io.StringIO(beginning, newline=""), strict=strict, **options):
            if cells:
                widths.append(len(cells))
            if len(widths) > _RECORDS:
                break
    except csv.Error as error:
        # the beginning of a text may end inside a quoted cell
        if "end of data" not in str(error) or whole:
            return 0.0, 0
    if not whole and 1 < len(widths) <= _RECORDS:
        del widths[-1]
    if not widths or widths[0] < 2:
        return 0.0, 0
    return sum(width == widths[0] for width in widths) / len(widths), widths[0]
