"""What all types share when text is read: the spaces around a value, and the texts that say there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import Column

    from vertebra.declare.dataset import Column as Declaration
    from vertebra.declare.dataset import Dataset

SPACES: Final = " \t\n\r\x0b\x0c\x00\x1c\x1d\x1e\x1f\u00a0\u202f\ufeff"
"""What is cut off both ends of every cell: ASCII spaces and separators, NUL, no-break spaces and byte order marks."""


def null_markers(dataset: Dataset, declaration: Declaration) -> tuple[str, ...]:
    """The texts that mean NULL in a column, the empty text among them."""
    declared = (*dataset.parse.null, *declaration.null)
    return tuple(dict.fromkeys(("", *(marker.strip(SPACES) for marker in declared))))


def written(text: Column, markers: Sequence[str]) -> Column:
    """What is written in a cell: its text without the spaces around it, NULL when that is a NULL marker."""
    from pyspark.sql import functions as F

    trimmed = F.btrim(text, F.lit(SPACES))
    return F.when(~trimmed.isin(*markers), trimmed)
