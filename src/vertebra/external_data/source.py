"""The port of external data: columns, and parts with numbered rows, for every kind of storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import duckdb

POSITION: Final = "_n"
"""The position of a row in its part, from 0."""


@dataclass(frozen=True)
class SourceLayout:
    """How text is read.

    Attributes:
        types: types by column, instead of the detected ones.
        null: texts of CSV files that mean NULL, besides the empty cell.
        text: read every column of CSV files as text, except those in ``types``.
        trim: whether texts of CSV files lose the blanks around them; numbers and times are always read without.
        delimiter: of CSV files; None detects the one that gives the header the most cells.
    """

    types: dict[str, str] = field(default_factory=dict)
    null: tuple[str, ...] = ()
    text: bool = False
    delimiter: str | None = None
    trim: bool = False


@dataclass(frozen=True)
class SourcePart:
    """A file, or a whole data frame.

    Attributes:
        name: the path, as a user would type it; empty for a frame.
        sql: a query for ``_n BIGINT`` and the wanted columns.
        rows: the number of rows.
    """

    name: str
    sql: str
    rows: int


class ExternalTable(Protocol):
    """Opened data: the columns are known, rows are not read yet.

    Attributes:
        columns: the names of the columns, in order.
        texts: whether all values are text, whose types are to be detected.
    """

    columns: tuple[str, ...]
    texts: bool

    def parts(self, columns: Sequence[str], folder: Path, connection: duckdb.DuckDBPyConnection) -> list[SourcePart]:
        """Read some columns.

        Args:
            folder: an existing folder for temporary files.

        Raises:
            CollectError: the content of a file does not match its extension.
        """
        ...
