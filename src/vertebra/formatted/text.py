"""Text of cells, before it is cast: which surrounding blanks are removed, and which texts mean NULL.

A column of another type than ``string`` is parsed without surrounding blanks. A string keeps every character, unless
``trim`` is declared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.blanks import BLANKS
from vertebra.governance.cell_texts import is_joined, null_texts, optional_cells, separators, unit_of_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column

    from vertebra.declare.dataset import Column as Declaration
    from vertebra.declare.dataset import Dataset
    from vertebra.governance.cell_texts import Cells


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


def cells_text(dataset: Dataset, name: str, source: Cells | None, cells: Sequence[Column]) -> Column:
    """The raw text of a column, from the raw texts of its cells: joined if it has several, NULL if there is none.

    Args:
        name: the column's declared name.
        source: the columns of the records that it is read from.
        cells: these columns.
    """
    from pyspark.sql import functions as F

    declaration = dataset.columns[name]
    if not cells:
        return F.lit(None).cast("string")
    if not is_joined(declaration):
        return cells[0]
    null = null_texts(dataset, declaration)
    texts: list[Column] = []
    pairs = zip(separators(declaration, name), cells, optional_cells(declaration, name), strict=True)
    for before, cell, optional in pairs:
        text = F.btrim(cell, F.lit(BLANKS))
        kept = F.when(~text.isin(*null), text) if null else text
        kept = F.concat(F.lit(before), kept) if before else kept
        texts.append(F.coalesce(kept, F.lit("")) if optional else kept)
    # NULL if one of them is
    return F.concat(*texts, F.lit(unit_of_name(declaration, source)))


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
