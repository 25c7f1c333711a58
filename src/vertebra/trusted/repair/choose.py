"""The repairs of a run: what people decided, what rules about one tuple declare, and what dependencies follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.declare.repair import REPAIR_METHODS
from vertebra.declare.table_methods import declared_trust
from vertebra.errors import RegistryError
from vertebra.formatting import shortened
from vertebra.quoting import spark_identifier
from vertebra.trusted.cells import as_text, from_text, readable
from vertebra.trusted.materialised import row_count, value_counts
from vertebra.trusted.repair.apply import apply_repairs
from vertebra.trusted.repair.dependencies.rounds import Rounds, Solution
from vertebra.trusted.repair.dependencies.sources import TrustToFind
from vertebra.trusted.repair.dependency import by_determinant
from vertebra.trusted.repair.dependency_method import DependencyMethod
from vertebra.trusted.repair.exceptions import EXCEPTION
from vertebra.trusted.repair.learned.calibration import calibration_of
from vertebra.trusted.repair.learned.judged import judged
from vertebra.trusted.repair.order_method import OrderMethod
from vertebra.trusted.repair.orders.repairs import order_repairs
from vertebra.trusted.repair.planned import PlannedRepair
from vertebra.trusted.repair.port import PROPOSAL_COLUMNS
from vertebra.trusted.repair.table_port import TableToRepair
from vertebra.trusted.repair.table_state import TableState
from vertebra.trusted.repair.tables import TableMethods, contested, proposals_of, table_methods
from vertebra.trusted.repair.weights import forbidden_cells, weights_of

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.engine.port import Engine
    from vertebra.trusted.decisions import DecisionsInForce
    from vertebra.trusted.repair.dependencies.evidence import SourceTrust
    from vertebra.trusted.repair.learned.calibration import Calibration
    from vertebra.trusted.repair.table_port import TableRepairMethod

LEARNED: Final = "learned"
"""The method that learns from labels, also how right the others are."""

REPAIR_COLUMNS: Final = ("rule", "rid", "column_name", "old", "new", "method", "confidence", "support", "evidence")
"""The columns of the ledger ``repairs`` that a run fills."""


def chosen_repairs(
    dataset: Dataset, table: TableState, plans: Sequence[PlannedRepair], engine: Engine, scratch: Path
) -> Solution:
    """The cells to change, and the proposals that are left to people.

    What people decided comes first, then the methods that repair one rule and those that bring values into one form,
    then the dependencies, together, then rules about the order of tuples, and then the methods that judge a value by
    the rest of its row. Each sees the cells that were changed before and does not change them again; a repair that the
    last ones would take back is not made.

    Args:
        plans: the repairs of rules; dependencies that hold are those that repairs may break.
        scratch: an empty folder.
    """
    return _Choice(dataset, table, plans, engine, scratch).solution()


class _Choice:
    def __init__(
        self, dataset: Dataset, table: TableState, plans: Sequence[PlannedRepair], engine: Engine, scratch: Path
    ) -> None:
        self.dataset, self.table, self.engine, self.scratch = dataset, table, engine, scratch
        self.orders = [plan for plan in plans if isinstance(plan.method, OrderMethod)]
        self.alone = [plan for plan in plans if not isinstance(plan.method, DependencyMethod | OrderMethod)]
        to_repair = [
            plan.method.to_repair(plan.rule, dataset) for plan in plans if isinstance(plan.method, DependencyMethod)
        ]
        self.least = {one.rule.name: one.least for one in to_repair}
        self.fills = {one.rule.name for one in to_repair if one.fills}
        self.determinants = by_determinant(to_repair, dataset)
        self.methods = table_methods(dataset)
        self.taught = calibration_of(table.decisions.labels) if self._learns() else None
        self.frame = table.frame
        self.trust: SourceTrust | None = None
        self.made: list[DataFrame] = []
        self.left: list[DataFrame] = []

    def _learns(self) -> bool:
        return self.methods is not None and any(method.name == LEARNED for method in self.methods.methods)

    def solution(self) -> Solution:
        first = _first(self.dataset, self.table, self.alone, self.engine, self.scratch / "first")
        if first is not None:
            self._make(first, self.scratch / "first")
        stages = len(self.made)
        if self.methods is not None:
            self._by_table(self.methods.before_rules(), "before")
        rewritten = _all(self.made[stages:])
        if self.determinants:
            self._by_dependencies(first, rewritten, self.scratch / "rounds")
        if self.orders:
            self._by_orders()
        if self.methods is not None:
            changed = self._by_table(self.methods.after_rules(), "after")
            if any(changed & {*one.reads, *one.columns} for one in self.determinants):
                self._by_dependencies(first, rewritten, self.scratch / "again")
        made, left = _all(self.made), _all(self.left)
        if made is not None and left is not None:
            left = _without(left, made)
        return Solution(made, left, self.trust)

    def _by_dependencies(self, declared: DataFrame | None, rewritten: DataFrame | None, folder: Path) -> None:
        """The repairs of dependencies; if they were repaired before, those that follow from what changed since.

        Args:
            declared: the repairs that rules about one tuple declare; None if there are none.
            rewritten: the repairs of methods that come before the dependencies; None if there are none.
        """
        folder.joinpath("weights").mkdir(parents=True)
        weights, decided = weights_of(
            self.dataset.name, self.table, self.determinants, _all(self.made), declared, rewritten, self.engine,
            folder / "weights",
        )  # fmt: skip
        due = self.fills | self.table.violated
        if self.made:  # what was changed may break others
            due |= {rule.name for rule in self.table.rules}
        accepted = _accepted(self.table.decisions, self.engine)
        to_find = _trust_to_find(self.methods) if self.trust is None else None
        found = Rounds(
            self.determinants, due, self.frame, self.table.schema, replace(weights, trust=self.trust), decided,
            accepted, self.table.rows, self.engine, folder, to_find, self.table.decisions.labels,
        ).solution()  # fmt: skip
        self.trust = found.trust
        if self.taught is not None:
            found = self._judged(found, self.taught, folder / "judged")
        if found.left is not None:
            self.left.append(found.left if not self.left else _others(found.left, self.left))
        if found.cells is not None:
            cells = self.engine.materialise(found.cells, folder / "dependencies")
            self._make(cells, folder / "dependencies")

    def _by_orders(self) -> None:
        """The repairs of rules about the order of tuples."""
        folder = self.scratch / "orders"
        folder.mkdir()
        found = order_repairs(self.orders, self.dataset, self.table, self.frame, _all(self.made), self.engine, folder)
        self.left.append(found.where("reason != ''").select(*REPAIR_COLUMNS, "reason"))
        chosen = found.where("reason = ''").select(*REPAIR_COLUMNS)
        self._make(self.engine.materialise(chosen, folder / "chosen"), folder / "chosen")

    def _judged(self, found: Solution, taught: Calibration, folder: Path) -> Solution:
        """What dependencies say, after what labels taught."""
        from pyspark.sql import functions as F

        every = judged(found.cells, found.left, self.least, taught, self.engine)
        if every is None:
            return found
        every = self.engine.materialise(every, folder)
        made = every.where(F.col("reason") == "").drop("reason")
        return Solution(made, every.where(F.col("reason") != ""))

    def _by_table(self, methods: Sequence[TableRepairMethod], stage: str) -> frozenset[str]:
        """The repairs of methods that look at the whole table; returns the columns that they change."""
        from pyspark.sql import functions as F

        if not methods or self.methods is None:
            return frozenset()
        folder = self.scratch / stage
        silenced = forbidden_cells(self.dataset.name, self.table, list(self.dataset.columns), self.engine)
        table = TableToRepair(
            self.dataset, self.frame, self.table.schema, self.table.rules, silenced, self.engine, folder,
            self.table.decisions.labels,
        )  # fmt: skip
        found = proposals_of(methods, self.methods, table, self._settled(), self.taught)
        if found is None:
            return frozenset()
        if self.trust is not None:
            # these methods count copies of a source as often as they occur: what sources leave open is left to people
            open_ = (F.col("reason") == "") & F.col("column_name").isin(list(self.trust.columns))
            found = found.withColumn("reason", F.when(open_, "unsure").otherwise(F.col("reason")))
        found = self.engine.materialise(found.select(*REPAIR_COLUMNS, "reason"), folder / "proposals")
        before = _all(self.made)
        if before is not None:
            back = self.engine.materialise(
                contested(before.where(F.col("method") != "decision"), found), folder / "back"
            )
            self.left += [
                made.join(back, ["rid", "column_name"], "left_semi").withColumn("reason", F.lit("contested"))
                for made in self.made
            ]
            self.made = [made.join(back, ["rid", "column_name"], "left_anti") for made in self.made]
            found = found.join(before.select("rid", "column_name"), ["rid", "column_name"], "left_anti")
        self.left.append(found.where(F.col("reason") != "").select(*REPAIR_COLUMNS, "reason"))
        chosen = self.engine.materialise(found.where(F.col("reason") == "").select(*REPAIR_COLUMNS), folder / "chosen")
        return self._make(chosen, folder / "chosen")

    def _settled(self) -> DataFrame | None:
        """``rid, column_name`` of cells that people have decided about, and of exceptions; None if there are none."""
        from pyspark.sql import functions as F

        decisions = self.table.decisions
        cells = sorted({*decisions.undone, *decisions.overridden})
        decided = [self.engine.session.createDataFrame(cells, "rid bigint, column_name string")] if cells else []
        found = [left.where(F.col("reason") == EXCEPTION).select("rid", "column_name") for left in self.left]
        return _all([*decided, *found])

    def _make(self, cells: DataFrame, folder: Path) -> frozenset[str]:
        """Make repairs, which are materialised in a folder; returns the columns that they change."""
        columns = frozenset(value_counts(folder, "column_name"))
        if columns:
            self.made.append(cells)
            self.frame = apply_repairs(self.frame, self.table.schema, cells, columns)
        return columns


def _trust_to_find(methods: TableMethods | None) -> TrustToFind | None:
    """How the sources of a table are told apart, as ``repair:`` declares it; None if all weigh the same."""
    if methods is None or methods.declared.trust is False:
        return None
    declared = declared_trust(methods.declared)
    return TrustToFind() if declared is None else TrustToFind(declared.column, declared.accuracy)


def _without(left: DataFrame, made: DataFrame) -> DataFrame:
    """What is left to people, without what another method did after it was proposed."""
    from pyspark.sql import functions as F

    values = [F.coalesce("new", F.lit("")).alias("_new"), F.col("new").isNull().alias("_null")]
    done = made.select("rid", "column_name", *values)
    open_ = left.select("*", *values).join(done, ["rid", "column_name", "_new", "_null"], "left_anti")
    return open_.select(*left.columns)


def _others(left: DataFrame, before: Sequence[DataFrame]) -> DataFrame:
    """The proposals for cells that had none before."""
    cell = ["rid", "column_name"]
    return left.join(reduce(_union, [one.select(*cell) for one in before]).distinct(), cell, "left_anti")


def _all(frames: Sequence[DataFrame]) -> DataFrame | None:
    return reduce(_union, [frame.select(*frames[0].columns) for frame in frames]) if frames else None


def _first(
    dataset: Dataset, table: TableState, plans: Sequence[PlannedRepair], engine: Engine, folder: Path
) -> DataFrame | None:
    """What people decided, and the proposals of methods that repair one rule, materialised; None if there are none."""
    parts = _overridden(table.frame, table.schema, table.decisions, engine)
    if plans:
        proposals = [_proposals(plan, dataset, table) for plan in plans]
        undecided = _undecided(reduce(_union, proposals), table.decisions, engine)
        parts.append(_one_per_cell(undecided) if _may_overlap(plans) else undecided)
    if not parts:
        return None
    found = engine.materialise(reduce(_union, parts), folder)
    return found if row_count(folder) else None


def _proposals(plan: PlannedRepair, dataset: Dataset, table: TableState) -> DataFrame:
    from pyspark.sql import functions as F

    rule, method = plan.rule, plan.method
    own = table.violations.where(F.col("rule") == F.lit(rule.name)).select("rid", "role", "partner")
    proposed = method.propose(rule, dataset, table.frame, own)
    if REPAIR_METHODS.is_plugin(method.name):
        # a text that is no value of its column would empty the cell
        proposed = _checked(proposed, plan).where(readable(table.schema))
    worthwhile = ~F.col("old").eqNullSafe(F.col("new")) & (F.col("confidence") >= F.lit(rule.confidence))
    return proposed.where(worthwhile).select(
        F.lit(rule.name).alias("rule"),
        F.lit(method.name).alias("method"),
        *PROPOSAL_COLUMNS,
        F.lit(None).cast("string").alias("evidence"),
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
    """The surest proposal for each cell; none where two values are equally sure."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    cell = Window.partitionBy("rid", "column_name")
    ranked = proposals.withColumns(
        {
            "_best": F.max("confidence").over(cell),
            "_rank": F.row_number().over(cell.orderBy(F.col("confidence").desc(), F.col("rule"), F.col("new"))),
        }
    )
    best = ranked.where(F.col("confidence") == F.col("_best"))
    values = best.groupBy("rid", "column_name").agg(
        F.min(F.coalesce("new", F.lit(""))).alias("_low"), F.max(F.coalesce("new", F.lit(""))).alias("_high")
    )
    sole = best.where(F.col("_rank") == 1).join(values.where("_low = _high"), ["rid", "column_name"])
    return sole.select(*REPAIR_COLUMNS)


