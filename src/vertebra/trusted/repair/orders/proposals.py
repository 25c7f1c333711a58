"""What the longest chains of a rule's groups propose for the other tuples, with evidence and a confidence.

The engine finds the nearest tuples that violate nothing, which stay; its workers find the longest chain of the tuples
that violate the rule, see :mod:`vertebra.trusted.repair.orders.chain`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.denial import DenialConstraint, classify
from vertebra.trusted.cells import as_text
from vertebra.trusted.detect.least_removal import LONGEST_CHAIN
from vertebra.trusted.detect.plan import Planned
from vertebra.trusted.detect.roles import Pairs, analysed
from vertebra.trusted.detect.sweep import ALL, partitioned
from vertebra.trusted.materialised import row_count, value_counts
from vertebra.trusted.repair.orders.chain import Sorting, chain_repairs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from vertebra.declare.rules import NamedRule
    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.orders.order import Order

_TOGETHER: Final = 200_000
"""Violating tuples that a worker gets at a time, if groups are smaller."""


@dataclass(frozen=True)
class OrderToRepair:
    """A rule about the order of tuples, and what is known about the tuples.

    Attributes:
        method: its name, for the ledger.
        least: the least confidence of a repair that is made.
        frame: the table.
        rows: number of its rows.
        violations: ``rule, rid`` in it.
        apart: ``rid`` of the rows that take no part: those to be removed, and accepted violations; None for none.
        silent: ``rid`` of the rows whose value is known to be wrong: they have no vote; None for none.
        pinned: rows whose value people decided about: it stays.
    """

    rule: NamedRule
    order: Order
    method: str
    least: float
    frame: DataFrame
    rows: int
    violations: DataFrame
    apart: DataFrame | None
    silent: DataFrame | None
    pinned: Sequence[int]


def order_proposals(one: OrderToRepair, engine: Engine, folder: Path) -> DataFrame:
    """The cells of a rule's column that are out of order.

    Args:
        one: the rule, which is violated.
        engine: the engine.
        folder: an existing folder for intermediate files.

    Returns:
        The columns of the ledger ``proposals``: ``reason`` is empty where a repair is sure enough.
    """
    from pyspark.sql import functions as F

    violating, repairs = _chained(one, engine, folder)
    kinds = value_counts(folder / "repairs", "kind")
    changed = kinds.get("change", 0) + kinds.get("tie", 0) / 2
    error = min((changed + 1) / (one.rows + 2), 0.45)
    others = repairs.groupBy("grp").agg(F.count(F.lit(1)).alias("others"))
    about = violating.select("grp", "size", "rid", "b")
    return _labelled(one, repairs.join(others, "grp").join(about, ["grp", "rid"]), error)


def out_of_order(one: OrderToRepair, engine: Engine, folder: Path) -> DataFrame:
    """The tuples without which a rule holds: those that are not in every longest chain of their group.

    Args:
        one: the rule, which is violated.
        engine: the engine.
        folder: an existing folder for intermediate files.

    Returns:
        ``rid``. Of groups with too many violating tuples, all of those.
    """
    from pyspark.sql import functions as F

    violating, repairs = _chained(one, engine, folder)
    own = one.violations.where(F.col("rule") == F.lit(one.rule.name)).select("rid").distinct()
    if one.apart is not None:
        own = own.join(one.apart.select("rid"), "rid", "left_anti")
    others = own.join(violating.select("rid"), "rid", "left_anti")
    return repairs.select("rid").unionByName(others).distinct()


def _chained(one: OrderToRepair, engine: Engine, folder: Path) -> tuple[DataFrame, DataFrame]:
    """The violating tuples of groups that are not too large, and those that change, with what chains say of them."""
    from pyspark.sql import functions as F

    table, keys = _rows(one)
    table = engine.materialise(table, folder / "rows")
    groups = _groups(table, keys)
    rows = _with_bounds(table, keys, one)
    rows = rows.join(groups, keys) if keys else rows.crossJoin(groups)
    rows = rows.where(F.col("violating") <= LONGEST_CHAIN)
    violating = engine.materialise(rows.drop("violating"), folder / "violating")
    number = "double" if one.order.floating else "bigint"
    found = violating.withColumn(
        "bundle", F.pmod(F.hash("grp"), F.lit(row_count(folder / "violating") // _TOGETHER + 1))
    )
    sorting = Sorting(one.order.descending, one.order.free, one.order.strict, one.order.type)
    repairs = found.groupBy("bundle").applyInArrow(
        chain_repairs(sorting),
        f"grp bigint, rid bigint, kind string, new {number}, before {number}, before_rid bigint,"
        f" after {number}, after_rid bigint, extra bigint",
    )
    return violating, engine.materialise(repairs, folder / "repairs")


def _rows(one: OrderToRepair) -> tuple[DataFrame, list[str]]:
    """The tuples of the groups that violate the rule, and the names of the keys of groups.

    ``a`` sorts, ``b`` is the number of the value that is sorted; ``broken``, ``votes`` and ``pinned`` are flags.
    """
    from pyspark.sql import functions as F

    rule, order = one.rule, one.order
    assert isinstance(rule.constraint, DenialConstraint)
    name = rule.constraint.relations[0]
    pairs = Pairs(
        Planned(rule, rule.constraint, classify(rule.constraint)), (one.frame, one.frame),
        analysed([rule], {name: one.frame}),
    )  # fmt: skip
    keys = pairs.keys
    sorts, sorted_ = F.col(f"o{1 - order.place}").alias("a"), F.expr(order.ordinal(f"o{order.place}")).alias("b")
    table = pairs.first.select(*keys, sorts, sorted_, "rid")
    if one.apart is not None:
        table = table.join(one.apart.select("rid").distinct(), "rid", "left_anti")
    own = one.violations.where(F.col("rule") == F.lit(rule.name))
    table = _flagged(table, own, "broken")
    if keys:
        table = table.join(table.where("broken").select(*keys).distinct(), keys, "left_semi")
    votes = ~F.isnan("b") if order.floating else F.lit(True)
    if one.silent is not None:
        table = _flagged(table, one.silent, "silent")
        votes = votes & ~F.col("silent")
    pinned = F.col("rid").isin(list(one.pinned)) if one.pinned else F.lit(False)
    return table.select(*keys, "a", "b", "rid", "broken", votes.alias("votes"), pinned.alias("pinned")), keys


def _flagged(table: DataFrame, rows: DataFrame, name: str) -> DataFrame:
    """The table with a flag for some rows."""
    from pyspark.sql import functions as F

    marked = rows.select("rid", F.lit(True).alias(name)).distinct()
    return table.join(marked, "rid", "left").withColumn(name, F.coalesce(F.col(name), F.lit(False)))


def _groups(table: DataFrame, keys: Sequence[str]) -> DataFrame:
    """The keys of groups with ``grp``, a number for each, their ``size``, and the number of ``violating`` tuples."""
    from pyspark.sql import functions as F

    return table.groupBy(*keys).agg(
        F.min("rid").alias("grp"),
        F.count(F.lit(1)).alias("size"),
        F.sum(F.col("broken").cast("bigint")).alias("violating"),
    )


def _with_bounds(table: DataFrame, keys: Sequence[str], one: OrderToRepair) -> DataFrame:
    """The tuples that violate the rule, with the nearest values of tuples that do not: ``before, before_rid, …``."""
    from pyspark.sql import functions as F

    order = one.order
    rows = table.withColumn("stays", F.when(~F.col("broken") & F.col("votes"), F.col("b")))
    # of tuples equal on `a`, those that stay are bounds of the others unless they are free
    tie = F.col("broken").desc() if order.free else F.col("broken").asc()
    sides = {"before": F.col("a").asc(), "after": F.col("a").desc()}
    for side, by in sides.items():
        highest = (side == "before") != order.descending
        best, best_by = (F.max, F.max_by) if highest else (F.min, F.min_by)
        window = partitioned(keys).orderBy(by, tie).rowsBetween(ALL, -1)
        rows = rows.withColumn(f"{side}_rid", best_by("rid", "stays").over(window))
        rows = rows.withColumn(side, best("stays").over(window))
    return rows.where("broken").drop("stays", "broken")


def _labelled(one: OrderToRepair, found: DataFrame, error: float) -> DataFrame:
    """The repairs in the columns of the ledger.

    Either this tuple is wrong, or the tuples are that would change if it stayed, which are ``extra`` more. The
    probabilities of both are in the ratio of the odds of an error, once for each tuple more.
    """
    from pyspark.sql import functions as F

    order = one.order
    odds = error / (1 - error)
    wrong = F.lit(1.0) / (F.lit(1.0) + F.pow(F.lit(odds), F.col("extra").cast("double")))
    one_of = (F.col("extra") - 1).cast("double") / F.col("extra").cast("double")
    confidence = F.when(F.col("kind") == "tie", one_of).otherwise(wrong)
    confidence = F.round(F.least(confidence, F.lit(0.9999)), 4)
    reason = F.when(F.col("kind") == "tie", "tie").when(F.col("confidence") < F.lit(one.least), "unsure")
    stay = F.col("size") - F.col("others")
    rows = found.select(
        F.lit(one.rule.name).alias("rule"),
        "rid",
        F.lit(order.column).alias("column_name"),
        as_text(order.value("b")).alias("old"),
        as_text(order.value("new")).alias("new"),
        F.lit(one.method).alias("method"),
        confidence.alias("confidence"),
        stay.alias("support"),
        _evidence(one, stay).alias("evidence"),
        "kind",
    )
    return rows.withColumn("reason", F.coalesce(reason, F.lit(""))).drop("kind")


def _evidence(one: OrderToRepair, stay: Column) -> Column:
    """In words: between which tuples the new value is, and how many tuples of the group keep theirs."""
    from pyspark.sql import functions as F

    order = one.order
    least, most = ("after", "before") if order.descending else ("before", "after")
    low, high = as_text(order.value(least)), as_text(order.value(most))
    low_rid, high_rid = (F.col(f"{side}_rid").cast("string") for side in (least, most))
    more, fewer = ("more than ", "less than ") if order.strict else ("at least ", "at most ")
    either = F.concat(
        F.lit("between "), low, F.lit(" and "), high, F.lit(" of rows "), low_rid, F.lit(" and "), high_rid
    )
    bounds = (
        F.when(low_rid.isNotNull() & high_rid.isNotNull(), either)
        .when(low_rid.isNotNull(), F.concat(F.lit(more), low, F.lit(" of row "), low_rid))
        .otherwise(F.concat(F.lit(fewer), high, F.lit(" of row "), high_rid))
    )
    bounds = F.when(F.col("new").isNull(), F.concat(F.lit("no value is left "), bounds)).otherwise(bounds)
    rival = F.concat(
        F.lit("it and "), as_text(order.value("before")), F.lit(" of row "), F.col("before_rid").cast("string"),
        F.lit(" exclude each other, and as many rows agree with either"),
    )  # fmt: skip
    said = F.when(F.col("kind") == "tie", rival).otherwise(bounds)
    where = "of the group" if _grouped(one) else "of the table"
    kept = F.concat(
        F.lit("; "),
        stay.cast("string"),
        F.lit(" of "),
        F.col("size").cast("string"),
        F.lit(f" rows {where} keep theirs"),
    )
    return F.concat(said, kept)


def _grouped(one: OrderToRepair) -> bool:
    assert isinstance(one.rule.constraint, DenialConstraint)
    return bool(classify(one.rule.constraint).equal)
