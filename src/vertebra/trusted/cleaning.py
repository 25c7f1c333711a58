"""The cleaning of one table: repairs that break no other rule, and then the rows to remove."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from vertebra.denial import DenialConstraint
from vertebra.quoting import spark_identifier
from vertebra.trusted.detect import Detection
from vertebra.trusted.materialised import row_count, value_counts
from vertebra.trusted.quarantine import removals, whole_rows, without_rows
from vertebra.trusted.repair.apply import apply_repairs
from vertebra.trusted.repair.choose import chosen_repairs
from vertebra.trusted.repair.dependency_method import DependencyMethod
from vertebra.trusted.repair.planned import PlannedRepair, planned_repair
from vertebra.trusted.repair.revert import REVERSALS, raised, reverted
from vertebra.trusted.repair.table_state import TableState
from vertebra.trusted.repair.tables import table_methods
from vertebra.trusted.rule_columns import columns_of

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.governance.context import StepContext
    from vertebra.trusted.decisions import DecisionsInForce
    from vertebra.trusted.repair.dependencies.evidence import SourceTrust

Detect = Callable[[str, "DataFrame", "Sequence[NamedRule]"], Detection]
"""Detects the violations of rules in a table; the text names a folder for its files."""


@dataclass(frozen=True)
class Repaired:
    """The repairs of a run.

    Attributes:
        cells: the ledger ``repairs``; None when there are none.
        left: the ledger ``proposals``; None when there are none.
        proposed: number of rows of it.
        trust: how votes were weighed by the sources of rows; None if they were not.
    """

    cells: DataFrame | None = None
    left: DataFrame | None = None
    proposed: int = 0
    per_rule: Mapping[str, int] = field(default_factory=dict)
    columns: frozenset[str] = frozenset()
    trust: SourceTrust | None = None

    @property
    def count(self) -> int:
        """Number of repaired cells."""
        return sum(self.per_rule.values())


@dataclass(frozen=True)
class Removed:
    """The rows a run puts in quarantine; ``rows`` is None when there are none."""

    rows: DataFrame | None = None
    per_rule: Mapping[str, int] = field(default_factory=dict)
    count: int = 0


@dataclass(frozen=True)
class Cleaned:
    """What cleaning does to a table.

    Attributes:
        schema: of the table.
        found: its violations after the repairs and before rows are removed.
    """

    schema: pa.Schema
    repaired: Repaired
    removed: Removed
    found: Detection

    def table(self, rows: DataFrame) -> DataFrame:
        """Rows of the formatted table with repairs applied and without removed rows."""
        if self.repaired.cells is not None:
            rows = apply_repairs(rows, self.schema, self.repaired.cells, self.repaired.columns)
        return rows if self.removed.rows is None else without_rows(rows, self.removed.rows)


class Cleaning:
    """The cleaning of one table.

    Args:
        before: the violations of the formatted table.
    """

    def __init__(
        self,
        dataset: Dataset,
        ctx: StepContext,
        rules: Sequence[NamedRule],
        formatted: DataFrame,
        schema: pa.Schema,
        before: Detection,
        decisions: DecisionsInForce,
        detect: Detect,
    ) -> None:
        self.dataset, self.ctx, self.rules = dataset, ctx, rules
        self.formatted, self.schema, self.before = formatted, schema, before
        self.decisions, self.detect = decisions, detect
        self.whole = table_methods(dataset)
        self.quarantining = [rule for rule in rules if rule.on_violation == "quarantine"]

    def cleaned(self) -> Cleaned:
        """Repair what can be repaired, and find the rows to remove: repaired violations need no removal."""
        repaired, found = self._repaired()
        removed = self._removed(found, repaired, "quarantine")
        return Cleaned(self.schema, self._of_rows_that_stay(repaired, removed), removed, found)

    # -- repairs ---------------------------------------------------------------------------------------------------

    @cached_property
    def _plans(self) -> list[PlannedRepair]:
        """The repairs of rules that are violated, and of all dependencies if one has something to repair: a repair may
        break another one, which is then repaired, too."""
        violated = violated_in(self.before)
        declared = [planned_repair(rule, self.dataset) for rule in self.rules]
        plans = [plan for plan in declared if plan is not None]
        fills = self.whole is not None and self.whole.declared.fill
        due = [plan for plan in plans if plan.rule.name in violated or plan.rule.fill or fills]
        together = any(isinstance(plan.method, DependencyMethod) for plan in due)
        return [plan for plan in plans if plan in due or (together and isinstance(plan.method, DependencyMethod))]

    def _repaired(self) -> tuple[Repaired, Detection]:
        """The repairs, without those that raise the number of violations of a rule, and the violations after them."""
        if not self._plans and not self.decisions.overridden and self.whole is None:
            return Repaired(), self.before
        self.ctx.progress("repairing cells")
        folder = self.ctx.scratch / "repairing"
        folder.mkdir()
        rows = self.before.counts[0].rows if self.before.counts else 0
        leaving = self._removed(self.before, Repaired(), "leaving").rows if self._plans else None
        table = TableState(
            self.formatted, self.schema, rows, self.rules, self.before.violations, violated_in(self.before), leaving,
            self.decisions,
        )  # fmt: skip
        solution = chosen_repairs(self.dataset, table, self._plans, self.ctx.engine, folder)
        left = [solution.left] if solution.left is not None else []
        cells = solution.cells
        repaired, found = self._after(cells, "repairs")
        decided: Detection | None = None
        for attempt, taken in enumerate(REVERSALS):
            broken = raised(self.before.counts, found.counts)
            if broken and self.decisions.overridden:
                # what people decided breaks is broken in any case: repairs are to blame for what is more than that
                decided = decided or self._decided_alone(repaired)
                broken = [name for name in raised(decided.counts, found.counts) if name in broken]
            if not broken or repaired.cells is None:
                break
            kept, back = reverted(repaired.cells, found.violations, broken, self.rules, self.dataset.name, taken)
            back = self.ctx.engine.materialise(back, self.ctx.scratch / f"reverted{attempt}")
            if row_count(self.ctx.scratch / f"reverted{attempt}"):
                left.append(back)
                repaired, found = self._after(kept, f"repairs{attempt}")
        return replace(self._with_left(repaired, left), trust=solution.trust), found

    def _decided_alone(self, repaired: Repaired) -> Detection:
        """The violations of the table with nothing but the values that people decided about."""
        from pyspark.sql import functions as F

        assert repaired.cells is not None
        return self._after(repaired.cells.where(F.col("method") == "decision"), "decided")[1]

    def _after(self, cells: DataFrame | None, name: str) -> tuple[Repaired, Detection]:
        """Repairs, and the violations after them."""
        repaired = self._materialised(cells, name)
        return repaired, self.before if repaired.cells is None else self._found_after(repaired, f"{name}-made")

    def _of_rows_that_stay(self, repaired: Repaired, removed: Removed) -> Repaired:
        """The repairs, without those of rows that are removed: the table has no such cells."""
        if removed.rows is None or repaired.cells is None:
            return repaired
        kept = self._materialised(repaired.cells.join(removed.rows.select("rid"), "rid", "left_anti"), "kept")
        return replace(kept, left=repaired.left, proposed=repaired.proposed, trust=repaired.trust)

    def _materialised(self, cells: DataFrame | None, name: str) -> Repaired:
        if cells is None:
            return Repaired()
        folder = self.ctx.scratch / name
        cells = self.ctx.engine.materialise(cells, folder)
        columns = frozenset(value_counts(folder, "column_name"))
        return Repaired(cells, per_rule=value_counts(folder, "rule"), columns=columns) if columns else Repaired()

    def _with_left(self, repaired: Repaired, left: Sequence[DataFrame]) -> Repaired:
        if not left:
            return repaired
        rows = left[0]
        for more in left[1:]:
            rows = rows.unionByName(more)
        folder = self.ctx.scratch / "proposals"
        rows = self.ctx.engine.materialise(rows, folder)
        proposed = row_count(folder)
        return replace(repaired, left=rows, proposed=proposed) if proposed else repaired

    def _found_after(self, repaired: Repaired, name: str) -> Detection:
        """The violations of the repaired table: only rules that read a repaired column are checked again."""
        assert repaired.cells is not None
        again = [rule for rule in self.rules if repaired.columns & columns_of(rule, self.dataset.name)]
        read = {column for rule in again for column in columns_of(rule, self.dataset.name)}
        if not again:
            return self.before
        table = apply_repairs(self.formatted, self.schema, repaired.cells, repaired.columns)
        needed = [spark_identifier(column) for column in self.schema.names if column in read or column == "_rid"]
        table = self.ctx.engine.materialise(table.select(*needed), self.ctx.scratch / f"{name}-table")
        return combined(self.before, self.detect(name, table, again))

    # -- removals --------------------------------------------------------------------------------------------------

    def _removed(self, found: Detection, repaired: Repaired, name: str) -> Removed:
        """The rows to remove, by violations of the repaired table."""
        violated = violated_in(found)
        rules = [rule for rule in self.quarantining if rule.name in violated]
        if not rules:
            return Removed()
        if name == "quarantine":
            self.ctx.progress("putting rows in quarantine")
        table = self.formatted
        if repaired.cells is not None:
            table = apply_repairs(table, self.schema, repaired.cells, repaired.columns)
        folder = self.ctx.scratch / name
        gone = self._gone(table, rules, found.violations, name)
        if name == "leaving":
            rows = self.ctx.engine.materialise(gone, folder)
        else:
            rows = self.ctx.engine.materialise(whole_rows(self.formatted, self.schema, gone), folder)
        per_rule = value_counts(folder, "rules")
        return Removed(rows, per_rule, row_count(folder)) if per_rule else Removed()

    def _gone(self, table: DataFrame, rules: Sequence[NamedRule], violations: DataFrame, name: str) -> DataFrame:
        """The rows that rules remove, ``rid, rules``.

        Rules about consecutive tuples come last, one after the other, each over the rows that those before it leave:
        once the reading that is too high has left, the one after it does not fall.
        """

        def removed(chosen: Sequence[NamedRule], violations: DataFrame, folder: Path) -> DataFrame:
            return removals(self.dataset, table, chosen, violations, self.decisions, self.ctx.engine, folder)

        consecutive = [rule for rule in rules if is_consecutive(rule)]
        others = [rule for rule in rules if rule not in consecutive]
        if not consecutive:
            return removed(others, violations, self.ctx.scratch / f"{name}-chains")
        gone: DataFrame | None = None
        for number, chosen in enumerate([others, *([rule] for rule in consecutive)]):
            if not chosen:
                continue
            if gone is not None and number:
                left = without_rows(table, gone)
                violations = self.detect(f"{name}-left{number}", left, chosen).violations
            folder = self.ctx.scratch / f"{name}-{number}"
            own = removed(chosen, violations, self.ctx.scratch / f"{name}-chains{number}")
            own = self.ctx.engine.materialise(own, folder)
            if row_count(folder):
                gone = own if gone is None else gone.unionByName(own)
        return own if gone is None else gone


def is_consecutive(rule: NamedRule) -> bool:
    """Whether a rule is about consecutive tuples."""
    return isinstance(rule.constraint, DenialConstraint) and rule.constraint.succession is not None


def violated_in(found: Detection) -> frozenset[str]:
    """The names of the rules that are violated."""
    return frozenset(count.rule for count in found.counts if count.violating_tuples)


def combined(before: Detection, again: Detection) -> Detection:
    """A detection in which some rules have been checked again."""
    from pyspark.sql import functions as F

    checked = {count.rule: count for count in again.counts}
    if not checked:
        return before
    kept = before.violations.where(~F.col("rule").isin(sorted(checked)))
    counts = tuple(checked.get(count.rule, count) for count in before.counts)
    gaps = again.gaps
    if not any(count.missing for count in counts):
        gaps = None
    elif before.gaps is not None:
        same = before.gaps.where(~F.col("rule").isin(sorted(checked)))
        gaps = same if gaps is None else same.unionByName(gaps)
    return Detection(kept.unionByName(again.violations), counts, gaps=gaps)


def with_rows(found: Detection, rows: int) -> Detection:
    """A detection with another number of rows of the table."""
    return replace(found, counts=tuple(replace(count, rows=rows) for count in found.counts))
