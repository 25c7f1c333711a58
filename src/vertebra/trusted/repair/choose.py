"""The repairs of a run: for each cell the proposal with the highest confidence, unless a person has decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.declare.repair import REPAIR_METHODS, repair_method_of
from vertebra.errors import RegistryError
from vertebra.formatting import shortened
from vertebra.quoting import spark_identifier
from vertebra.trusted.cells import as_text
from vertebra.trusted.decisions import DecisionsInForce
from vertebra.trusted.repair.port import PROPOSAL_COLUMNS, RepairMethod

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.engine.port import Engine

_REPAIR_COLUMNS: Final = ("rule", "rid", "column_name", "old", "new", "method", "confidence", "support")
"""The columns of the ledger ``repairs`` that a run fills."""


@dataclass(frozen=True)
class PlannedRepair:
    """The method that repairs a rule, and the columns it may change."""

    rule: NamedRule
    method: RepairMethod
    columns: tuple[str, ...]


def planned_repair(rule: NamedRule, dataset: Dataset) -> PlannedRepair | None:
    """How a rule is repaired, or None when it does not declare ``on_violation: repair``.

    Raises:
        RuleError: its method cannot repair the rule.
        RegistryError: there is no such method, or a plug-in is broken.
    """
    method = repair_method_of(rule, dataset)
    if method is None:
        return None
    assert isinstance(method, RepairMethod)  # the registry has checked it
    return PlannedRepair(rule, method, method.columns(rule, dataset))


def chosen_repairs(
    dataset: Dataset,
    relation: DataFrame,
    schema: pa.Schema,
    plans: Sequence[PlannedRepair],
    violations: DataFrame,
    decisions: DecisionsInForce,
    engine: Engine,
) -> DataFrame | None:
    """The cells to change.

    Args:
        relation: the formatted table.
        schema: its schema.
        plans: the repairs of rules that are violated.
        violations: ``rule, rid, role, partner`` as detected.

    Returns:
        ``rule, rid, column_name, old, new, method, confidence, support``, at most one row for a cell; None when there
        is nothing to do.
    """
    proposals = [_proposals(plan, dataset, relation, violations) for plan in plans]
    parts = _overridden(relation, schema, decisions, engine)
    if proposals:
        undecided = _undecided(reduce(_union, proposals), decisions, engine)
        parts.append(_one_per_cell(undecided) if _may_overlap(plans) else undecided)
    return reduce(_union, parts) if parts else None


def _proposals(plan: PlannedRepair, dataset: Dataset, relation: DataFrame, violations: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    rule, method = plan.rule, plan.method
    own = violations.where(F.col("rule") == F.lit(rule.name)).select("rid", "role", "partner")
    proposed = method.propose(rule, dataset, relation, own)
    if REPAIR_METHODS.is_plugin(method.name):
        proposed = _checked(proposed, plan)
    worthwhile = ~F.col("old").eqNullSafe(F.col("new")) & (F.col("confidence") >= F.lit(rule.confidence))
    return proposed.where(worthwhile).select(
        F.lit(rule.name).alias("rule"), F.lit(method.name).alias("method"), *PROPOSAL_COLUMNS
    )


def _checked(proposed: DataFrame, plan: PlannedRepair) -> DataFrame:
    """The proposals of a plug-in in the types of the ledger, for the columns it may change."""
    from pyspark.sql import functions as F

    absent = [name for name in PROPOSAL_COLUMNS if name not in proposed.columns]
    if absent:
        raise RegistryError(
            f"the repair method {plan.method.name} proposes cells without {', '.join(absent)}",
            cause=f"its columns are {shortened(proposed.columns)}",
            remedy="see docs/plugins.md for what a repair method returns",
        )
    types = {"rid": "bigint", "confidence": "double", "support": "bigint"}
    cells = [F.col(name).cast(types.get(name, "string")).alias(name) for name in PROPOSAL_COLUMNS]
    return proposed.select(*cells).where(F.col("column_name").isin(list(plan.columns)))


def _may_overlap(plans: Sequence[PlannedRepair]) -> bool:
    """Whether there can be two proposals for one cell."""
    columns = [column for plan in plans for column in plan.columns]
    return len(set(columns)) < len(columns) or any(REPAIR_METHODS.is_plugin(plan.method.name) for plan in plans)


def _one_per_cell(proposals: DataFrame) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    order = Window.partitionBy("rid", "column_name").orderBy(F.col("confidence").desc(), F.col("rule"), F.col("new"))
    ranked = proposals.withColumn("_rank", F.row_number().over(order))
    return ranked.where(F.col("_rank") == 1).drop("_rank")


def _undecided(proposals: DataFrame, decisions: DecisionsInForce, engine: Engine) -> DataFrame:
    """The proposals without cells that a person has decided about, and without accepted violations."""
    cells = sorted({*decisions.undone, *decisions.overridden})
    if cells:
        listed = engine.session.createDataFrame(cells, "rid bigint, column_name string")
        proposals = proposals.join(listed, ["rid", "column_name"], "left_anti")
    if decisions.accepted:
        accepted = engine.session.createDataFrame(sorted(decisions.accepted), "rule string, rid bigint")
        proposals = proposals.join(accepted, ["rule", "rid"], "left_anti")
    return proposals.select(*_REPAIR_COLUMNS)


def _overridden(relation: DataFrame, schema: pa.Schema, decisions: DecisionsInForce, engine: Engine) -> list[DataFrame]:
    """A repair for each cell that a person has given a value; columns that no longer exist are ignored."""
    from pyspark.sql import functions as F

    found = []
    for column in sorted({column for _, column in decisions.overridden} & set(schema.names)):
        cells = sorted((rid, new) for (rid, name), new in decisions.overridden.items() if name == column)
        listed = engine.session.createDataFrame(cells, "rid bigint, new string")
        rows = listed.join(
            relation.select("_rid", as_text(spark_identifier(column)).alias("old")), F.col("rid") == F.col("_rid")
        )
        found.append(
            rows.select(
                F.lit("decision").alias("rule"),
                F.col("rid"),
                F.lit(column).alias("column_name"),
                F.col("old"),
                F.col("new"),
                F.lit("decision").alias("method"),
                F.lit(1.0).alias("confidence"),
                F.lit(None).cast("bigint").alias("support"),
            )
        )
    return found


def _union(first: DataFrame, second: DataFrame) -> DataFrame:
    return first.unionByName(second)
