"""Prints what cleaning repaired and what it proposes, by rule and method, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.escape_control import escape_invisible
from vertebra.formatting import figure, percentage
from vertebra.report.quality.changes import REASONS, summary_of
from vertebra.report.tables import grid, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from vertebra.workspace.cell_changes import CellChanges

_ROWS: Final = 15
_PROPOSALS: Final = 5
_WIDTH: Final = 32
"""Characters of a value."""


def print_changes(changes: Sequence[CellChanges], rich: Console, *, alone: bool) -> None:
    """Print how many cells were repaired and proposed by each rule and method, and why cells were left to people.

    Args:
        changes: of each dataset.
        alone: whether one dataset was asked for: then a few of its proposals are shown too.
    """
    counts = [(one.dataset, count) for one in changes for count in one.counts]
    if not counts:
        return
    table = grid("rule", "method", "repaired", "proposed", "why left")
    for number in (2, 3):
        table.columns[number].justify = "right"
    counts.sort(key=lambda one: -one[1].cells_repaired - one[1].cells_proposed)
    for dataset, count in counts[:_ROWS]:
        why = ", ".join(f"{count.proposed_for(reason):,} {reason}" for reason in count.proposed)
        name = count.rule if alone else f"{dataset}.{count.rule}"
        table.add_row(name, count.method, figure(count.cells_repaired), figure(count.cells_proposed), f"[dim]{why}[/]")
    title = summary_of(changes[0]) if alone else "by rule and method"
    print_table(rich, f"\nCells: {title}", table)
    if len(counts) > _ROWS:
        rich.print(f"[dim]and {len(counts) - _ROWS:,} more: vertebra quality DATASET --html quality.html[/]")
    reasons = {reason for one in changes for reason in one.reasons}
    if alone and changes[0].proposed:
        _print_proposals(changes[0], rich)
    if reasons & set(REASONS):
        legend = "; ".join(f"{reason}: {meaning}" for reason, meaning in REASONS.items() if reason in reasons)
        rich.print(f"[dim]{legend}[/]")


def _print_proposals(changes: CellChanges, rich: Console) -> None:
    """Print the surest proposals."""
    from rich.text import Text

    table = grid("column", "row", "old", "new", "sure", "why left")
    for one in changes.proposed[:_PROPOSALS]:
        sure = "–" if one.confidence is None else percentage(one.confidence)
        values = [Text(_short(value), "dim" if value is None else "") for value in (one.old, one.new)]
        table.add_row(one.column_name, str(one.rid), *values, sure, one.reason)
    print_table(rich, "\nThe surest proposals", table)


def _short(value: str | None) -> str:
    if value is None:
        return "NULL"
    text = escape_invisible(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
