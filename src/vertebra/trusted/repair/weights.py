"""What is known about cells before dependencies vote: what people decided, and what rules about one tuple forbid."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from vertebra.denial import DenialConstraint
from vertebra.trusted.materialised import value_counts
from vertebra.trusted.repair.dependencies.evidence import PINNED, REWRITTEN, SILENT, CellWeights
from vertebra.trusted.rule_columns import columns_of

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.declare.rules import NamedRule
    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.dependency import Determinant
    from vertebra.trusted.repair.table_state import TableState


def weights_of(
    name: str, table: TableState, determinants: Sequence[Determinant], made: DataFrame | None,
    declared: DataFrame | None, rewritten: DataFrame | None, engine: Engine, folder: Path,
) -> tuple[CellWeights, DataFrame | None]:  # fmt: skip
    """The weights of the cells that dependencies compare, and the cells that they do not change.

    A cell that a person set counts more than all others; one whose repair a person undid is an exception, and counts as
    any other. A cell that a rule about one tuple reads in a row which violates it has no vote, and neither has one
    whose new value is declared by such a rule, not observed. A cell that a method for whole tables has written in
    another form votes, and puts its tuple into no group.

    Args:
        name: of the dataset.
        made: the repairs made before, ``rid, column_name, method, …``; None if there are none.
        declared: those of rules about one tuple; None if there are none.
        rewritten: those of methods that come before the dependencies; None if there are none.
        folder: an empty folder.

    Returns:
        The weights, and ``rid, column_name`` of cells that are decided about; None if there are none.
    """
    from pyspark.sql import functions as F

    compared = sorted({column for one in determinants for column in (*one.reads, *one.columns)})
    pinned = sorted(cell for cell in table.decisions.overridden if cell[1] in compared)
    undone = sorted(cell for cell in table.decisions.undone if cell[1] in compared)
    decided: list[DataFrame] = []
    silent: list[DataFrame] = []
    weighed: list[DataFrame] = []
    if undone:
        decided.append(engine.session.createDataFrame(undone, "rid bigint, column_name string"))
    if pinned:
        listed = engine.session.createDataFrame(pinned, "rid bigint, column_name string")
        decided.append(listed)
        weighed.append(listed.withColumn("weight", F.lit(PINNED).cast("bigint")))
    of_methods = (F.col("method") != "decision") & F.col("column_name").isin(compared)
    if made is not None:
        decided.append(made.where(of_methods).select("rid", "column_name"))
    if declared is not None:
        silent.append(declared.where(of_methods).select("rid", "column_name"))
    forbidden = forbidden_cells(name, table, compared, engine)
    if forbidden is not None:
        silent.append(forbidden)
    if silent:
        cells = reduce(lambda one, two: one.unionByName(two), silent).distinct()
        weighed.append(_besides(cells, weighed).withColumn("weight", F.lit(SILENT).cast("bigint")))
    if rewritten is not None:
        cells = rewritten.where(F.col("column_name").isin(compared)).select("rid", "column_name")
        weighed.append(_besides(cells, weighed).withColumn("weight", F.lit(REWRITTEN).cast("bigint")))
    every = reduce(lambda one, two: one.unionByName(two), decided) if decided else None
    if not weighed:
        return CellWeights(leaving=table.leaving), every
    found = engine.materialise(reduce(lambda one, two: one.unionByName(two), weighed), folder / "cells")
    columns = frozenset(value_counts(folder / "cells", "column_name"))
    return CellWeights(found if columns else None, columns, table.leaving), every


def _besides(cells: DataFrame, weighed: Sequence[DataFrame]) -> DataFrame:
    """The cells that have no weight yet."""
    for one in weighed:
        cells = cells.join(one.select("rid", "column_name"), ["rid", "column_name"], "left_anti")
    return cells


def forbidden_cells(name: str, table: TableState, columns: Sequence[str], engine: Engine) -> DataFrame | None:
    """The cells of some columns that rules about one tuple forbid, without accepted violations; None if none can be.

    Returns:
        ``rid, column_name``, perhaps several times.
    """

    pairs = [
        (rule.name, column)
        for rule in table.rules
        if rule.name in table.violated
        for column in sorted(_wrong_columns(rule, name) & set(columns))
    ]
    if not pairs:
        return None
    listed = engine.session.createDataFrame(pairs, "rule string, column_name string")
    cells = table.violations.select("rule", "rid").join(listed, "rule")
    if table.decisions.accepted:
        accepted = engine.session.createDataFrame(sorted(table.decisions.accepted), "rule string, rid bigint")
        cells = cells.join(accepted, ["rule", "rid"], "left_anti")
    return cells.select("rid", "column_name")


def _wrong_columns(rule: NamedRule, name: str) -> frozenset[str]:
    """The columns of which a rule says that a tuple is wrong, by itself or by what another table has.

    Of a comparison with another table they are those that differ, not those by which the tuples were matched. A
    reference that is only reported may be broken because the other table is incomplete.
    """
    constraint = rule.constraint
    if not isinstance(constraint, DenialConstraint):
        return frozenset() if rule.on_violation == "report" else frozenset(constraint.columns)
    if sum(relation == name for relation in constraint.relations) != 1:
        return frozenset()
    mine = constraint.variables[constraint.relations.index(name)]
    matching = {
        column
        for predicate in constraint.predicates
        if predicate.operator == "=" and {operand.variable for operand in predicate.operands} == {*constraint.variables}
        for operand in predicate.operands
        if operand.variable == mine
        for column in operand.columns
    }
    every = columns_of(rule, name)
    return every - matching or every if len(constraint.variables) > 1 else every
