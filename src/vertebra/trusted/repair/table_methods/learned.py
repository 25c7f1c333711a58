"""Repair of values like those that people labelled.

A label, which is any decision about a cell, shows how values of its column are transformed: what is cut off, added,
written otherwise or put in another order. Each way to generalise it is compared with the other labels of the column and
with the values that the column has; the confidence is a beta distribution's. A labelled value becomes its right one in
other rows, too, if it is no value of its own. In columns where a slip was corrected, the method ``typo`` looks for
more, although it is not used otherwise. Labels also teach how right the other methods are; see
:mod:`vertebra.trusted.repair.learned.calibration`. Without labels the method does nothing.

The idea is that of M. Mahdavi and Z. Abedjan, *Baran: Effective Error Correction via a Unified Context Representation
and Transfer Learning*, PVLDB 13(11), 2020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vertebra.trusted.repair.learned.proposals import learned_proposals
from vertebra.trusted.repair.learned.slips import slip_proposals
from vertebra.trusted.repair.learned.ways import by_column, entries_of, ways_of
from vertebra.trusted.repair.table_port import TABLE_PROPOSAL_COLUMNS, TableRepairMethod, TableToRepair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame


class Learned(TableRepairMethod):
    """Change values as people changed those that they labelled."""

    name = "learned"
    before_rules = True

    def propose(self, table: TableToRepair) -> DataFrame | None:
        """New values for cells of the text columns in which a label changed a value."""
        texts = [
            field.name
            for field in table.schema
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        taught = by_column(table.labels, texts)
        ways = {name: found for name, own in taught.items() if (found := ways_of(name, own))}
        entries = {name: listed for name, own in taught.items() if (listed := entries_of(name, own))}
        parts = [slip_proposals(table, taught)]
        if ways or entries:
            parts.append(learned_proposals(table.frame, ways, entries, table.engine, table.scratch))
        made = [part for part in parts if part is not None]
        return _surest(made) if made else None


def _surest(parts: Sequence[DataFrame]) -> DataFrame:
    """One proposal for each cell."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if len(parts) == 1:
        return parts[0]
    cell = Window.partitionBy("rid", "column_name").orderBy(F.col("confidence").desc(), F.col("new"))
    ranked = parts[0].unionByName(parts[1]).withColumn("place", F.row_number().over(cell))
    return ranked.where(F.col("place") == 1).select(*TABLE_PROPOSAL_COLUMNS)


METHOD: Final = Learned()