def _undecided(proposals: DataFrame, decisions: DecisionsInForce, engine: Engine) -> DataFrame:
    """The proposals without cells that a person has decided about, and without accepted violations."""
    cells = sorted({*decisions.undone, *decisions.overridden})
    if cells:
        listed = engine.session.createDataFrame(cells, "rid bigint, column_name string")
        proposals = proposals.join(listed, ["rid", "column_name"], "left_anti")
    accepted = _accepted(decisions, engine)
    if accepted is not None:
        proposals = proposals.join(accepted, ["rule", "rid"], "left_anti")
    return proposals.select(*REPAIR_COLUMNS)


def _accepted(decisions: DecisionsInForce, engine: Engine) -> DataFrame | None:
    """``rule, rid`` of the violations that people accepted; None if there are none."""
    if not decisions.accepted:
        return None
    return engine.session.createDataFrame(sorted(decisions.accepted), "rule string, rid bigint")


def _overridden(relation: DataFrame, schema: pa.Schema, decisions: DecisionsInForce, engine: Engine) -> list[DataFrame]:
    """A repair for each cell that a person has given a value; columns that no longer exist are ignored."""
    from pyspark.sql import functions as F

    found = []
    for column in sorted({column for _, column in decisions.overridden} & set(schema.names)):
        cells = sorted((rid, new) for (rid, name), new in decisions.overridden.items() if name == column)
        listed = engine.session.createDataFrame(cells, "rid bigint, new string")
        rows = listed.join(
            relation.select(
                "_rid", F.col(spark_identifier(column)).alias("value"), as_text(spark_identifier(column)).alias("old")
            ),
            F.col("rid") == F.col("_rid"),
        )
        # a person may say that the value is right
        rows = rows.where(~F.col("value").eqNullSafe(from_text("new", schema.field(column).type)))
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
                F.lit(None).cast("string").alias("evidence"),
            )
        )
    return found


def _union(first: DataFrame, second: DataFrame) -> DataFrame:
    return first.unionByName(second)
