"""Assessment: how good a table is, per rule, per column and as a whole, in the dimensions of data quality.

A dimension that cannot be measured from what is declared and received is not applicable: its value is None, with a
note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from vertebra.trusted.cells import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.governance.context import StepContext
    from vertebra.governance.ledgers import Ledgers
    from vertebra.trusted.detect import RuleCount
    from vertebra.trusted.resolution import Standing

Stage = Literal["before", "after"]
Scope = Literal["table", "column", "rule"]


@dataclass(frozen=True)
class Measure:
    """One measured figure.

    Attributes:
        subject: the table, column or rule it is about.
        measure: what was measured, e.g. ``completeness``, ``g3``.
        value: None means not applicable; the note says why.
    """

    scope: Scope
    subject: str
    measure: str
    value: float | None
    note: str = ""


@dataclass(frozen=True)
class Fill:
    """How full a table is.

    Attributes:
        complete: rows without a NULL.
        filled: non-NULL cells of each column.
    """

    rows: int
    complete: int
    filled: Mapping[str, int]


@dataclass(frozen=True)
class Assessment:
    """The quality of one table at one stage."""

    table: str
    stage: Stage
    measures: tuple[Measure, ...]

    def value(self, scope: Scope, subject: str, measure: str) -> float | None:
        """One figure; None when it is not applicable or was not measured."""
        for found in self.measures:
            if (found.scope, found.subject, found.measure) == (scope, subject, measure):
                return found.value
        return None


def fills(stages: Mapping[Stage, DataFrame], columns: Sequence[str]) -> dict[Stage, Fill]:
    """Count the non-NULL cells of tables of one schema, in one engine job.

    Args:
        columns: the columns that count; system columns do not.
    """
    from functools import reduce

    from pyspark.sql import functions as F

    filled = [F.count(F.col(quoted(name))).alias(f"c{i}") for i, name in enumerate(columns)]
    whole = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in columns) or "true"
    complete = F.count(F.when(F.expr(whole), F.lit(1))).alias("complete")
    counts = [
        frame.agg(F.count(F.lit(1)).alias("rows"), complete, *filled).select(F.lit(stage).alias("stage"), "*")
        for stage, frame in stages.items()
    ]
    found: dict[Stage, Fill] = {}
    for row in reduce(lambda first, second: first.unionByName(second), counts).collect():
        per_column = {name: int(row[f"c{i}"]) for i, name in enumerate(columns)}
        found[row["stage"]] = Fill(int(row["rows"]), int(row["complete"]), per_column)
    return found


def rejected_cells(ledgers: Ledgers, dataset: str, without: Collection[int] = ()) -> Counter[str]:
    """Cells of each column that did not parse.

    Args:
        without: rows that do not count, because they were removed.
    """
    counts: Counter[str] = Counter()
    table = ledgers.table("rejects")
    if not table.exists():
        return counts
    only = pc.field("dataset") == dataset
    if without:
        only &= ~pc.field("rid").isin(pa.array(list(without), pa.int64()))
    for batch in table.arrow().to_batches(columns=["column_name"], filter=only):
        for entry in batch.column("column_name").value_counts().to_pylist():
            counts[entry["values"]] += entry["counts"]
    return counts


def assess(
    dataset: Dataset,
    stage: Stage,
    fill: Fill,
    rejected: Mapping[str, int],
    rules: Sequence[NamedRule],
    counts: Sequence[RuleCount],
    standing: Standing,
) -> Assessment:
    """Turn counts into measures.

    Args:
        fill: of the table at this stage.
        rejected: cells of each column that did not parse.
        counts: of each rule's violations at this stage.
        standing: what became of the violations.
    """
    by_rule = {count.rule: count for count in counts}
    measures = [
        *_of_table(dataset, fill, rules, by_rule, standing),
        *_of_columns(fill, rejected),
        *(one for rule in rules for one in _of_rule(rule, by_rule[rule.name], fill.rows)),
        *(one for rule in rules for one in _of_cleaning(rule, standing, stage)),
    ]
    return Assessment(f"trusted.{dataset.name}", stage, tuple(measures))


def quality_rows(assessments: Iterable[Assessment], ctx: StepContext, version: int | None) -> list[dict[str, object]]:
    """Assessments as rows of the ``quality`` ledger.

    Args:
        version: of the trusted table that the run writes; None when it writes none.
    """
    about = {"run_id": ctx.run_id, "recorded_at": ctx.now, "table_version": version}
    return [
        about
        | {"table_name": assessment.table, "stage": assessment.stage, "scope": one.scope, "subject": one.subject}
        | {"measure": one.measure, "value": one.value, "note": one.note}
        for assessment in assessments
        for one in assessment.measures
    ]


def share(part: float, whole: float) -> float | None:
    """``part / whole``; None of nothing."""
    return part / whole if whole else None


def _of_table(
    dataset: Dataset, fill: Fill, rules: Sequence[NamedRule], counts: Mapping[str, RuleCount], standing: Standing
) -> list[Measure]:
    def measure(name: str, value: float | None, note: str = "") -> Measure:
        return Measure("table", dataset.name, name, value, note if value is None else "")

    key = next((rule.name for rule in rules if rule.kind == "key"), None)
    extra = counts[key].g3_rows if key is not None else None
    unique = None if extra is None else share(fill.rows - extra, fill.rows)
    empty = "the table has no rows"
    return [
        measure("rows", float(fill.rows)),
        measure("completeness", share(fill.complete, fill.rows), empty),
        measure(
            "consistency",
            share(fill.rows - standing.rows, fill.rows) if rules else None,
            empty if rules else "no rules are declared",
        ),
        measure("uniqueness", unique, empty if key else "no key is declared"),
        measure("timeliness", None, "no update rate is declared"),
    ]


def _of_columns(fill: Fill, rejected: Mapping[str, int]) -> list[Measure]:
    found = []
    for name, filled in fill.filled.items():
        complete = share(filled, fill.rows)
        found.append(Measure("column", name, "completeness", complete, _note(complete, "the table has no rows")))
        valid = share(filled, filled + rejected.get(name, 0))
        found.append(Measure("column", name, "validity", valid, _note(valid, "the column has no values")))
    return found


def _of_rule(rule: NamedRule, count: RuleCount, rows: int) -> list[Measure]:
    def measure(name: str, value: float | None, note: str = "") -> Measure:
        return Measure("rule", rule.name, name, None if value is None else float(value), _note(value, note))

    pairless = "the rule is not about pairs" if count.violating_pairs is None else "no pair matches its left-hand side"
    pair_share = None
    if count.violating_pairs is not None and count.lhs_pairs is not None:
        pair_share = share(count.violating_pairs, count.lhs_pairs)
    return [
        measure("violating_tuples", count.violating_tuples),
        measure("violating_pairs", count.violating_pairs, pairless),
        measure("pair_share", pair_share, pairless),
        measure("g2", share(count.violating_tuples, rows), "the table has no rows"),
        measure("g3_rows", count.g3_rows, "not linear to compute for a rule of this class"),
        measure(
            "g3",
            None if count.g3_rows is None else share(count.g3_rows, rows),
            "not linear to compute for a rule of this class" if count.g3_rows is None else "the table has no rows",
        ),
        measure("minority_cells", count.minority_cells, "the rule does not say which cells are wrong"),
    ]


def _of_cleaning(rule: NamedRule, standing: Standing, stage: Stage) -> list[Measure]:
    """What was done about a rule: cells it repaired, rows it removed; violating tuples accepted and left."""
    done = {"accepted": standing.accepted, "unresolved": standing.unresolved}
    if stage == "after":
        done = {"repaired": standing.repaired, "quarantined": standing.quarantined} | done
    return [Measure("rule", rule.name, name, float(counts.get(rule.name, 0))) for name, counts in done.items()]


def _note(value: float | None, note: str) -> str:
    return note if value is None else ""
