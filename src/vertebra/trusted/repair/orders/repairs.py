"""The repairs of all rules about the order of tuples of a table: the surest for each cell."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from vertebra.trusted.detect import detect
from vertebra.trusted.repair.order_method import OrderMethod
from vertebra.trusted.repair.orders.proposals import OrderToRepair, order_proposals
from vertebra.trusted.repair.weights import forbidden_cells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.planned import PlannedRepair
    from vertebra.trusted.repair.table_state import TableState


def order_repairs(
    plans: Sequence[PlannedRepair],
    dataset: Dataset,
    table: TableState,
    frame: DataFrame,
    made: DataFrame | None,
    engine: Engine,
    folder: Path,
) -> DataFrame:
    """The repairs of rules, and what is left to people.

    Args:
        plans: the rules, which are violated; at least one, each with the method for orders.
        dataset: the dataset.
        table: the table as it was formatted.
        frame: the table after the repairs that were made before.
        made: these repairs, whose cells are not changed again; None if there are none.
        engine: the engine.
        folder: an existing folder.

    Returns:
        The columns of the ledger ``proposals``, at most one row for a cell; ``reason`` is empty for repairs to make.
    """
    found = [
        order_proposals(one, engine, _new(folder / f"rule{number}"))
        for number, one in enumerate(_to_repair(plans, dataset, table, frame, made, engine, folder))
    ]
    proposals = reduce(lambda one, other: one.unionByName(other), found)
    if made is not None:
        proposals = proposals.join(made.select("rid", "column_name"), ["rid", "column_name"], "left_anti")
    proposals = proposals.where("not old <=> new")
    return engine.materialise(proposals if len(plans) == 1 else _surest(proposals), folder / "proposals")


def _to_repair(
    plans: Sequence[PlannedRepair],
    dataset: Dataset,
    table: TableState,
    frame: DataFrame,
    made: DataFrame | None,
    engine: Engine,
    folder: Path,
) -> list[OrderToRepair]:
    from pyspark.sql import functions as F

    violations = table.violations
    if made is not None:  # what was changed may violate other rows, or none
        rules = [plan.rule for plan in plans]
        violations = detect(dataset.name, {dataset.name: frame}, rules, engine, _new(folder / "again")).violations
    decisions, orders = table.decisions, []
    wrong = forbidden_cells(dataset.name, table, [plan.columns[0] for plan in plans], engine)
    if wrong is not None and made is not None:
        wrong = wrong.join(made.select("rid", "column_name"), ["rid", "column_name"], "left_anti")
    for plan in plans:
        assert isinstance(plan.method, OrderMethod)
        order, least = plan.method.order(plan.rule, dataset)
        accepted = sorted(rid for rule, rid in decisions.accepted if rule == plan.rule.name)
        apart = [] if table.leaving is None else [table.leaving.select("rid")]
        if accepted:
            apart.append(engine.session.createDataFrame([(rid,) for rid in accepted], "rid bigint"))
        decided = {rid for rid, column in (*decisions.overridden, *decisions.undone) if column == order.column}
        orders.append(
            OrderToRepair(
                plan.rule, order, plan.method.name, least, frame, table.rows, violations,
                apart=reduce(lambda one, other: one.unionByName(other), apart) if apart else None,
                silent=None if wrong is None else wrong.where(F.col("column_name") == order.column),
                pinned=sorted(decided),
            )
        )  # fmt: skip
    return orders


def _surest(proposals: DataFrame) -> DataFrame:
    """The surest proposal for each cell; where two values are equally sure, it is a tie."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    cell = Window.partitionBy("rid", "column_name")
    order = cell.orderBy(F.col("confidence").desc(), F.col("rule"))
    ranked = proposals.withColumns({"_place": F.row_number().over(order), "_best": F.max("confidence").over(cell)})
    best = ranked.where(F.col("confidence") == F.col("_best"))
    values = F.collect_set(F.coalesce("new", F.lit(""))).over(cell)
    best = best.withColumn("reason", F.when(F.size(values) > 1, "tie").otherwise(F.col("reason")))
    return best.where(F.col("_place") == 1).drop("_place", "_best")


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
