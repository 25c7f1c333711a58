"""What data that is given offers, however it is stored: columns, and parts with numbered rows."""

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
    """How text becomes values.

    Attributes:
        types: declared types by column, in place of what the cells look like.
        null: texts that mean NULL, besides the empty one.
        text: every column of a CSV file is text unless declared.
        delimiter: of CSV files; None takes the one that cuts the header into most cells.
    """

    types: dict[str, str] = field(default_factory=dict)
    null: tuple[str, ...] = ()
    text: bool = False
    delimiter: str | None = None


@dataclass(frozen=True)
class SourcePart:
    """A file, or all of a frame.

    Attributes:
        name: as a person would type it; empty for a frame.
        sql: gives ``_n BIGINT`` and the columns asked for.
        rows: how many it has.
    """

    name: str
    sql: str
    rows: int


class ExternalTable(Protocol):
    """Data that was opened: its columns are known, its rows are not read yet.

    Attributes:
        columns: names in order.
        texts: the values of all columns are texts, whose types have to be found.
    """

    columns: tuple[str, ...]
    texts: bool

    def parts(self, columns: Sequence[str], folder: Path, connection: duckdb.DuckDBPyConnection) -> list[SourcePart]:
        """Read some columns.

        Args:
            folder: existing, for what has to be read once.

        Raises:
            CollectError: a file is not what it seems.
        """
        ...
