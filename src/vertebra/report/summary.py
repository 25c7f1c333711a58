"""What a run comes to: rows per zone, rules broken, repairs, models against their baseline, and what to try next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from vertebra.report.formatting import duration, figure, many
from vertebra.report.tables import grid, rich_console, tell

if TYPE_CHECKING:
    from rich.console import Console

    from vertebra.pipeline.progress import RunReport
    from vertebra.workspace.workspace import Workspace

_MOST_RULES: Final = 12


def write_summary(space: Workspace, report: RunReport, stream: TextIO) -> None:
    """Write the summary of a run: one line when there was nothing to do."""
    rich = rich_console(stream)
    if report.idle:
        asked = f", {many(report.checked, 'source')} asked for new data" if report.checked else ""
        steps = many(len(report.current) - report.checked, "step is", "steps are")
        rich.print(f"Nothing to do: {steps} current{asked}, {duration(report.seconds)}.")
        return
    if report.ok:
        _tell_tables(space, rich)
        _tell_rules(space, rich)
        _tell_models(space, rich)
    _tell_end(report, rich)
    _tell_next(space, report, rich)


def _tell_tables(space: Workspace, rich: Console) -> None:
    from vertebra.report.counts import dataset_tallies, table_rows

    tallies = dataset_tallies(space)
    if tallies:
        headings = ("landing", "formatted", "trusted", "rejected", "repaired", "quarantined")
        table = grid("dataset", *headings, numeric=6)
        for t in tallies:
            table.add_row(
                t.dataset,
                *map(figure, (t.records, t.formatted, t.trusted)),
                *(_with_unit(count, unit) for count, unit in ((t.rejected, "cell"), (t.repaired, "cell"))),
                _with_unit(t.quarantined, "row"),
            )
        tell(rich, "\nData management backbone: rows, and what cleaning did", table)
    views = table_rows(space, "exploitation")
    if views:
        table = grid("table", "rows", numeric=1)
        for name, rows in views.items():
            table.add_row(name, figure(rows))
        tell(rich, "\nExploitation zone", table)


def _tell_rules(space: Workspace, rich: Console) -> None:
    from vertebra.report.counts import rule_tallies

    rules = rule_tallies(space)
    broken = [rule for rule in rules if rule.tuples]
    if not rules:
        return
    if not broken:
        rich.print(f"\n[bold]Rules[/]: all {len(rules)} hold")
        return
    table = grid("dataset", "rule", "outcome", "tuples", numeric=1)
    for rule in broken[:_MOST_RULES]:
        table.add_row(rule.dataset, rule.rule, rule.outcome, figure(rule.tuples))
    tell(rich, f"\nRules broken: {len(broken)} of {len(rules)}", table)
    if len(broken) > _MOST_RULES:
        rich.print(f"[dim]and {len(broken) - _MOST_RULES} more: vertebra quality[/]")


def _tell_models(space: Workspace, rich: Console) -> None:
    from vertebra.workspace.models import chosen_models

    models = chosen_models(space.lake)
    if not models:
        return
    table = grid("analysis", "model", "metric", "validation", "test", "baseline", numeric=3)
    for model in models:
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


def _tell_next(space: Workspace, report: RunReport, rich: Console) -> None:
    """The next commands to try, with names of this project."""
    if report.state == "interrupted":
        rich.print("What was committed is kept. Next: [bold]vertebra run[/] goes on from there")
        return
    if report.state == "failed":
        rich.print("What does not depend on it was done. Repair the cause, then: [bold]vertebra run[/]")
        return
    tried = []
    if space.project.datasets:
        tried.append(("vertebra quality", "every rule and quality dimension"))
    if space.project.views:
        view = next(iter(space.project.views))
        tried.append((f"vertebra show exploitation.{view}", "look at a view"))
    repaired = _a_repair(space)
    if repaired:
        tried.append((f"vertebra why {repaired}", "walk a repaired cell back to its source"))
    if space.project.analyses:
        tried.append(("vertebra models", "every model that was tried"))
    table = grid("", "")
    table.show_header = False
    for command, what in tried:
        table.add_row(f"  {command}", f"[dim]{what}[/]")
    if tried:
        tell(rich, "Next", table)


def _a_repair(space: Workspace) -> str:
    table = space.ledgers.table("repairs")
    if not table.exists():
        return ""
    rows = table.arrow().head(1, columns=["dataset", "rid", "column_name"]).to_pylist()
    return f"trusted.{rows[0]['dataset']} {rows[0]['rid']} {rows[0]['column_name']}" if rows else ""
