"""Writes a plan: the steps, what would be done with each, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from vertebra.formatting import counted
from vertebra.report.tables import grid, rich_console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vertebra.pipeline.plan import PlannedStep

_COLUMNS: Final = ("step", "action", "why")


def plan_rows(decisions: Sequence[PlannedStep], everything: bool) -> list[dict[str, str]]:
    """One row per step: ``step``, ``action``, ``why``.

    Args:
        decisions: the plan.
        everything: whether to include current steps, and sources that would be checked for new data.
    """
    return [
        {"step": d.step.name, "action": d.action, "why": d.words}
        for d in decisions
        if everything or d.action in ("run", "blocked")
    ]


def write_plan(rows: Sequence[Mapping[str, str]], stream: TextIO) -> None:
    """Write the rows of a plan as a table; long reasons are wrapped."""
    table = grid(*_COLUMNS)
    for row in rows:
        table.add_row(row["step"], row["action"], row["why"], style="dim" if row["action"] == "skip" else "")
    rich_console(stream).print(table)
    stream.flush()


def plan_lines(decisions: Sequence[PlannedStep]) -> list[str]:
    """A summary of the plan, and the next command."""
    counts = {action: sum(d.action == action for d in decisions) for action in ("run", "blocked", "skip", "collect")}
    sources = f"{counted(counts['collect'], 'source')} would be checked for new data" if counts["collect"] else ""
    if not counts["run"] and not counts["blocked"]:
        current = f"nothing to run: {counted(counts['skip'], 'step is', 'steps are')} current"
        return ["; ".join(filter(None, (current, sources)))]
    parts = [f"{counted(counts['run'], 'step')} would run"]
    broken = sum(d.step.broken is not None for d in decisions)
    if broken:
        parts.append(f"{broken} cannot run with a broken declaration")
    if counts["blocked"] > broken:
        parts.append(f"{counts['blocked'] - broken} blocked until data is collected")
    if counts["skip"]:
        parts.append(f"{counts['skip']} current")
    return ["; ".join(filter(None, (", ".join(parts), sources))), "next:  vertebra run"]
