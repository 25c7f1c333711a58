"""A plan as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from vertebra.report.formatting import many
from vertebra.report.tables import grid, rich_console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vertebra.pipeline.plan import PlannedStep

_COLUMNS: Final = ("step", "action", "why")


def plan_rows(decisions: Sequence[PlannedStep], everything: bool) -> list[dict[str, str]]:
    """One row per step: ``step``, ``action``, ``why``.

    Args:
        everything: the current steps and the sources that will be asked too.
    """
    return [
        {"step": d.step.name, "action": d.action, "why": d.words}
        for d in decisions
        if everything or d.action in ("run", "blocked")
    ]


def write_plan(rows: Sequence[Mapping[str, str]], stream: TextIO) -> None:
    """Write a plan's rows, long reasons folded."""
    table = grid(*_COLUMNS)
    for row in rows:
        table.add_row(row["step"], row["action"], row["why"], style="dim" if row["action"] == "skip" else "")
    rich_console(stream).print(table)
    stream.flush()


def plan_lines(decisions: Sequence[PlannedStep]) -> list[str]:
    """What it comes to, and the next command."""
    counted = {action: sum(d.action == action for d in decisions) for action in ("run", "blocked", "skip", "collect")}
    sources = f"{many(counted['collect'], 'source')} would be asked for new data" if counted["collect"] else ""
    if not counted["run"] and not counted["blocked"]:
        current = f"nothing to run: {many(counted['skip'], 'step is', 'steps are')} current"
        return ["; ".join(filter(None, (current, sources)))]
    parts = [f"{many(counted['run'], 'step')} would run"]
    if counted["blocked"]:
        parts.append(f"{counted['blocked']} lack an input that collecting may bring")
    if counted["skip"]:
        parts.append(f"{counted['skip']} current")
    return ["; ".join(filter(None, (", ".join(parts), sources))), "next:  vertebra run"]
