"""The quality of the trusted tables: the dimensions, and every rule with what it found and what was done about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TextIO

from vertebra.governance.schemas import LEDGERS
from vertebra.report.rows import write_rows
from vertebra.report.tables import grid, rich_console, tell
from vertebra.report.tallies import RuleTally, latest_quality, rule_tallies, tallied
from vertebra.report.words import figure, many, share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from vertebra.pipeline.api import Workspace
    from vertebra.report.rows import Format
    from vertebra.trusted.assess import Assessment

_COLUMNS: Final = tuple(LEDGERS["quality"].names)
_DIMENSIONS: Final = ("completeness", "consistency", "uniqueness", "timeliness")


def write_quality(
    space: Workspace, dataset: str | None, history: bool, form: Format, stream: TextIO, notes: TextIO
) -> None:
    """Write the last assessment of one dataset or of all, or with ``history`` of every run.

    Args:
        form: ``json`` and ``csv`` give the rows of the ``quality`` ledger.
    """
    if form != "table" or history:
        rows = _every(space, dataset) if history else latest_quality(space, dataset)
        if form == "table":
            rows = [row for row in rows if row["scope"] == "table" and row["stage"] == "after"]
            columns: tuple[str, ...] = ("recorded_at", "table_name", "table_version", "measure", "value", "note")
        else:
            columns = _COLUMNS
        write_rows(rows, columns, form, stream, notes)
        return
    rows = latest_quality(space, dataset)
    if not rows:
        notes.write("nothing was assessed yet\n  next:  vertebra run\n")
        return
    rich = rich_console(stream)
    _tell_dimensions(rows, rich)
    rules = rule_tallies(space, dataset)
    _tell_rules(rules, dataset is not None, rich)
    if dataset is not None:
        _tell_constraints(space, dataset, rules, rich)
        _tell_columns(rows, rich)
    else:
        notes.write(f"next:  vertebra quality {next(iter(space.project.datasets))}\n")


def _every(space: Workspace, dataset: str | None) -> list[dict[str, Any]]:
    only = "true" if dataset is None else f"table_name = 'trusted.{dataset}'"
    return space.sql(
        f"SELECT * FROM governance.quality WHERE {only}"
        " ORDER BY recorded_at DESC, table_name, stage DESC, scope, subject, measure"
    ).rows()


def _tell_dimensions(rows: list[dict[str, Any]], rich: Console) -> None:
    """Each table's dimensions, before → after cleaning where they differ."""
    found: dict[str, dict[tuple[str, str], float | None]] = {}
    for row in rows:
        if row["scope"] == "table":
            found.setdefault(row["table_name"], {})[(row["measure"], row["stage"])] = row["value"]
        elif row["measure"] == "validity" and row["value"] is not None:
            key = ("validity", row["stage"])
            known = found.setdefault(row["table_name"], {})
            known[key] = min(known.get(key) or 1.0, row["value"])
    measured = {name for measures in found.values() for (name, _), value in measures.items() if value is not None}
    dimensions = [name for name in (*_DIMENSIONS, "validity") if name in measured]
    absent = [name for name in (*_DIMENSIONS, "validity") if name not in measured]
    table = grid("table", "rows", *dimensions, numeric=1 + len(dimensions))
    for name, measures in found.items():
        cells = [_change(measures.get((d, "before")), measures.get((d, "after"))) for d in dimensions]
        after = measures.get(("rows", "after"))
        table.add_row(name.partition(".")[2], figure(int(after)) if after is not None else "–", *cells)
    tell(rich, "Dimensions, before → after cleaning", table)
    rich.print(
        "[dim]completeness: rows without NULL; consistency: rows that meet every rule; validity: of the worst column"
        + (f"; not applicable: {', '.join(absent)}" if absent else "")
        + "[/]"
    )


def _change(before: float | None, after: float | None) -> str:
    if before is None and after is None:
        return "–"
    if before is None or after is None or share(before) == share(after):
        return share(after if after is not None else before or 0.0)
    return f"{share(before)} → {share(after)}"


def _tell_rules(rules: list[RuleTally], everything: bool, rich: Console) -> None:
    broken = [rule for rule in rules if rule.tuples]
    hold = len(rules) - len(broken)
    if broken:
        table = grid("rule", "what became of them", "tuples", "share", "g3", numeric=3)
        for rule in broken:
            name = rule.rule if everything else f"{rule.dataset}.{rule.rule}"
            table.add_row(
                name, rule.became, figure(rule.tuples), share(rule.share) if rule.share is not None else "–",
                figure(rule.least) or "–",
            )  # fmt: skip
        tell(rich, f"\nRules broken: {len(broken)} of {len(rules)}", table)
        rich.print("[dim]g3: the fewest rows to remove for the rule to hold; – not computed for such a rule[/]")
    if hold:
        names = ", ".join(rule.rule for rule in rules if not rule.tuples) if everything else ""
        rich.print(f"\n{many(hold, 'rule holds', 'rules hold')}{': ' if names else ''}[dim]{names}[/]")


def _tell_constraints(space: Workspace, dataset: str, rules: list[RuleTally], rich: Console) -> None:
    """The broken rules as denial constraints."""
    from rich.padding import Padding
    from rich.text import Text

    from vertebra.declare.rules import rules_of

    broken = {rule.rule for rule in rules if rule.tuples}
    declared = rules_of(space.project.datasets[dataset], space.project.datasets)
    shown = [rule for rule in declared if rule.name in broken]
    if shown:
        rich.print("\n[bold]As denial constraints[/]")
    for rule in shown:
        rich.print(rule.name)
        rich.print(Padding(Text(str(rule.constraint), "dim"), (0, 0, 0, 4), expand=False))


def _tell_columns(rows: list[dict[str, Any]], rich: Console) -> None:
    """The columns that lack values, or whose values did not all parse."""
    found: dict[str, dict[str, float | None]] = {}
    for row in rows:
        if row["scope"] == "column" and row["stage"] == "after":
            found.setdefault(row["subject"], {})[row["measure"]] = row["value"]
    lacking = {name: m for name, m in found.items() if any(value is not None and value < 1 for value in m.values())}
    if not lacking:
        rich.print(f"\n{many(len(found), 'column')}, each complete and valid")
        return
    table = grid("column", "completeness", "validity", numeric=2)
    for name, measures in sorted(lacking.items(), key=lambda item: item[1].get("completeness") or 0.0):
        cells = (measures.get("completeness"), measures.get("validity"))
        table.add_row(name, *("–" if value is None else share(value) for value in cells))
    tell(rich, "\nColumns not complete or not valid", table)


def write_check(found: Mapping[str, Assessment], form: Format, stream: TextIO) -> None:
    """Write assessments that were made without a run."""
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
    _tell_dimensions(rows, rich)
    _tell_rules(tallied(rows), len(found) == 1, rich)


def failing(space: Workspace, found: Mapping[str, Assessment]) -> list[str]:
    """The rules declared ``on_violation: fail`` that tuples break which nobody accepted."""
    from vertebra.declare.rules import rules_of

    return [
        f"{name}.{rule.name}"
        for name, assessment in found.items()
        for rule in rules_of(space.project.datasets[name], space.project.datasets)
        if rule.on_violation == "fail" and assessment.value("rule", rule.name, "unresolved")
    ]
