"""Text of cells, for all types: trimming, and the texts that mean NULL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import Column

    from vertebra.declare.dataset import Column as Declaration
    from vertebra.declare.dataset import Dataset

SPACES: Final = " \t\n\r\x0b\x0c\x00\x1c\x1d\x1e\x1f\u00a0\u202f\ufeff"
"""Characters that are trimmed from both ends of every cell: ASCII spaces and separators, NUL, no-break spaces, BOMs."""


def null_markers(dataset: Dataset, declaration: Declaration) -> tuple[str, ...]:
    """The texts that mean NULL in a column, including the empty text."""
    declared = (*dataset.parse.null, *declaration.null)
    return tuple(dict.fromkeys(("", *(marker.strip(SPACES) for marker in declared))))


def written(text: Column, markers: Sequence[str]) -> Column:
    """The trimmed text of a cell; NULL if it is a NULL marker."""
    from pyspark.sql import functions as F

    trimmed = F.btrim(text, F.lit(SPACES))
    return F.when(~trimmed.isin(*markers), trimmed)
