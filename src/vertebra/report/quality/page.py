"""The quality of the trusted tables as a self-contained HTML page, without scripts and external resources.

This module prepares the content; ``templates/`` has the layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.report.quality.changes import ChangesSection, changes_section
from vertebra.report.quality.plots import RunBar, share_plot, violations_plot
from vertebra.report.quality.rules import RuleCard, constraint_text, rule_card
from vertebra.report.quality.sources import SourcesSection, sources_section
from vertebra.report.quality.trends import MEANING, overall_runs
from vertebra.templates import render
from vertebra.workspace.quality import DIMENSIONS, QualityEvidence, QualityFigure, TableQuality

if TYPE_CHECKING:
    from markupsafe import Markup

    from vertebra.declare.project import Project
    from vertebra.declare.rules import NamedRule
    from vertebra.declare.table_rule_compiler import TableRule
    from vertebra.workspace.rule_tallies import RuleTally

_WORST: Final = 12
_COLUMN_DIMENSIONS: Final = tuple(name for name in DIMENSIONS if name != "timeliness")


@dataclass(frozen=True)
class ViolationsTrend:
    """A plot of violations by run.

    Attributes:
        caption: the caption of the plot.
        legend: CSS class and text of each kind of violation in the plot.
        plot: the plot as SVG.
        runs: the number of runs in the plot.
    """

    caption: str
    legend: Sequence[tuple[str, str]]
    plot: Markup
    runs: int


@dataclass(frozen=True)
class DimensionTrend:
    """A plot of one dimension by run; ``last`` is None if it was not applicable in the last run."""

    dimension: str
    last: float | None
    plot: Markup


@dataclass(frozen=True)
class WorstRules:
    """The most broken rules of all tables.

    Attributes:
        rules: the rules with the largest share of violating tuples, in descending order.
        most: the largest share, the maximum of the bars.
        left_out: the number of other broken rules.
    """

    rules: Sequence[RuleTally]
    most: float
    left_out: int


@dataclass(frozen=True)
class TableSection:
    """The section of one table.

    Attributes:
        dataset: the name of the dataset.
        facts: the quality of the table.
        description: the description of the dataset.
        trend: the trend of violations; None if the page has only this table and shows the trend above.
        histories: the trends of the dimensions.
        columns: the columns below 100 % in a dimension, the worst first, with a figure per dimension.
        perfect_columns: the names of the other columns.
        cards: the broken rules.
        holding: the other rules with their denial constraint, which is empty if no longer declared.
        changes: repaired and proposed cells; None if there are none.
        sources: how accurate the sources of its rows are; None if votes are not weighed by sources.
        warning: why repairs and proposals are not those of the table; empty if they are.
    """

    dataset: str
    facts: TableQuality
    description: str
    trend: ViolationsTrend | None
    histories: Sequence[DimensionTrend]
    columns: Sequence[tuple[str, Sequence[QualityFigure]]]
    perfect_columns: Sequence[str]
    cards: Sequence[RuleCard]
    holding: Sequence[tuple[str, str]]
    changes: ChangesSection | None
    sources: SourcesSection | None
    warning: str


def quality_page(facts: Sequence[TableQuality], evidence: QualityEvidence, project: Project) -> str:
    """The page as HTML.

    Args:
        facts: the quality of the tables to show; at least one.
        evidence: repairs, quarantine and examples of these tables.
        project: the declarations.
    """
    bars = overall_runs(facts)
    return render(
        __package__,
        "page.html.j2",
        title=f"Data quality of {project.settings.name}",
        last=max(facts, key=lambda one: one.last.at).last,
        dimensions=DIMENSIONS,
        column_dimensions=_COLUMN_DIMENSIONS,
        meaning=MEANING,
        totals=_totals(facts, evidence),
        trend=_violations_trend("Violations found by each run, before cleaning", bars),
        worst=_worst_rules(facts),
        tables=[_section(project, evidence, one, len(facts) == 1) for one in facts],
        before=[one.dataset for one in facts if one.stage == "before"],
        quarantine=evidence.quarantine,
    )


def _totals(facts: Sequence[TableQuality], evidence: QualityEvidence) -> list[tuple[str, str]]:
    removed = sum(count.rows for count in evidence.quarantine)
    changes = [one for name, one in evidence.changes.items() if name not in evidence.warnings]
    rules = [rule for one in facts for rule in one.rules]
    compared = [one.last for one in facts if one.last.new is not None]
    totals = [
        (f"{len(facts)}", "table" if len(facts) == 1 else "tables"),
        (f"{sum(one.rows for one in facts):,}", "trusted rows"),
        (f"{sum(not rule.broken for rule in rules):,} of {len(rules):,}", "rules hold"),
        (f"{sum(one.last.violations for one in facts):,}", "violations found"),
        (f"{sum(one.cells_repaired for one in changes):,}", "cells repaired"),
        (f"{sum(one.cells_proposed for one in changes):,}", "repairs proposed"),
        (f"{removed:,}", "rows in quarantine"),
    ]
    if compared:
        new, gone = sum(run.new or 0 for run in compared), sum(run.gone or 0 for run in compared)
        totals.append((f"+{new:,} −{gone:,}", "new and gone since the previous run"))
    return totals


def _violations_trend(caption: str, bars: Sequence[RunBar]) -> ViolationsTrend:
    kinds = [
        ("kept", "persisting", any(bar.kept for bar in bars)),
        ("new", "new", any(bar.new for bar in bars)),
        ("unknown", "found (no earlier run to compare)", any(bar.unknown for bar in bars)),
        ("gone", "gone (below zero)", any(bar.gone for bar in bars)),
    ]
    legend = [(kind, text) for kind, text, present in kinds if present]
    return ViolationsTrend(caption, legend, violations_plot(bars, caption), len(bars))


def _worst_rules(facts: Sequence[TableQuality]) -> WorstRules:
    about_rows = [rule for one in facts for rule in one.broken if rule.tuples]
    broken = sorted(about_rows, key=lambda rule: -(rule.share or 0))
    most = max((rule.share or 0.0 for rule in broken), default=0.0) or 1.0
    return WorstRules(broken[:_WORST], most, max(len(broken) - _WORST, 0))


def _section(project: Project, evidence: QualityEvidence, facts: TableQuality, alone: bool) -> TableSection:
    """Prepare the section of a table; ``alone`` is whether it is the only table of the page."""
    from vertebra.declare.rules import rules_of
    from vertebra.declare.table_rule_compiler import table_rules_of

    dataset = project.datasets.get(facts.dataset)
    rules: dict[str, NamedRule | TableRule] = {}
    cards: list[RuleCard] = []
    if dataset is not None:
        rules |= {rule.name: rule for rule in rules_of(dataset, project.datasets)}
        rules |= {rule.name: rule for rule in table_rules_of(dataset)}
        found = evidence.examples.get(facts.dataset, {})
        cards = [
            rule_card(facts, tally, rules.get(tally.rule), dataset, found.get(tally.rule, ())) for tally in facts.broken
        ]
    imperfect = facts.imperfect_columns()
    changes, warning = evidence.changes.get(facts.dataset), evidence.warnings.get(facts.dataset, "")
    return TableSection(
        facts.dataset,
        facts,
        description=dataset.description if dataset else "",
        trend=None if alone else _violations_trend("Violations found by each run", _bars(facts)),
        histories=_dimension_trends(facts) if len(facts.runs) > 1 else [],
        columns=[
            (column, [facts.column_dimension(column, name) for name in _COLUMN_DIMENSIONS]) for column in imperfect
        ],
        perfect_columns=[column for column in facts.columns if column not in imperfect],
        cards=cards,
        holding=[(rule.rule, constraint_text(rules.get(rule.rule))) for rule in facts.rules if not rule.broken],
        changes=changes_section(changes, current=not warning) if changes else None,
        sources=sources_section(facts.dataset, evidence.sources.get(facts.dataset, ())),
        warning=f"{warning[:1].upper()}{warning[1:]}".replace("\n  next:  ", ". Next: "),
    )


def _bars(facts: TableQuality) -> list[RunBar]:
    return [
        RunBar(
            point.at,
            kept=point.persisting or 0,
            new=point.new or 0,
            unknown=point.violations if point.new is None else 0,
            gone=point.gone or 0,
        )
        for point in facts.runs
    ]


def _dimension_trends(facts: TableQuality) -> list[DimensionTrend]:
    times = [point.at for point in facts.runs]
    trends = []
    for name in DIMENSIONS:
        values = [point.dimensions.get(name) for point in facts.runs]
        if any(value is not None for value in values):
            trends.append(DimensionTrend(name, values[-1], share_plot(times, values, f"{name} by run, in percent")))
    return trends
