"""Writes the summary of a run: rows per zone, broken rules, repairs, model scores, and the next commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from vertebra.formatting import counted, duration, figure
from vertebra.report.tables import grid, print_table, rich_console

if TYPE_CHECKING:
    from rich.console import Console

    from vertebra.declare.project import Project
    from vertebra.pipeline.progress import RunReport
    from vertebra.workspace.run_summary import RunSummary

_MAX_RULES: Final = 12


def write_summary(summary: RunSummary, project: Project, stream: TextIO) -> None:
    """Write the summary of a run, in one line if there was nothing to do.

    Args:
        summary: the summary.
        project: the project, for the next commands.
        stream: receives the summary.
    """
    report = summary.report
    if report.idle:
        write_nothing_to_do(report, stream)
        return
    rich = rich_console(stream)
    if report.ok:
        _print_tables(summary, rich)
        _print_rules(summary, rich)
        _print_models(summary, rich)
    _print_end(report, rich)
    _print_next(summary, project, rich)


def write_nothing_to_do(report: RunReport, stream: TextIO) -> None:
    """Write the line for a run that had nothing to do."""
    checked = f", {counted(report.checked, 'source')} checked for new data" if report.checked else ""
    steps = counted(len(report.current) - report.checked, "step is", "steps are")
    stream.write(f"Nothing to do: {steps} current{checked}, {duration(report.seconds)}.\n")


def _print_tables(summary: RunSummary, rich: Console) -> None:
    if summary.datasets:
        headings = ("landing", "formatted", "trusted", "rejected", "repaired", "quarantined")
        table = grid("dataset", *headings, numeric=6)
        for t in summary.datasets:
            table.add_row(
                t.dataset,
                *map(figure, (t.records, t.formatted, t.trusted)),
                *(_with_unit(count, unit) for count, unit in ((t.rejected, "cell"), (t.repaired, "cell"))),
                _with_unit(t.quarantined, "row"),
            )
        print_table(rich, "\nData management backbone: rows, and what cleaning did", table)
    if summary.views:
        table = grid("table", "rows", numeric=1)
        for name, rows in summary.views.items():
            table.add_row(name, figure(rows))
        print_table(rich, "\nExploitation zone", table)


def _print_rules(summary: RunSummary, rich: Console) -> None:
    rules = summary.rules
    broken = [rule for rule in rules if rule.broken]
    if not rules:
        return
    if not broken:
        rich.print(f"\n[bold]Rules[/]: all {len(rules)} hold")
        return
    table = grid("dataset", "rule", "outcome", "tuples", numeric=1)
    for rule in broken[:_MAX_RULES]:
        table.add_row(rule.dataset, rule.rule, rule.outcome, "–" if rule.table_rule else figure(rule.tuples))
    print_table(rich, f"\nRules broken: {len(broken)} of {len(rules)}", table)
    if len(broken) > _MAX_RULES:
        rich.print(f"[dim]and {len(broken) - _MAX_RULES} more: vertebra quality[/]")


def _print_models(summary: RunSummary, rich: Console) -> None:
    if not summary.models:
        return
    table = grid("analysis", "model", "metric", "validation", "test", "baseline", numeric=3)
    for model in summary.models:
        validation = _score(model.validation, model.deviation)
        table.add_row(
            model.analysis, model.candidate, model.metric, validation, _score(model.test), _score(model.baseline)
        )
    print_table(rich, "\nData analysis backbone: chosen models", table)
    for model in summary.models:
        if model.champion and model.champion != model.version:
            rich.print(
                f"{model.analysis}: version {model.champion} stays the champion, "
                f"test {_score(model.champion_test)} on the same rows",
                highlight=False,
            )


def _with_unit(count: int, unit: str) -> str:
    return counted(count, unit) if count else "0"


def _score(value: float | None, deviation: float | None = None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f} ± {deviation:.3f}" if deviation is not None else f"{value:.3f}"


def _print_end(report: RunReport, rich: Console) -> None:
    counts = {s: sum(r.state == s for r in report.results) for s in ("ok", "failed", "skipped", "interrupted")}
    parts = [counted(counts["ok"], "step") + " ran"] if counts["ok"] else []
    parts += [f"[red]{counts['failed']} failed[/]"] if counts["failed"] else []
    parts += (
        [f"{counts['skipped'] + counts['interrupted']} not done"]
        if not report.ok and (counts["skipped"] + counts["interrupted"])
        else []
    )
    parts += [f"{len(report.current)} current"] if report.current else []
    word = {"ok": "[bold green]Done[/]", "failed": "[bold red]Failed[/]", "interrupted": "[yellow]Interrupted[/]"}
    rich.print(f"\n{word[report.state]} in {duration(report.seconds)}: {', '.join(parts)}.", highlight=False)


def _print_next(summary: RunSummary, project: Project, rich: Console) -> None:
    """Print the next commands, with names of this project."""
    report = summary.report
    if report.state == "interrupted":
        rich.print("Committed results are kept. Next: [bold]vertebra run[/] continues from there")
        return
    if report.state == "failed":
        rich.print("All steps that do not depend on it ran. Fix the cause, then: [bold]vertebra run[/]")
        return
    tried = []
    if project.datasets:
        tried.append(("vertebra quality", "every rule and quality dimension"))
    if project.views:
        view = next(iter(project.views))
        tried.append((f"vertebra show exploitation.{view}", "look at a view"))
    if summary.repaired_cell:
        tried.append((f"vertebra why {summary.repaired_cell}", "trace a repaired cell to its source"))
    if project.analyses:
        tried.append(("vertebra models", "every model that was tried"))
    table = grid("", "")
    table.show_header = False
    for command, what in tried:
        table.add_row(f"  {command}", f"[dim]{what}[/]")
    if tried:
        print_table(rich, "Next", table)
