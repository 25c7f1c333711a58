"""Quarantine: rows that rules remove from the trusted table. They are kept whole, with reasons, and can be released."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from vertebra.denial import DenialConstraint, classify
from vertebra.errors import RuleError
from vertebra.trusted.cells import as_json
from vertebra.trusted.decisions import DecisionsInForce
from vertebra.trusted.repair.majority_vote import majority_vote
from vertebra.trusted.repair.orders.order import Order, order_of
from vertebra.trusted.repair.orders.proposals import OrderToRepair, out_of_order

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.engine.port import Engine


def removals(
    dataset: Dataset, frame: DataFrame, rules: Sequence[NamedRule], violations: DataFrame, decisions: DecisionsInForce,
    engine: Engine, folder: Path,
) -> DataFrame:  # fmt: skip
    """The rows to remove, each with the rules it is removed for.

    Among tuples with the same key, the first received is kept. In a group that violates a functional dependency, the
    tuples with the majority value are kept if their share reaches the rule's confidence; otherwise all are removed. Of
    tuples that violate a rule about their order, those in every longest chain of the group are kept. For a rule with a
    role, the tuples in this role are removed. For any other rule, every violating tuple is removed. Rows that a person
    released, and rows whose violation a person accepted, are kept.

    Args:
        frame: the table after repair.
        rules: those with ``on_violation: quarantine`` that are violated in it.
        violations: ``rule, rid, …`` of these rules in it.
        folder: for intermediate files; it does not exist yet.

    Returns:
        ``rid, rules``.
    """
    from pyspark.sql import functions as F

    found = []
    for number, rule in enumerate(rules):
        order = _order(rule, dataset)
        if order is None:
            found.append(_removed_by(frame, rule, violations))
        else:
            chained = _out_of_order(rule, order, frame, violations, decisions, engine, folder / f"order{number}")
            found.append(chained.select(F.lit(rule.name).alias("rule"), "rid"))
    removed = reduce(lambda first, second: first.unionByName(second), found)
    if decisions.released:
        released = engine.session.createDataFrame([(rid,) for rid in sorted(decisions.released)], "rid bigint")
        removed = removed.join(released, "rid", "left_anti")
    if decisions.accepted:
        accepted = engine.session.createDataFrame(sorted(decisions.accepted), "rule string, rid bigint")
        removed = removed.join(accepted, ["rule", "rid"], "left_anti")
    return removed.groupBy("rid").agg(F.sort_array(F.collect_set("rule")).alias("rules"))


def whole_rows(frame: DataFrame, schema: pa.Schema, removed: DataFrame) -> DataFrame:
    """The removed rows in the form of the ledger ``quarantine``.

    Args:
        frame: the formatted table, before any repair.
        removed: ``rid, rules``.

    Returns:
        ``rid, rules, row``.
    """
    from pyspark.sql import functions as F

    rows = removed.join(frame, F.col("rid") == F.col("_rid"))
    return rows.select("rid", "rules", as_json(schema).alias("row"))


def without_rows(frame: DataFrame, removed: DataFrame) -> DataFrame:
    """The table without the removed rows (``rid``)."""
    from pyspark.sql import functions as F

    gone = removed.select(F.col("rid").alias("_removed"))
    return frame.join(gone, F.col("_rid") == F.col("_removed"), "left_anti")


def _order(rule: NamedRule, dataset: Dataset) -> Order | None:
    """The order that a rule requires; None for other rules, and for those whose longest chain is not found."""
    constraint = rule.constraint
    if not isinstance(constraint, DenialConstraint) or constraint.succession is not None or rule.role is not None:
        return None
    if len(classify(constraint).ordered) != 2:
        return None
    try:
        return order_of(rule, dataset)
    except RuleError:
        return None


def _out_of_order(
    rule: NamedRule, order: Order, frame: DataFrame, violations: DataFrame, decisions: DecisionsInForce, engine: Engine,
    folder: Path,
) -> DataFrame:  # fmt: skip
    """The rows that no longest chain needs: ``rid``. Rows that people keep, whatever they violate, take no part."""
    folder.mkdir(parents=True)
    stay = sorted({*decisions.released, *(rid for name, rid in decisions.accepted if name == rule.name)})
    apart = engine.session.createDataFrame([(rid,) for rid in stay], "rid bigint") if stay else None
    pinned = sorted({rid for rid, column in decisions.overridden if column == order.column})
    one = OrderToRepair(rule, order, "", 0.0, frame, 0, violations, apart, silent=None, pinned=pinned)
    return out_of_order(one, engine, folder)


def _removed_by(frame: DataFrame, rule: NamedRule, violations: DataFrame) -> DataFrame:
    """The rows one rule removes, as ``rule, rid``."""
    from pyspark.sql import functions as F

    of_rule = violations.where(F.col("rule") == F.lit(rule.name))
    if rule.role is not None:
        in_role = of_rule.where(F.col("role") == F.lit(rule.role)).select("rid").distinct()
        return in_role.select(F.lit(rule.name).alias("rule"), "rid")
    broken = of_rule.select("rid").distinct()
    if isinstance(rule.constraint, DenialConstraint):
        shape = classify(rule.constraint)
        if shape.key is not None:
            broken = _all_but_first(frame, shape.key, broken)
        elif shape.dependency is not None:
            tuples, verdicts = majority_vote(frame, *shape.dependency, shape.conditions[0])
            broken = _minority(tuples, verdicts, rule.confidence)
    return broken.select(F.lit(rule.name).alias("rule"), "rid")


def _all_but_first(frame: DataFrame, key: tuple[str, ...], broken: DataFrame) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    keys = [F.expr(f"({expression})").alias(f"k{i}") for i, expression in enumerate(key)]
    rows = broken.join(frame.select(F.col("_rid"), *keys), F.col("rid") == F.col("_rid"))
    order = Window.partitionBy(*[f"k{i}" for i in range(len(key))]).orderBy("rid")
    return rows.withColumn("_place", F.row_number().over(order)).where(F.col("_place") > 1).select("rid")


def _minority(tuples: DataFrame, verdicts: DataFrame, confidence: float) -> DataFrame:
    from pyspark.sql import functions as F

    keys = [name for name in tuples.columns if name not in ("_rid", "value")]
    unsure = F.col("tied") | (F.col("share") < F.lit(confidence))
    minority = verdicts.join(tuples, keys).where(unsure | (F.col("value") != F.col("winner")))
    return minority.select(F.col("_rid").alias("rid"))
