"""Assessment: the quality of a table in the dimensions of data quality, as a whole and for each column and rule.

A dimension that cannot be measured from the declaration and the data is not applicable: its value is None, with a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from vertebra.engine.expression_trees import balanced
from vertebra.governance.schemas import STATES
from vertebra.quoting import spark_identifier
from vertebra.trusted.detect.rule_count import removal_for_all
from vertebra.trusted.rule_columns import columns_of, readers_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.governance.context import StepContext
    from vertebra.governance.ledgers import Ledgers
    from vertebra.trusted.detect import RuleCount
    from vertebra.trusted.resolution import ViolationSummary
    from vertebra.trusted.timeliness import Timeliness
    from vertebra.trusted.violation_changes import Change

Stage = Literal["before", "after"]
Scope = Literal["table", "column", "rule"]

FAILED = "failed"
"""The measure of a rule with ``on_violation: fail`` that stopped a run: the tuples that violate it."""

_EMPTY = "the table has no rows"
_RULELESS = "no rules are declared"
_BOUNDED = "only bounds are known: in general it is NP-hard"
_UNBOUNDED = "no bound is known for a rule of this class"


@dataclass(frozen=True)
class Measure:
    """One measured figure.

    Attributes:
        subject: the table, column or rule it is about.
        measure: what was measured, e.g. ``completeness``, ``g3``.
        value: None means not applicable.
        note: why the value is None, or the run it is compared with.
    """

    scope: Scope
    subject: str
    measure: str
    value: float | None
    note: str = ""


@dataclass(frozen=True)
class NonNullCounts:
    """Non-NULL values of a table.

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


def count_non_null(stages: Mapping[Stage, DataFrame], columns: Sequence[str]) -> dict[Stage, NonNullCounts]:
    """Count the non-NULL cells of tables of one schema, in one engine job.

    Args:
        columns: the columns to count, without system columns.
    """
    from functools import reduce

    from pyspark.sql import functions as F

    filled = [F.count(F.col(spark_identifier(name))).alias(f"c{i}") for i, name in enumerate(columns)]
    present = [f"{spark_identifier(name)} IS NOT NULL" for name in columns]
    whole = balanced(lambda one, other: f"({one} AND {other})", present or ["true"])
    complete = F.count(F.when(F.expr(whole), F.lit(1))).alias("complete")
    counts = [
        frame.agg(F.count(F.lit(1)).alias("rows"), complete, *filled).select(F.lit(stage).alias("stage"), "*")
        for stage, frame in stages.items()
    ]
    found: dict[Stage, NonNullCounts] = {}
    for row in reduce(lambda first, second: first.unionByName(second), counts).collect():
        per_column = {name: int(row[f"c{i}"]) for i, name in enumerate(columns)}
        found[row["stage"]] = NonNullCounts(int(row["rows"]), int(row["complete"]), per_column)
    return found


def rejected_cells(ledgers: Ledgers, dataset: str, without: Collection[int] = ()) -> Counter[str]:
    """Rejected cells of each column.

    Args:
        without: rows to leave out, because they were removed.
    """
    import pyarrow.dataset as pads  # brings pandas along, which a run with nothing to do can spare

    counts: Counter[str] = Counter()
    files = ledgers.files("rejects", dataset)
    if not files:
        return counts
    import pyarrow.compute as pc  # the plan of a run that has nothing to do imports this module

    only = ~pc.field("rid").isin(pa.array(list(without), pa.int64())) if without else None
    rejects = pads.dataset([str(file) for file in files], schema=STATES["rejects"], format="parquet")
    for batch in rejects.to_batches(columns=["column_name"], filter=only):
        for entry in batch.column("column_name").value_counts().to_pylist():
            counts[entry["values"]] += entry["counts"]
    return counts


@dataclass(frozen=True)
class StageFindings:
    """The counts of one stage.

    Attributes:
        non_null: non-NULL values of the table.
        rejected: rejected cells of each column.
        counts: violations of each rule.
        violations: the violations by outcome.
    """

    non_null: NonNullCounts
    rejected: Mapping[str, int]
    counts: Sequence[RuleCount]
    violations: ViolationSummary


def assess(
    dataset: Dataset,
    stage: Stage,
    found: StageFindings,
    rules: Sequence[NamedRule],
    timely: Timeliness,
    change: Change | None = None,
) -> Assessment:
    """Turn counts into measures.

    Args:
        found: at this stage.
        change: since the last run; None if not measured, e.g. after cleaning.
    """
    by_rule = {count.rule: count for count in found.counts}
    measures = [
        *_of_table(dataset, found, rules, by_rule, timely),
        *_of_columns(dataset, found, rules, by_rule),
        *(one for rule in rules for one in _of_rule(rule, by_rule[rule.name], found.non_null.rows)),
        *(one for rule in rules for one in _of_cleaning(rule, found.violations, stage)),
        *(one for one in (_of_change(dataset, rules, change) if change else ())),
    ]
    return Assessment(f"trusted.{dataset.name}", stage, tuple(measures))


def failures(table: str, stage: Stage, tuples: Mapping[str, int]) -> Assessment:
    """The rules that stopped a run, which wrote no table.

    Args:
        table: the name of the table that was not written.
        stage: when they were checked.
        tuples: rule → the number of tuples that violate it; 0 for a rule about the whole table.
    """
    note = f"on_violation is fail: the run did not write {table}"
    return Assessment(
        table, stage, tuple(Measure("rule", rule, FAILED, float(count), note) for rule, count in tuples.items())
    )


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
    """``part / whole``; None if ``whole`` is 0."""
    return part / whole if whole else None


