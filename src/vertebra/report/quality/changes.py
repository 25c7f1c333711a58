"""The section of the quality page about cells: what cleaning repaired, and what it proposes and leaves to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.formatting import counted, joined
from vertebra.report.quality.differences import Piece, differences
from vertebra.report.quality.plots import confidence_plot
from vertebra.report.quality.rules import value_text
from vertebra.workspace.cell_changes import BINS

if TYPE_CHECKING:
    from markupsafe import Markup

    from vertebra.workspace.cell_changes import CellChange, CellChanges, ChangeCount

REASONS: Final[Mapping[str, str]] = {
    "unsure": "below the declared confidence or precision",
    "tie": "another value, or the present one, is as well supported",
    "breaks": "it would break another rule",
    "contested": "another method would take it back",
    "exception": "nearly all rows with a value of another column contradict the rule there",
}
"""Why a repair is left to people → what that means."""

_PLOTS: Final = 6
_OPEN_ROWS: Final = 15
"""Rules and methods that are listed; the others are folded."""


@dataclass(frozen=True)
class ConfidencePlot:
    """The confidence of the cells of one method, or of the other methods, as a plot."""

    caption: str
    plot: Markup


@dataclass(frozen=True)
class ChangeRow:
    """One repair or proposal.

    Attributes:
        cell: it.
        key: the key of its row in words; empty if there is none.
        old, new: the pieces of both values; none for NULL and for empty text.
    """

    cell: CellChange
    key: str
    old: Sequence[Piece]
    new: Sequence[Piece]


@dataclass(frozen=True)
class ChangeTable:
    """Examples of repairs or of proposals.

    Attributes:
        title: the heading.
        rows: the examples.
        note: how many cells they stand for, of how many.
        command: lists them all.
        decide: the command that decides about one of them.
    """

    title: str
    rows: Sequence[ChangeRow]
    note: str
    command: str
    decide: str


@dataclass(frozen=True)
class ChangesSection:
    """Repairs beside proposals.

    Attributes:
        summary: how many cells were repaired and proposed, and why.
        plots: the confidence of the cells, by method.
        reasons: why cells are left to people, as columns of the table of counts.
        meanings: what these reasons mean.
        counts: by rule and method.
        more_counts: those of them that are folded.
        tables: the proposals, and the repairs.
    """

    summary: str
    plots: Sequence[ConfidencePlot]
    reasons: Sequence[str]
    meanings: Sequence[tuple[str, str]]
    counts: Sequence[ChangeCount]
    more_counts: Sequence[ChangeCount]
    tables: Sequence[ChangeTable]


def changes_section(changes: CellChanges, *, current: bool = True) -> ChangesSection | None:
    """The section of a dataset; None if no cell was repaired or proposed.

    Args:
        changes: the cells.
        current: whether they are those of the present table.
    """
    if not changes.counts:
        return None
    reasons = list(changes.reasons)
    name = changes.dataset
    tables = [
        _table(
            changes.proposed, changes.cells_proposed, "Proposals, the surest first", "proposal",
            f"vertebra repairs list {name} --proposed --limit 0", f"vertebra repairs accept {name} ROW COLUMN",
        ),
        _table(
            changes.repaired, changes.cells_repaired, "Repairs, the least sure first", "repaired cell",
            f"vertebra repairs list {name} --limit 0", f"vertebra repairs undo {name} ROW COLUMN",
        ),
    ]  # fmt: skip
    return ChangesSection(
        summary_of(changes) if current else f"Not in the present table: {summary_of(changes)}",
        _plots(changes.counts),
        reasons,
        [(reason, REASONS[reason]) for reason in reasons if reason in REASONS],
        changes.counts[:_OPEN_ROWS],
        changes.counts[_OPEN_ROWS:],
        [table for table in tables if table is not None],
    )


def summary_of(changes: CellChanges) -> str:
    """How many cells were repaired and proposed, and why: ``95 cells repaired; 3 proposed (2 unsure, 1 tie)``."""
    repaired = f"{counted(changes.cells_repaired, 'cell')} repaired"
    if not changes.cells_proposed:
        return f"{repaired}, none proposed"
    why = ", ".join(f"{count:,} {reason}" for reason, count in changes.reasons.items())
    return f"{repaired}, {changes.cells_proposed:,} proposed and left to you ({why})"


def _plots(counts: Sequence[ChangeCount]) -> list[ConfidencePlot]:
    """A plot for each method, those with most cells first; what does not fit is in the last one together."""
    by_method: dict[str, list[ChangeCount]] = {}
    for count in counts:
        by_method.setdefault(count.method, []).append(count)
    methods = sorted(
        by_method, key=lambda name: -sum(one.cells_repaired + one.cells_proposed for one in by_method[name])
    )
    if len(methods) > _PLOTS:
        others = [one for name in methods[_PLOTS - 1 :] for one in by_method[name]]
        named = [*((name, by_method[name]) for name in methods[: _PLOTS - 1]), ("other methods", others)]
    else:
        named = [(name, by_method[name]) for name in methods]
    plots = []
    for name, own in named:
        repaired = _added([one.repaired for one in own])
        proposed = _added([bins for one in own for bins in one.proposed.values()])
        caption = f"{name}: {sum(repaired):,} repaired, {sum(proposed):,} proposed"
        plots.append(ConfidencePlot(caption, confidence_plot(repaired, proposed, f"cells by confidence, {caption}")))
    return plots


def _added(bins: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip([0] * BINS, *bins, strict=True)]


def _table(
    changes: Sequence[CellChange], cells: int, title: str, noun: str, command: str, decide: str
) -> ChangeTable | None:
    if not changes:
        return None
    shown = sum(one.alike for one in changes)
    note = f"{counted(shown, noun)}, all of them" if shown >= cells else f"{shown:,} of {counted(cells, noun)}"
    if shown > len(changes):
        note += f", in {counted(len(changes), 'row')}: equal changes of a column are one row"
    rows = [ChangeRow(one, _key(one), *differences(one.old, one.new)) for one in changes]
    return ChangeTable(title, rows, note, command, decide)


def _key(change: CellChange) -> str:
    return joined(f"{name} {value_text(value)}" for name, value in change.key.items()) if change.key else ""
