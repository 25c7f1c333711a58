"""The repairs of methods that look at a whole table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Final, cast

from vertebra.declare.table_methods import (
    TABLE_REPAIR_METHODS,
    repairable_columns,
    table_methods_of,
    table_repair_of,
)
from vertebra.declare.table_repair import TableRepair
from vertebra.errors import RegistryError
from vertebra.formatting import shortened
from vertebra.trusted.cells import readable
from vertebra.trusted.repair.table_port import TABLE_PROPOSAL_COLUMNS, TableRepairMethod, TableToRepair

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.trusted.repair.learned.calibration import Calibration

_AS_GOOD_AS_NOT: Final = 0.5
"""Below this confidence the present value is more likely to be right, and there is nothing to propose."""


@dataclass(frozen=True)
class TableMethods:
    """The methods of a dataset that look at its whole table, as declared."""

    declared: TableRepair
    methods: tuple[TableRepairMethod, ...]
    columns: tuple[str, ...]

    def before_rules(self) -> list[TableRepairMethod]:
        """Those whose repairs dependencies see."""
        return [method for method in self.methods if method.before_rules]

    def after_rules(self) -> list[TableRepairMethod]:
        """Those that see what dependencies repair."""
        return [method for method in self.methods if not method.before_rules]


def table_methods(dataset: Dataset) -> TableMethods | None:
    """The methods that a dataset declares with ``repair:``; None if it declares none.

    Raises:
        RegistryError: there is no such method.
        DeclarationError: it names a column that the dataset does not have.
    """
    declared = table_repair_of(dataset)
    if declared is None:
        return None
    named = [TABLE_REPAIR_METHODS.get_or_refuse(name) for name in table_methods_of(declared)]
    methods = tuple(cast("TableRepairMethod", method) for method in named)
    return TableMethods(declared, methods, repairable_columns(dataset, declared))


def proposals_of(
    methods: Sequence[TableRepairMethod], about: TableMethods, table: TableToRepair, fixed: DataFrame | None,
    taught: Calibration | None = None,
) -> DataFrame | None:  # fmt: skip
    """What methods propose, the surest for each cell.

    Args:
        about: what is declared.
        fixed: ``rid, column_name`` of cells that are not changed; None if there are none.
        taught: what labels say of how right methods are; None if they say nothing.

    Returns:
        The columns of the ledger ``repairs`` and ``reason``: empty where a proposal is sure enough, else ``unsure``, or
        ``tie`` where two methods are equally sure of two values. None if no method finds anything to look at.
    """
    from pyspark.sql import functions as F

    found = []
    for method in methods:
        scratch = table.scratch / method.name
        scratch.mkdir(parents=True)
        proposed = method.propose(replace(table, scratch=scratch))
        if proposed is not None:
            found.append(_checked(proposed, method, about.columns, table.schema))
    if not found:
        return None
    proposals = reduce(lambda one, other: one.unionByName(other), found)
    if taught is not None:
        proposals = taught.applied(proposals, table.engine)
    likely = F.col("confidence") >= _AS_GOOD_AS_NOT
    proposals = proposals.where(~F.col("old").eqNullSafe(F.col("new")) & likely)
    if fixed is not None:
        proposals = proposals.join(fixed, ["rid", "column_name"], "left_anti")
    return _one_per_cell(proposals, about.declared.precision)


def contested(cells: DataFrame, proposals: DataFrame) -> DataFrame:
    """The repairs that other methods would take back: ``rid, column_name``.

    Args:
        cells: repairs, ``rid, column_name, old, …``.
        proposals: of methods that saw the repaired table.
    """
    from pyspark.sql import functions as F

    back = proposals.select("rid", "column_name", F.col("new").alias("_back"))
    return (
        cells.join(back, ["rid", "column_name"])
        .where(F.col("old").eqNullSafe(F.col("_back")))
        .select("rid", "column_name")
        .distinct()
    )


def _one_per_cell(proposals: DataFrame, precision: float) -> DataFrame:
    """The surest value of each cell; methods that propose the same value make it surer."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    sure = F.greatest(F.lit(0.0001), F.least(F.lit(0.9999), F.col("confidence")))
    by_cell = Window.partitionBy("rid", "column_name")
    by_value = Window.partitionBy("rid", "column_name", F.coalesce("new", F.lit("")), F.col("new").isNull())
    ranked = proposals.withColumn("confidence", sure).withColumns(
        {
            "_odds": F.sum(F.log(sure / (F.lit(1.0) - sure))).over(by_value),
            "_methods": F.count(F.lit(1)).over(by_value),
            "_place": F.row_number().over(by_value.orderBy(F.col("confidence").desc(), F.col("method"))),
        }
    )
    together = F.round(F.lit(1.0) / (F.lit(1.0) + F.exp(-F.col("_odds"))), 4)
    values = ranked.where(F.col("_place") == 1).withColumn(
        "confidence", F.when(F.col("_methods") > 1, F.least(F.lit(0.9999), together)).otherwise(F.col("confidence"))
    )
    order = by_cell.orderBy(F.col("confidence").desc(), F.col("method"), F.col("new"))
    cells = values.withColumns({"_rank": F.row_number().over(order), "_next": F.lead("confidence").over(order)})
    reason = F.when(F.col("_next") == F.col("confidence"), "tie").when(F.col("confidence") < F.lit(precision), "unsure")
    cells = cells.where(F.col("_rank") == 1).withColumn("reason", reason.otherwise(""))
    return cells.drop("_odds", "_methods", "_place", "_rank", "_next")


def _checked(proposed: DataFrame, method: TableRepairMethod, columns: Sequence[str], schema: pa.Schema) -> DataFrame:
    """The proposals of a method in the columns and types of the ledger, for the columns it may change.

    A text that is no value of its column would empty the cell, so it is no proposal.
    """
    from pyspark.sql import functions as F

    absent = [name for name in TABLE_PROPOSAL_COLUMNS if name not in proposed.columns]
    if absent:
        raise RegistryError(
            f"the repair method {method.name} proposes cells without {', '.join(absent)}",
            cause=f"its columns are {shortened(proposed.columns)}",
            remedy="see docs/plugins.md for what a repair method returns",
        )
    types = {"rid": "bigint", "confidence": "double", "support": "bigint"}
    proposed = proposed.withColumn("confidence", F.round(F.col("confidence").cast("double"), 4))
    cells = [F.col(name).cast(types.get(name, "string")).alias(name) for name in TABLE_PROPOSAL_COLUMNS]
    labels = [F.lit(method.name).alias("rule"), F.lit(method.name).alias("method")]
    return proposed.select(*labels, *cells).where(F.col("column_name").isin(list(columns)) & readable(schema))
