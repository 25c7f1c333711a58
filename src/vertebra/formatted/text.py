"""Text of cells, before it is cast: which surrounding blanks are removed, and which texts mean NULL.

A column of another type than ``string`` is parsed without surrounding blanks. A string keeps every character, unless
``trim`` is declared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.blanks import BLANKS

if TYPE_CHECKING:
    from pyspark.sql import Column

    from vertebra.declare.dataset import Column as Declaration
    from vertebra.declare.dataset import Dataset


@dataclass(frozen=True)
class CellText:
    """How the text of a column's cells is read, whatever its type.

    Attributes:
        trimmed: whether surrounding blanks are removed.
        markers: the texts, after trimming, that mean NULL.
        shortens: whether trimming changes values, and not only how they are parsed: it is a string.
    """

    trimmed: bool
    markers: tuple[str, ...]
    shortens: bool

    def of(self, text: Column) -> Column:
        """The text of a cell; NULL if it is NULL or means NULL."""
        from pyspark.sql import functions as F

        content = self.without_blanks(text)
        return F.when(~content.isin(*self.markers), content) if self.markers else content

    def without_blanks(self, text: Column) -> Column:
        """The text of a cell, trimmed if the column is."""
        from pyspark.sql import functions as F

        return F.btrim(text, F.lit(BLANKS)) if self.trimmed else text

    def trimmed_one(self, text: str) -> str:
        """The same as :meth:`without_blanks` for one text.

        Examples:
            >>> CellText(True, ("NA",), False).trimmed_one(" 5 ")
            '5'
        """
        return text.strip(BLANKS) if self.trimmed else text


def cell_text(dataset: Dataset, declaration: Declaration) -> CellText:
    """How the text of a column's cells is read.

    A cell without a value is NULL already. Blanks are NULL only in formats that have no other way to leave out a value.
    """
    declared = (*dataset.parse.null, *declaration.null)
    if not dataset.trims(declaration):
        return CellText(False, tuple(dict.fromkeys(declared)), False)
    markers = [marker.strip(BLANKS) for marker in declared]
    if dataset.blank_is_null(declaration):
        markers.append("")
    return CellText(True, tuple(dict.fromkeys(markers)), declaration.type == "string")
