"""What a run comes to: rows per zone, rules broken, repairs, models against their baseline, and what to try next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from vertebra.report.formatting import duration, figure, many
from vertebra.report.tables import grid, rich_console, tell

if TYPE_CHECKING:
    from rich.console import Console

    from vertebra.declare.project import Project
    from vertebra.pipeline.progress import RunReport
    from vertebra.workspace.run_summary import RunSummary

_MAX_RULES: Final = 12


def write_summary(summary: RunSummary, project: Project, stream: TextIO) -> None:
    """Write the summary of a run: one line when there was nothing to do.

    Args:
        project: for the next commands to try.
    """
    report = summary.report
    rich = rich_console(stream)
    if report.idle:
        asked = f", {many(report.checked, 'source')} asked for new data" if report.checked else ""
        steps = many(len(report.current) - report.checked, "step is", "steps are")
        rich.print(f"Nothing to do: {steps} current{asked}, {duration(report.seconds)}.")
        return
    if report.ok:
        _tell_tables(summary, rich)
        _tell_rules(summary, rich)
        _tell_models(summary, rich)
    _tell_end(report, rich)
    _tell_next(summary, project, rich)


def _tell_tables(summary: RunSummary, rich: Console) -> None:
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
        tell(rich, "\nData management backbone: rows, and what cleaning did", table)
    if summary.views:
        table = grid("table", "rows", numeric=1)
        for name, rows in summary.views.items():
            table.add_row(name, figure(rows))
        tell(rich, "\nExploitation zone", table)


def _tell_rules(summary: RunSummary, rich: Console) -> None:
    rules = summary.rules
    broken = [rule for rule in rules if rule.tuples]
    if not rules:
        return
    if not broken:
        rich.print(f"\n[bold]Rules[/]: all {len(rules)} hold")
        return
    table = grid("dataset", "rule", "outcome", "tuples", numeric=1)
    for rule in broken[:_MAX_RULES]:
        table.add_row(rule.dataset, rule.rule, rule.outcome, figure(rule.tuples))
    tell(rich, f"\nRules broken: {len(broken)} of {len(rules)}", table)
    if len(broken) > _MAX_RULES:
        rich.print(f"[dim]and {len(broken) - _MAX_RULES} more: vertebra quality[/]")


def _tell_models(summary: RunSummary, rich: Console) -> None:
    if not summary.models:
        return
    table = grid("analysis", "model", "metric", "validation", "test", "baseline", numeric=3)
    for model in summary.models:
        validation = _score(model.validation, model.deviation)
        table.add_row(
            model.analysis, model.candidate, model.metric, validation, _score(model.test), _score(model.baseline)
        )
    tell(rich, "\nData analysis backbone: chosen models", table)


def _with_unit(count: int, unit: str) -> str:
    return many(count, unit) if count else "0"


def _score(value: float | None, deviation: float | None = None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f} ± {deviation:.3f}" if deviation is not None else f"{value:.3f}"


def _tell_end(report: RunReport, rich: Console) -> None:
    counted = {s: sum(r.state == s for r in report.results) for s in ("ok", "failed", "skipped", "interrupted")}
    parts = [many(counted["ok"], "step") + " ran"] if counted["ok"] else []
    parts += [f"[red]{counted['failed']} failed[/]"] if counted["failed"] else []
    parts += (
        [f"{counted['skipped'] + counted['interrupted']} not done"]
        if not report.ok and (counted["skipped"] + counted["interrupted"])
        else []
    )
    parts += [f"{len(report.current)} current"] if report.current else []
    word = {"ok": "[bold green]Done[/]", "failed": "[bold red]Failed[/]", "interrupted": "[yellow]Interrupted[/]"}
    rich.print(f"\n{word[report.state]} in {duration(report.seconds)}: {', '.join(parts)}.", highlight=False)


def _tell_next(summary: RunSummary, project: Project, rich: Console) -> None:
    """The next commands to try, with names of this project."""
    report = summary.report
    if report.state == "interrupted":
        rich.print("What was committed is kept. Next: [bold]vertebra run[/] goes on from there")
        return
    if report.state == "failed":
        rich.print("What does not depend on it was done. Repair the cause, then: [bold]vertebra run[/]")
        return
    tried = []
    if project.datasets:
        tried.append(("vertebra quality", "every rule and quality dimension"))
    if project.views:
        view = next(iter(project.views))
        tried.append((f"vertebra show exploitation.{view}", "look at a view"))
    if summary.repaired_cell:
        tried.append((f"vertebra why {summary.repaired_cell}", "walk a repaired cell back to its source"))
    if project.analyses:
        tried.append(("vertebra models", "every model that was tried"))
    table = grid("", "")
    table.show_header = False
    for command, what in tried:
        table.add_row(f"  {command}", f"[dim]{what}[/]")
    if tried:
        tell(rich, "Next", table)
