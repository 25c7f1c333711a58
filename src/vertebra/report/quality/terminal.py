"""Writes the quality of the trusted tables: the dimensions, and the violations and outcome of each rule."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TextIO

from vertebra.durable import make_folder, replace_file
from vertebra.formatting import counted, figure, percentage, size
from vertebra.governance.schemas import LEDGERS
from vertebra.report.quality.terminal_changes import print_changes
from vertebra.report.quality.trends import MEANING
from vertebra.report.rows import write_rows
from vertebra.report.tables import bar, grid, print_table, rich_console, spark
from vertebra.workspace.quality import DIMENSIONS, QualityFigure, TableQuality, quality_of
from vertebra.workspace.rule_tallies import RuleTally, tally_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from vertebra.declare.project import Project
    from vertebra.report.rows import Format
    from vertebra.trusted.assess import Assessment
    from vertebra.workspace.cell_changes import CellChanges
    from vertebra.workspace.quality import QualityEvidence, QualityMeasure

_COLUMNS: Final = tuple(LEDGERS["quality"].names)
_NOTHING_ASSESSED: Final = "nothing was assessed yet\n  next:  vertebra run\n"
_BAR: Final = 7
"""Width of a bar in characters."""


def write_measures(measures: Sequence[QualityMeasure], form: Format, stream: TextIO, notes: TextIO) -> None:
    """Write measures, one row each.

    Args:
        measures: the measures.
        form: ``json`` and ``csv`` give the rows of the ``quality`` ledger, ``table`` only the dimensions of tables
            after cleaning.
        stream: receives the measures.
        notes: receives the names of columns that do not fit the terminal.
    """
    rows = [asdict(measure) for measure in measures]
    columns = _COLUMNS
    if form == "table":
        rows = [row for row in rows if row["scope"] == "table" and row["stage"] == "after"]
        columns = ("recorded_at", "table_name", "table_version", "measure", "value", "note")
    write_rows(rows, columns, form, stream, notes)


def write_quality(
    tables: Sequence[TableQuality],
    changes: Mapping[str, CellChanges],
    project: Project,
    dataset: str | None,
    stream: TextIO,
    notes: TextIO,
) -> None:
    """Write the last assessment of tables to the terminal.

    Args:
        tables: the quality of each table.
        changes: the repaired and proposed cells of datasets.
        project: the project, for the declarations of rules.
        dataset: the requested dataset; None for all datasets.
        stream: receives the assessment.
        notes: receives the next command.
    """
    if not tables:
        notes.write(_NOTHING_ASSESSED)
        return
    rich = rich_console(stream)
    _print_failures(tables, rich)
    if dataset is None:
        _print_tables(tables, rich)
    else:
        _print_dimensions(tables[0], rich)
    _print_change(tables, rich)
    rules = [rule for one in tables for rule in one.rules]
    ordered = sorted(rules, key=lambda rule: (not rule.failed, not rule.violated, -rule.tuples))
    _print_rules(ordered, dataset is not None, rich, _histories(tables))
    shown = [changes[one.dataset] for one in tables if one.dataset in changes]
    print_changes(shown, rich, alone=dataset is not None)
    if dataset is not None:
        _print_constraints(project, dataset, rules, rich)
        _print_columns(tables[0], rich)
        notes.write(f"next:  vertebra quality {dataset} --html quality.html\n")
        if any(one.cells_proposed for one in shown):
            notes.write(f"       vertebra repairs list {dataset} --proposed\n")
    else:
        worst = max(tables, key=lambda one: sum(rule.tuples for rule in one.rules)).dataset
        notes.write(f"next:  vertebra quality {worst}, or vertebra quality --html quality.html\n")


def write_quality_page(
    tables: Sequence[TableQuality], evidence: QualityEvidence, project: Project, file: Path, notes: TextIO
) -> bool:
    """Write the quality of tables as one HTML page. Returns False if nothing was assessed yet."""
    from vertebra.report.quality.page import quality_page

    if not tables:
        notes.write(_NOTHING_ASSESSED)
        return False
    make_folder(file.parent)
    replace_file(file, quality_page(tables, evidence, project))
    notes.write(
        f"wrote {file}, {size(file.stat().st_size)}: open it in a browser, or send it; it needs no other file\n"
    )
    return True


def _print_failures(facts: Sequence[TableQuality], rich: Console) -> None:
    """Print which tables the last run did not write, and why."""
    from rich.text import Text

    for one in facts:
        if one.failed:
            rich.print(Text(f"{one.failure[0].upper()}{one.failure[1:]}", "bold red"))
            before = " Figures of rows and columns are those before cleaning." if one.stage == "before" else ""
            rich.print(Text(f"The table is that of an earlier run, if there is one.{before}\n"))


def _print_tables(facts: Sequence[TableQuality], rich: Console) -> None:
    """Print a line per table, with a bar and a figure for each dimension after cleaning."""
    measured = [name for name in DIMENSIONS if any(_last(one.dimensions, name) is not None for one in facts)]
    table = grid("table", "rows", *measured)
    table.columns[1].justify = "right"
    for one in facts:
        name = f"{one.dataset} (before cleaning)" if one.stage == "before" else one.dataset
        table.add_row(name, figure(one.rows), *(_drawn(_last(one.dimensions, name), _BAR) for name in measured))
    print_table(rich, "Dimensions, after cleaning", table)
    meanings = "; ".join(f"{name}: {MEANING[name]}" for name in measured)
    absent = [name for name in DIMENSIONS if name not in measured]
    more = f"; not applicable: {', '.join(absent)}" if absent else ""
    rich.print(f"[dim]{meanings}{more}[/]")


def _print_dimensions(facts: TableQuality, rich: Console) -> None:
    """Print a line per dimension of one table."""
    table = grid("dimension", "", "", "")
    table.columns[1].no_wrap = True
    for name in DIMENSIONS:
        one = facts.dimension(name)
        if one.last is None:
            table.add_row(name, "[dim]–[/]", f"[dim]not applicable: {one.why}[/]", "")
            continue
        was = f", {percentage(one.before or 0.0)} before cleaning" if one.changed else ""
        trend = spark([point.dimensions.get(name) for point in facts.runs], 1.0)
        table.add_row(name, _drawn(one.last, 2 * _BAR), f"[dim]{MEANING[name]}{was}[/]", trend)
    print_table(rich, f"{facts.dataset}: {counted(facts.rows, 'row')}, {facts.stage} cleaning", table)


def _print_change(facts: Sequence[TableQuality], rich: Console) -> None:
    """Print the number of new, persisting and gone violations in the last run of each table."""
    compared = [one.last for one in facts if one.last.new is not None]
    if not compared:
        return
    new, kept, gone = (sum(getattr(run, name) or 0 for run in compared) for name in ("new", "persisting", "gone"))
    colour = "red" if new else "dim"
    rich.print(
        f"\nSince the previous run: [{colour}]{new:,} new[/], {kept:,} persisting,"
        f" [{'green' if gone else 'dim'}]{gone:,} gone[/] violations"
    )


def _histories(facts: Sequence[TableQuality]) -> dict[tuple[str, str], list[float | None]]:
    """(dataset, rule) → number of violating tuples in each run; what a rule about the whole table measured."""
    found: dict[tuple[str, str], list[float | None]] = {}
    for one in facts:
        for point in one.runs:
            for rule, value in {**point.tuples, **point.figures}.items():
                found.setdefault((one.dataset, rule), []).append(value)
    return found


def _print_rules(
    rules: Sequence[RuleTally],
    everything: bool,
    rich: Console,
    histories: Mapping[tuple[str, str], Sequence[float | None]] | None = None,
) -> None:
    broken = [rule for rule in rules if rule.broken]
    hold = len(rules) - len(broken)
    if broken:
        past = histories or {}
        trends = {rule: spark(past.get((rule.dataset, rule.rule), ())) for rule in broken}
        extra = [
            ("pairs", any(rule.pair_share is not None for rule in broken)),
            ("since", any(rule.new is not None for rule in broken)),
            ("trend", any(trends.values())),
        ]
        named = [name for name, shown in extra if shown]
        table = grid("rule", "outcome", "tuples", "share", "g3", *named, numeric=3 + len(named))
        for rule in broken:
            name = rule.rule if everything else f"{rule.dataset}.{rule.rule}"
            cells = {"pairs": _maybe(rule.pair_share), "since": _since(rule), "trend": trends[rule]}
            table.add_row(
                name, rule.outcome, "–" if rule.table_rule else figure(rule.tuples), _maybe(rule.share),
                rule.least_words or "–", *(cells[column] for column in named),
            )  # fmt: skip
        print_table(rich, f"\nRules broken: {len(broken)} of {len(rules)}", table)
        legend = ["g3: the fewest rows to remove for the rule to hold; – if not computed"]
        legend += ["pairs: share of the pairs that match its left-hand side"] if "pairs" in named else []
        legend += ["since: violations new and gone since the previous run"] if "since" in named else []
        rich.print(f"[dim]{'; '.join(legend)}[/]")
    if hold:
        names = ", ".join(rule.rule for rule in rules if not rule.broken) if everything else ""
        rich.print(f"\n{counted(hold, 'rule holds', 'rules hold')}{': ' if names else ''}[dim]{names}[/]")


def _maybe(value: float | None) -> str:
    return "–" if value is None else percentage(value)


def _since(rule: RuleTally) -> str:
    """New and gone violations, e.g. ``+3 −1``; ``=`` if nothing changed."""
    if rule.new is None:
        return "–"
    parts = [f"[red]+{rule.new:,}[/]"] if rule.new else []
    parts += [f"[green]−{rule.gone:,}[/]"] if rule.gone else []
    return " ".join(parts) or "[dim]=[/]"


def _last(measures: Mapping[str, QualityFigure], name: str) -> float | None:
    return measures[name].last if name in measures else None


def _drawn(value: float | None, width: int) -> str:
    """A share as a bar and a figure."""
    if value is None:
        return "[dim]–[/]"
    return f"{bar(value, width)} {percentage(value)}"


def _print_constraints(project: Project, dataset: str, rules: Sequence[RuleTally], rich: Console) -> None:
    """Print the broken rules as denial constraints."""
    from rich.padding import Padding
    from rich.text import Text

    from vertebra.declare.rules import rules_of
    from vertebra.declare.table_rule_compiler import table_rules_of

    broken = {rule.rule for rule in rules if rule.broken}
    declared = rules_of(project.datasets[dataset], project.datasets)
    shown = [rule for rule in declared if rule.name in broken]
    whole = [rule for rule in table_rules_of(project.datasets[dataset]) if rule.name in broken]
    if whole:
        rich.print("\n[bold]About the whole table[/]")
    for about_table in whole:
        rich.print(about_table.name)
        rich.print(Padding(Text(str(about_table.condition), "dim"), (0, 0, 0, 4), expand=False))
    if shown:
        rich.print("\n[bold]As denial constraints[/]")
    for rule in shown:
        rich.print(rule.name)
        rich.print(Padding(Text(str(rule.constraint), "dim"), (0, 0, 0, 4), expand=False))


def _print_columns(facts: TableQuality, rich: Console) -> None:
    """Print the columns below 100 % in a dimension, the worst first."""
    names = [name for name in DIMENSIONS if any(_last(one, name) is not None for one in facts.columns.values())]
    lacking = facts.imperfect_columns()
    if not lacking:
        rich.print(f"\n{counted(len(facts.columns), 'column')}, each complete, valid and consistent")
        return
    table = grid("column", *names, numeric=len(names))
    for column in lacking:
        table.add_row(column, *(_maybe(_last(facts.columns[column], name)) for name in names))
    print_table(rich, "\nColumns below 100 %", table)


def write_check(found: Mapping[str, Assessment], form: Format, stream: TextIO) -> None:
    """Write assessments made by ``vertebra check``."""
    rows = [
        {"table_name": assessment.table, "stage": assessment.stage, **asdict(measure)}
        for assessment in found.values()
        for measure in assessment.measures
    ]
    if form != "table":
        columns = ["table_name", "stage", "scope", "subject", "measure", "value", "note"]
        write_rows(rows, columns, form, stream)
        return
    rich = rich_console(stream)
    _print_tables([quality_of(name, _of(rows, name)) for name in found], rich)
    _print_rules(tally_rules(rows), len(found) == 1, rich)


def _of(rows: Sequence[dict[str, Any]], dataset: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["table_name"] == f"trusted.{dataset}"]
