"""Repair of cells that do not go with the other values of their row, without rules.

How well each column determines another one is measured in the data. A cell is suspicious if it differs from the value
that most often stands with some other value of its row. The candidates for it are the three most frequent values with
each of the row's values. What speaks for a candidate is the probability of the value given the rest of the row and of
the rest of the row given the value, and how similar it is to the value of the cell, which may be a slip of it.

The idea is that of J. Qin et al., *BClean: A Bayesian Data Cleaning System*, ICDE 2024, and, for the pairwise
frequencies, of T. Rekatsinas et al., *HoloClean: Holistic Data Repairs with Probabilistic Inference*, PVLDB 10(11),
2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vertebra.quoting import spark_identifier
from vertebra.trusted.cells import as_text
from vertebra.trusted.repair.cooccurrence.confidence import best_candidates
from vertebra.trusted.repair.cooccurrence.counts import count_pairs
from vertebra.trusted.repair.cooccurrence.evidence import chosen_evidence, targets_of
from vertebra.trusted.repair.cooccurrence.scores import scored_candidates
from vertebra.trusted.repair.cooccurrence.weights import pair_weights
from vertebra.trusted.repair.exceptions import without_exceptions
from vertebra.trusted.repair.table_port import TABLE_PROPOSAL_COLUMNS, TableRepairMethod, TableToRepair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame


class CoOccurrence(TableRepairMethod):
    """Set cells, and fill empty ones, with the value that goes with the rest of the row."""

    name = "co_occurrence"

    def propose(self, table: TableToRepair) -> DataFrame | None:
        """The best other value of each suspicious cell.

        Columns of floating-point numbers are ignored: they determine nothing, and engines write them differently.
        """
        from pyspark.sql import functions as F

        columns = [field.name for field in table.schema if field.name != "_rid" and _is_discrete(field.type)]
        if len(columns) < 2:
            return None
        frame = _known_cells(table, columns)
        weights, rows = pair_weights(frame, columns)
        evidence = chosen_evidence(weights, columns)
        if not evidence:
            return None
        counts = count_pairs(frame, evidence, table.engine, table.scratch, rows)
        scored = scored_candidates(frame, evidence, counts, table.engine, table.scratch)
        best = best_candidates(scored, rows, table.engine, table.scratch)
        proposals = _with_old(best, table, targets_of(evidence))
        reason = F.concat(
            F.lit("goes with "), F.col("agreeing").cast("string"), F.lit(" of "), F.col("evidence").cast("string"),
            F.lit(" other values of the row"),
        )  # fmt: skip
        found = proposals.where(~F.col("old").eqNullSafe(F.col("text"))).select(
            "rid", "column_name", "old", F.col("text").alias("new"), "confidence",
            F.col("support").cast("bigint").alias("support"), reason.alias("evidence"),
        ).select(*TABLE_PROPOSAL_COLUMNS)  # fmt: skip
        found = table.engine.materialise(found, table.scratch / "best")
        return without_exceptions(found, columns, table.frame, table.engine, table.scratch / "exceptions")


def _is_discrete(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind) or types.is_decimal(kind)
        or types.is_boolean(kind) or types.is_date(kind) or types.is_timestamp(kind)
    )  # fmt: skip


def _known_cells(table: TableToRepair, columns: Sequence[str]) -> DataFrame:
    """The columns as text; empty texts and silenced cells are NULL."""
    from pyspark.sql import functions as F

    frame, silenced = table.frame, table.silenced
    if silenced is not None:
        wrong = silenced.groupBy(F.col("rid").alias("_rid")).agg(F.collect_set("column_name").alias("_silenced"))
        frame = frame.join(wrong, "_rid", "left")
    cells = []
    for name in columns:
        text = as_text(spark_identifier(name))
        value = F.when(text != "", text)
        if silenced is not None:
            value = F.when(~F.coalesce(F.array_contains("_silenced", name), F.lit(False)), value)
        cells.append(value.alias(name))
    known = frame.select("_rid", *cells)
    return known if silenced is None else table.engine.materialise(known, table.scratch / "known")


def _with_old(best: DataFrame, table: TableToRepair, targets: Sequence[str]) -> DataFrame:
    """The candidates with the name of the column and the value that the cell has, which may be silenced."""
    from pyspark.sql import functions as F

    texts = F.array(*(as_text(spark_identifier(name)) for name in targets))
    rows = table.frame.select(F.col("_rid").alias("rid"), texts.alias("texts"))
    names = F.array(*(F.lit(name) for name in targets))
    position = F.col("target") + 1
    return best.join(rows, "rid").select(
        "*", F.element_at(names, position).alias("column_name"), F.element_at("texts", position).alias("old")
    )


METHOD: Final = CoOccurrence()
