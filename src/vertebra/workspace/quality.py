"""The quality of the trusted tables, read from the ledgers: the last run, and those before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from vertebra.formatting import percentage
from vertebra.workspace.cleaning_counts import QuarantineCount, RepairCount, count_quarantine, count_repairs
from vertebra.workspace.quality_examples import ViolationExample, violation_examples
from vertebra.workspace.rule_tallies import RuleTally, tally_rules
from vertebra.workspace.sql import query

if TYPE_CHECKING:
    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.workspace.cell_changes import CellChanges
    from vertebra.workspace.repairs import SourceAccuracy

DIMENSIONS: Final = ("completeness", "validity", "consistency", "uniqueness", "timeliness")

RUNS: Final = 60
"""How many of the latest runs are read."""


@dataclass(frozen=True)
class QualityFigure:
    """A figure before and after cleaning; None if it is not applicable, for the reason in ``why``."""

    before: float | None
    after: float | None
    why: str = ""

    @property
    def last(self) -> float | None:
        """The figure after cleaning; before cleaning if the run did not get that far."""
        return self.after if self.after is not None else self.before

    @property
    def changed(self) -> bool:
        """Whether cleaning changed the figure, as it is printed."""
        return self.before is not None and self.after is not None and percentage(self.before) != percentage(self.after)


_NOT_MEASURED: Final = QualityFigure(None, None, "it was not measured")


@dataclass(frozen=True)
class QualityRun:
    """One run in the history of a table.

    Attributes:
        violations: violations before cleaning; a violation is a row in a role of a rule.
        new, persisting, gone: violations since the previous run; None if they cannot be compared.
        dimensions: after cleaning; before cleaning if the run did not get that far.
        tuples: violating tuples of each rule, before cleaning.
        figures: what each rule about the whole table measured.
    """

    run_id: str
    at: datetime
    violations: int
    new: int | None
    persisting: int | None
    gone: int | None
    dimensions: Mapping[str, float | None]
    tuples: Mapping[str, int]
    figures: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class TableQuality:
    """The quality of one trusted table.

    Attributes:
        dimensions: the dimensions of the table.
        columns: the dimensions of each column.
        rules: what was found about each rule, the most broken first.
        runs: oldest first; the other attributes describe the last one. Empty for a check without a run.
    """

    dataset: str
    rows: int
    dimensions: Mapping[str, QualityFigure]
    columns: Mapping[str, Mapping[str, QualityFigure]]
    rules: tuple[RuleTally, ...]
    runs: tuple[QualityRun, ...]

    @property
    def last(self) -> QualityRun:
        """The last run."""
        return self.runs[-1]

    @property
    def broken(self) -> tuple[RuleTally, ...]:
        """The rules that are violated."""
        return tuple(rule for rule in self.rules if rule.broken)

    @property
    def failed(self) -> tuple[RuleTally, ...]:
        """The rules with ``on_violation: fail`` that stopped the last run.

        The run then wrote no trusted table: the present one, if there is one, is that of an earlier run.
        """
        return tuple(rule for rule in self.rules if rule.failed)

    @property
    def stage(self) -> Literal["before", "after"]:
        """Whether the dimensions are those before or after cleaning: a run that a rule stopped has none after it."""
        stopped = self.failed and all(one.after is None for one in self.dimensions.values())
        return "before" if stopped else "after"

    @property
    def failure(self) -> str:
        """Why the last run did not write the trusted table, in a sentence; empty if it did."""
        if not self.failed:
            return ""
        rules = "a rule" if len(self.failed) == 1 else "rules"
        return (
            f"the last run did not write trusted.{self.dataset}: {rules} declared with on_violation: fail stopped it:"
            f" {'; '.join(rule.failure for rule in self.failed)}"
        )

    def dimension(self, name: str) -> QualityFigure:
        """One of :data:`DIMENSIONS` of the table."""
        return self.dimensions.get(name, _NOT_MEASURED)

    def column_dimension(self, column: str, name: str) -> QualityFigure:
        """One of :data:`DIMENSIONS` of a column."""
        return self.columns[column].get(name, _NOT_MEASURED)

    def imperfect_columns(self) -> list[str]:
        """The columns that are below 100 % in a dimension, the worst first."""
        worst = {
            column: min(
                (one.last for name in DIMENSIONS if (one := measures.get(name)) and one.last is not None), default=1.0
            )
            for column, measures in self.columns.items()
        }
        return sorted((column for column, least in worst.items() if least < 1), key=lambda column: worst[column])


@dataclass(frozen=True)
class QualityMeasure:
    """One measured figure of one run: a row of the ``quality`` ledger.

    Attributes:
        stage: ``before`` or ``after`` cleaning.
        scope: ``table``, ``column`` or ``rule``.
        subject: the table, column or rule.
        measure, value: what was measured; None if it is not applicable, for the reason in ``note``.
    """

    run_id: str
    recorded_at: datetime
    table_name: str
    table_version: int | None
    stage: str
    scope: str
    subject: str
    measure: str
    value: float | None
    note: str | None


@dataclass(frozen=True)
class QualityEvidence:
    """The evidence for the quality of tables.

    Attributes:
        repairs: by column and rule, the most frequent first.
        quarantine: by set of rules, the most frequent first.
        examples: a few examples of each broken rule, by dataset and rule.
        changes: the repaired and proposed cells of each dataset, by rule and method, with examples.
        sources: how accurate the sources of the rows of each dataset are, where votes are weighed by source.
        warnings: dataset → why repairs, proposals, quarantine and violations are not those of its trusted table, with
            the next command; other datasets are left out.
    """

    repairs: tuple[RepairCount, ...]
    quarantine: tuple[QuarantineCount, ...]
    examples: Mapping[str, Mapping[str, Sequence[ViolationExample]]]
    changes: Mapping[str, CellChanges] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, Sequence[SourceAccuracy]] = field(default_factory=dict)


def quality_measures(
    lake: Lake, ledgers: Ledgers, dataset: str | None = None, history: bool = False
) -> list[QualityMeasure]:
    """The measures of each dataset's last assessment.

    Args:
        dataset: one dataset; None takes all.
        history: those of every run, the latest first.
    """
    ledgers.table("quality")  # refuses a ledger whose columns have other names
    only = "true" if dataset is None else f"table_name = '{_table_of(dataset)}'"
    which = (
        "ORDER BY run_id DESC, table_name, stage DESC, scope, subject, measure"
        if history
        else "QUALIFY rank() OVER (PARTITION BY table_name ORDER BY run_id DESC) = 1"
    )
    names = ", ".join(field.name for field in fields(QualityMeasure))
    found = query(lake, f"SELECT {names} FROM governance.quality WHERE {only} {which}")
    return [QualityMeasure(**row) for row in found.to_arrow_table().to_pylist()]


def table_quality(project: Project, lake: Lake, ledgers: Ledgers, dataset: str | None = None) -> list[TableQuality]:
    """The quality of one trusted table or of all that are declared, in the order of the project; none before a first
    run."""
    by_table: dict[str, list[dict[str, Any]]] = {}
    for measure in quality_measures(lake, ledgers, dataset):
        by_table.setdefault(measure.table_name.removeprefix("trusted."), []).append(vars(measure))
    runs = _runs(lake, dataset) if by_table else {}
    declared = list(project.datasets)
    declared += [f"exploitation.{name}" for name, view in project.views.items() if view.rules is not None]
    known = {*declared, *(one.name for one in project.broken)}
    order = sorted(
        known & set(by_table),
        key=lambda name: (declared.index(name) if name in declared else len(declared), name),
    )
    return [quality_of(name, by_table[name], runs[name]) for name in order]


def quality_evidence(project: Project, lake: Lake, ledgers: Ledgers, datasets: Sequence[str]) -> QualityEvidence:
    """Repairs, proposals, quarantine, and examples of violations of datasets."""
    from vertebra.declare.rules import rules_of
    from vertebra.workspace.cell_changes import cell_changes
    from vertebra.workspace.decisions import ledger_warnings
    from vertebra.workspace.repairs import source_accuracies

    examples = {}
    for name in datasets:
        if name in project.datasets:
            dataset = project.datasets[name]
            rules = rules_of(dataset, project.datasets)
            examples[name] = violation_examples(lake, ledgers, name, dataset.key, rules)
    warnings = {name: ledger_warnings(project, lake, ledgers, name) for name in datasets}
    return QualityEvidence(
        tuple(count_repairs(lake, datasets)),
        tuple(count_quarantine(lake, datasets)),
        examples,
        cell_changes(project, lake, ledgers, datasets),
        {name: " ".join(found) for name, found in warnings.items() if found},
        {name: source_accuracies(ledgers, name)[0] for name in datasets},
    )


def quality_of(dataset: str, rows: list[dict[str, Any]], runs: Sequence[QualityRun] = ()) -> TableQuality:
    """The quality of a table from measures, with the columns of the ``quality`` ledger.

    Args:
        dataset: its name.
        rows: the measures.
        runs: its runs, oldest first; none for a check without a run.
    """
    figures = _figures(rows)
    of_table = figures["table", dataset.rpartition(".")[2]]
    counted = of_table.get("rows", QualityFigure(None, None)).last
    return TableQuality(
        dataset,
        rows=int(counted or 0),
        dimensions=of_table,
        columns={subject: measures for (scope, subject), measures in figures.items() if scope == "column"},
        rules=tuple(tally_rules(rows)),
        runs=tuple(runs),
    )


def _figures(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, QualityFigure]]:
    """The figures of tables and columns, by scope and subject."""
    found: dict[tuple[str, str], dict[str, dict[str, dict[str, Any]]]] = {}
    for row in rows:
        if row["scope"] != "rule":
            measures = found.setdefault((row["scope"], row["subject"]), {})
            measures.setdefault(row["measure"], {})[row["stage"]] = row
    return {key: {name: _figure(stages) for name, stages in measures.items()} for key, measures in found.items()}


def _figure(stages: Mapping[str, Mapping[str, Any]]) -> QualityFigure:
    values = {stage: row["value"] for stage, row in stages.items()}
    notes = [row["note"] for row in stages.values() if row["value"] is None]
    return QualityFigure(values.get("before"), values.get("after"), notes[-1] if notes else "")


def _table_of(dataset: str) -> str:
    """The table that is assessed: the trusted one of a dataset, or a view by its qualified name."""
    return dataset if "." in dataset else f"trusted.{dataset}"


def _runs(lake: Lake, dataset: str | None) -> dict[str, list[QualityRun]]:
    """The latest runs of each table, oldest first."""
    only = "true" if dataset is None else f"table_name = '{_table_of(dataset)}'"
    found = query(
        lake,
        f"""
        WITH known AS (
            SELECT *, dense_rank() OVER (PARTITION BY table_name ORDER BY run_id DESC) AS age
            FROM governance.quality
            WHERE {only}
              AND (scope = 'table' OR scope = 'rule' AND (
                  measure = 'violating_tuples' AND (stage = 'before' OR starts_with(table_name, 'exploitation.'))
                  OR measure = 'figure'
              ))
            -- earlier releases left two assessments of one version where a run died before it wrote the table
            QUALIFY table_version IS NULL
                OR rank() OVER (PARTITION BY table_name, table_version ORDER BY run_id DESC) = 1
        )
        SELECT table_name, run_id, recorded_at, stage, scope, subject, measure, value
        FROM known WHERE age <= {RUNS} ORDER BY table_name, age DESC
        """,
    )
    rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
    by_run: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        by_run.setdefault((row["table_name"].removeprefix("trusted."), row["run_id"]), []).append(row)
    runs: dict[str, list[QualityRun]] = {}
    for (table, run_id), measured in by_run.items():
        runs.setdefault(table, []).append(_quality_run(run_id, measured))
    return runs


def _quality_run(run_id: str, rows: list[dict[str, Any]]) -> QualityRun:
    of_table = {(row["measure"], row["stage"]): row["value"] for row in rows if row["scope"] == "table"}
    of_rules = [row for row in rows if row["scope"] == "rule"]
    tuples = {row["subject"]: int(row["value"] or 0) for row in of_rules if row["measure"] == "violating_tuples"}
    figures = {row["subject"]: row["value"] for row in of_rules if row["measure"] == "figure"}

    def count(measure: str) -> int | None:
        value = of_table.get((measure, "before"))
        return None if value is None else int(value)

    dimensions = {name: of_table.get((name, "after"), of_table.get((name, "before"))) for name in DIMENSIONS}
    return QualityRun(
        run_id,
        rows[0]["recorded_at"],
        count("violations") or 0,
        count("violations_new"),
        count("violations_persisting"),
        count("violations_gone"),
        dimensions,
        tuples,
        figures,
    )
