"""A table to repair, and what is known about it before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from vertebra.declare.rules import NamedRule
    from vertebra.trusted.decisions import DecisionsInForce


@dataclass(frozen=True)
class TableState:
    """A table to repair, and what is known about it.

    Attributes:
        frame: the formatted table.
        schema: its schema.
        rows: number of its rows.
        rules: all rules of the dataset.
        violations: ``rule, rid, role, partner`` as detected in it.
        violated: the names of the rules that are violated.
        leaving: ``rid`` of rows that will be removed; None if there are none.
        decisions: what people decided about it.
    """

    frame: DataFrame
    schema: pa.Schema
    rows: int
    rules: Sequence[NamedRule]
    violations: DataFrame
    violated: frozenset[str]
    leaving: DataFrame | None
    decisions: DecisionsInForce
