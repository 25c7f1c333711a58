"""The port of repair methods that look at a whole table, with or without rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.engine.port import Engine
    from vertebra.trusted.labels import Label

TABLE_PROPOSAL_COLUMNS: Final = ("rid", "column_name", "old", "new", "confidence", "support", "evidence")
"""The columns of a proposal for a table: a cell, its old and new value as text, how sure it is, and on what grounds."""


@dataclass(frozen=True)
class TableToRepair:
    """What a method sees of a table.

    Attributes:
        dataset: its declaration.
        frame: the rows: the declared columns and ``_rid``, the row's id.
        schema: of ``frame``.
        rules: the rules of the dataset.
        silenced: ``rid, column_name`` of cells that are known to be wrong, so that they are no evidence; None if there
            are none. They may be repaired.
        engine: computes everything whose size depends on the table.
        scratch: an empty folder for what the method materialises.
        labels: the right values of cells, as people stated them; in ``frame`` these cells have them already.
    """

    dataset: Dataset
    frame: DataFrame
    schema: pa.Schema
    rules: Sequence[NamedRule]
    silenced: DataFrame | None
    engine: Engine
    scratch: Path
    labels: Sequence[Label] = ()


class TableRepairMethod(ABC):
    """A way to find wrong cells of a table and their right values. It has no state."""

    name: str
    """The name in ``repair:`` of a dataset and in the column ``method`` of the ledgers."""

    by_default: bool = True
    """Whether ``repair: auto`` uses it."""

    before_rules: bool = False
    """Whether dependencies see what it repairs; otherwise it sees what they repair."""

    @abstractmethod
    def propose(self, table: TableToRepair) -> DataFrame | None:
        """New values for cells.

        Returns:
            At most one row for a cell, with ``rid``, ``column_name``, ``old`` and ``new`` (the values as text, see
            :func:`vertebra.trusted.cells.as_text`; NULL for NULL), ``confidence`` (the probability that ``new`` is
            right, 0 to 1), ``support`` (tuples that speak for it, or NULL) and ``evidence`` (in words, short). None if
            the method finds nothing to look at.
        """
