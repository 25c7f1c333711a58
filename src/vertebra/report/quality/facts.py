"""What there is to show of the quality of the trusted tables, read from the ledgers: the last run, and those before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from vertebra.report.counts import RuleTally, latest_quality, tallied
from vertebra.report.formatting import share
from vertebra.report.quality.plots import RunBar

if TYPE_CHECKING:
    from vertebra.workspace.workspace import Workspace

DIMENSIONS: Final = ("completeness", "validity", "consistency", "uniqueness", "timeliness")

MEANING: Final[Mapping[str, str]] = {
    "completeness": "rows without NULL",
    "validity": "received values that parsed",
    "consistency": "rows that meet every rule",
    "uniqueness": "rows left when each key is kept once",
    "timeliness": "1 / (1 + age · update rate)",
}
"""The dimensions of a table, in a few words."""

_RUNS: Final = 60
"""The latest runs that are drawn."""


@dataclass(frozen=True)
class Figure:
    """A figure before and after cleaning; None where it is not applicable, and then ``why``."""

    before: float | None
    after: float | None
    why: str = ""

    @property
    def last(self) -> float | None:
        """After cleaning, or before where the run did not get that far."""
        return self.after if self.after is not None else self.before

    @property
    def changed(self) -> bool:
        """Whether cleaning changed the figure by enough to be seen."""
        return self.before is not None and self.after is not None and share(self.before) != share(self.after)


_NOT_MEASURED: Final = Figure(None, None, "it was not measured")


@dataclass(frozen=True)
class RunPoint:
    """One run in the history of a table.

    Attributes:
        violations: it found, before cleaning; a violation is a row in a role of a rule.
        new, persisting, gone: of them since the run before; None where they cannot be compared.
        dimensions: after cleaning; before it where the run did not get that far.
        tuples: violating tuples of each rule, before cleaning.
    """

    run_id: str
    at: datetime
    violations: int
    new: int | None
    persisting: int | None
    gone: int | None
    dimensions: Mapping[str, float | None]
    tuples: Mapping[str, int]


@dataclass(frozen=True)
class TableFacts:
    """The quality of one trusted table.

    Attributes:
        dimensions: of the table.
        columns: the dimensions of each column.
        rules: the most broken first.
        runs: oldest first; the last is the one the other facts are of. None of a check without a run.
    """

    dataset: str
    rows: int
    dimensions: Mapping[str, Figure]
    columns: Mapping[str, Mapping[str, Figure]]
    rules: tuple[RuleTally, ...]
    runs: tuple[RunPoint, ...]

    @property
    def last(self) -> RunPoint:
        """The last run."""
        return self.runs[-1]

    @property
    def broken(self) -> tuple[RuleTally, ...]:
        """The rules that tuples break."""
        return tuple(rule for rule in self.rules if rule.tuples)

    def dimension(self, name: str) -> Figure:
        """One of :data:`DIMENSIONS` of the table."""
        return self.dimensions.get(name, _NOT_MEASURED)

    def column_dimension(self, column: str, name: str) -> Figure:
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


def table_facts(space: Workspace, dataset: str | None = None) -> list[TableFacts]:
    """The facts of one dataset or of all, in the order of the project; none before a first run."""
    by_table: dict[str, list[dict[str, Any]]] = {}
    for row in latest_quality(space, dataset):
        by_table.setdefault(row["table_name"].partition(".")[2], []).append(row)
    runs = _runs(space, dataset) if by_table else {}
    declared = list(space.project.datasets)
    order = sorted(by_table, key=lambda name: (declared.index(name) if name in declared else len(declared), name))
    return [_facts(name, by_table[name], runs[name]) for name in order]


def checked_facts(dataset: str, rows: list[dict[str, Any]]) -> TableFacts:
    """The facts of a check that was made without a run, from measures as the ``quality`` ledger has them."""
    return _facts(dataset, rows, [])


def _facts(dataset: str, rows: list[dict[str, Any]], runs: list[RunPoint]) -> TableFacts:
    figures = _figures(rows)
    counted = figures["table", dataset].get("rows", Figure(None, None)).last
    return TableFacts(
        dataset,
        rows=int(counted or 0),
        dimensions=figures["table", dataset],
        columns={subject: measures for (scope, subject), measures in figures.items() if scope == "column"},
        rules=tuple(tallied(rows)),
        runs=tuple(runs),
    )


def _figures(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Figure]]:
    """The figures of tables and columns, by scope and subject."""
    found: dict[tuple[str, str], dict[str, dict[str, dict[str, Any]]]] = {}
    for row in rows:
        if row["scope"] != "rule":
            measures = found.setdefault((row["scope"], row["subject"]), {})
            measures.setdefault(row["measure"], {})[row["stage"]] = row
    return {key: {name: _figure(stages) for name, stages in measures.items()} for key, measures in found.items()}


def _figure(stages: Mapping[str, Mapping[str, Any]]) -> Figure:
    values = {stage: row["value"] for stage, row in stages.items()}
    notes = [row["note"] for row in stages.values() if row["value"] is None]
    return Figure(values.get("before"), values.get("after"), notes[-1] if notes else "")


def _runs(space: Workspace, dataset: str | None) -> dict[str, list[RunPoint]]:
    """The latest runs of each table, oldest first."""
    only = "true" if dataset is None else f"table_name = 'trusted.{dataset}'"
    rows = space.sql(
        f"""
        WITH known AS (
            SELECT *, dense_rank() OVER (PARTITION BY table_name ORDER BY recorded_at DESC, run_id DESC) AS age
            FROM governance.quality
            WHERE {only}
              AND (scope = 'table' OR scope = 'rule' AND measure = 'violating_tuples' AND stage = 'before')
            -- of two assessments of one version, the first is of a run that died before it wrote the table
            QUALIFY table_version IS NULL
                OR rank() OVER (PARTITION BY table_name, table_version ORDER BY recorded_at DESC, run_id DESC) = 1
        )
        SELECT table_name, run_id, recorded_at, stage, scope, subject, measure, value
        FROM known WHERE age <= {_RUNS} ORDER BY table_name, age DESC
        """
    ).rows()
    by_run: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        by_run.setdefault((row["table_name"].partition(".")[2], row["run_id"]), []).append(row)
    found: dict[str, list[RunPoint]] = {}
    for (table, run_id), measured in by_run.items():
        found.setdefault(table, []).append(_run_point(run_id, measured))
    return found


def _run_point(run_id: str, rows: list[dict[str, Any]]) -> RunPoint:
    of_table = {(row["measure"], row["stage"]): row["value"] for row in rows if row["scope"] == "table"}
    tuples = {row["subject"]: int(row["value"] or 0) for row in rows if row["scope"] == "rule"}

    def count(measure: str) -> int | None:
        value = of_table.get((measure, "before"))
        return None if value is None else int(value)

    dimensions = {name: of_table.get((name, "after"), of_table.get((name, "before"))) for name in DIMENSIONS}
    return RunPoint(
        run_id,
        rows[0]["recorded_at"],
        count("violations") or 0,
        count("violations_new"),
        count("violations_persisting"),
        count("violations_gone"),
        dimensions,
        tuples,
    )


def overall_runs(facts: Sequence[TableFacts]) -> list[RunBar]:
    """The runs of several tables together: what each run found, and what stood in the tables it passed over."""
    by_run: dict[tuple[datetime, str], dict[str, RunPoint]] = {}
    for one in facts:
        for point in one.runs:
            by_run.setdefault((point.at, point.run_id), {})[one.dataset] = point
    standing: dict[str, RunPoint] = {}
    bars = []
    for (at, _), assessed in sorted(by_run.items()):
        kept = sum(point.violations for name, point in standing.items() if name not in assessed)
        standing |= assessed
        points = assessed.values()
        bars.append(
            RunBar(
                at,
                kept=kept + sum(point.persisting or 0 for point in points),
                new=sum(point.new or 0 for point in points),
                unknown=sum(point.violations for point in points if point.new is None),
                gone=sum(point.gone or 0 for point in points),
            )
        )
    return bars[-_RUNS:]