def _of_table(
    dataset: Dataset,
    found: StageFindings,
    rules: Sequence[NamedRule],
    counts: Mapping[str, RuleCount],
    timely: Timeliness,
) -> list[Measure]:
    def measure(name: str, value: float | None, note: str = "") -> Measure:
        return Measure("table", dataset.name, name, value, _note(value, note))

    non_null, violations = found.non_null, found.violations
    low, high = removal_for_all(found.counts)
    key = next((rule.name for rule in rules if rule.kind == "key"), None)
    filled, rejected = sum(non_null.filled.values()), sum(found.rejected.get(name, 0) for name in non_null.filled)
    return [
        measure("rows", float(non_null.rows)),
        measure("complete_rows", float(non_null.complete)),
        measure("completeness", share(non_null.complete, non_null.rows), _EMPTY),
        measure("violating_rows", float(violations.rows) if rules else None, _RULELESS),
        measure(
            "consistency",
            share(non_null.rows - violations.rows, non_null.rows) if rules else None,
            _EMPTY if rules else _RULELESS,
        ),
        measure("g3_rows_low", float(low) if rules else None, _RULELESS),
        measure("g3_rows_high", float(high) if rules else None, _RULELESS),
        measure("uniqueness", _uniqueness(key, counts, non_null.rows), _EMPTY if key else "no key is declared"),
        Measure("table", dataset.name, "timeliness", timely.value, timely.note),
        measure("age_days", timely.age, "no batch was received"),
        measure("validity", share(filled, filled + rejected), "the table has no values"),
    ]


def _of_columns(
    dataset: Dataset, found: StageFindings, rules: Sequence[NamedRule], counts: Mapping[str, RuleCount]
) -> list[Measure]:
    non_null = found.non_null
    readers = readers_of(rules, dataset.name)
    alone = {
        column: rule.name
        for rule in rules
        if rule.kind in ("key", "unique") and len(of_rule := columns_of(rule, dataset.name)) == 1
        for column in of_rule
    }
    measures = []
    for name, filled in non_null.filled.items():
        violating = found.violations.rows_of(readers.get(name, ()))
        dimensions = {
            "completeness": (share(filled, non_null.rows), _EMPTY),
            "validity": (share(filled, filled + found.rejected.get(name, 0)), "the column has no values"),
            "consistency": (
                share(non_null.rows - violating, non_null.rows) if name in readers else None,
                _EMPTY if name in readers else "no rule reads the column",
            ),
            "uniqueness": (
                _uniqueness(alone.get(name), counts, non_null.rows),
                _EMPTY if name in alone else "the column is not declared unique",
            ),
            "timeliness": (None, "it is the table's"),
        }
        measures += [Measure("column", name, m, value, _note(value, why)) for m, (value, why) in dimensions.items()]
    return measures


def _uniqueness(rule: str | None, counts: Mapping[str, RuleCount], rows: int) -> float | None:
    """The share of rows that remain when repeated rows are removed."""
    extra = counts[rule].g3_rows if rule is not None else None
    return None if extra is None else share(rows - extra, rows)


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
        measure("lhs_pairs", count.lhs_pairs, "the rule has no left-hand side: no operand must be equal"),
        measure("pair_share", pair_share, pairless),
        measure("g2", share(count.violating_tuples, rows), "the table has no rows"),
        measure("g3_rows", count.g3_rows, _BOUNDED),
        measure("g3_rows_low", count.g3_low, _UNBOUNDED),
        measure("g3_rows_high", count.g3_high, _UNBOUNDED),
        measure("g3", None if count.g3_rows is None else share(count.g3_rows, rows), _EMPTY if rows == 0 else _BOUNDED),
        measure("minority_cells", count.minority_cells, "the rule does not say which cells are wrong"),
        *([] if count.missing is None else [measure("missing_rows", count.missing)]),
    ]


def _of_cleaning(rule: NamedRule, violations: ViolationSummary, stage: Stage) -> list[Measure]:
    """The effects of cleaning by rule: repaired cells, removed rows, accepted tuples and remaining violating tuples."""
    done = {"accepted": violations.accepted, "unresolved": violations.unresolved}
    if stage == "after":
        done = {"repaired": violations.repaired, "quarantined": violations.quarantined} | done
    return [Measure("rule", rule.name, name, float(counts.get(rule.name, 0))) for name, counts in done.items()]


def _of_change(dataset: Dataset, rules: Sequence[NamedRule], change: Change) -> list[Measure]:
    """Violations since the last run, of each rule and of all; a violation is a row in a role of a rule."""
    compared = change.reason or f"since run {change.since}"
    figures = [
        ("violations", change.found, "", ""),
        ("violations_new", change.new, change.reason, compared),
        ("violations_persisting", change.persisting, change.reason, compared),
        ("violations_gone", change.gone, change.reason, compared),
    ]
    measures = []
    for name, counts, lacking, note in figures:
        subjects: list[tuple[Scope, str, int]] = [("rule", rule.name, counts.get(rule.name, 0)) for rule in rules]
        for scope, subject, count in (*subjects, ("table", dataset.name, sum(counts.values()))):
            measures.append(Measure(scope, subject, name, None if lacking else float(count), note))
    return measures


def _note(value: float | None, note: str) -> str:
    return note if value is None else ""
