"""The section of the quality page about sources of rows: how accurate each is, and which share an origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.formatting import counted

if TYPE_CHECKING:
    from vertebra.workspace.repairs import SourceAccuracy

_OPEN_ROWS: Final = 15
"""Sources that are listed; the others are folded."""
_NAMED: Final = 6
"""Sources of the same origin that are named."""


@dataclass(frozen=True)
class SourceRow:
    """One source.

    Attributes:
        name: of the source.
        accuracy: of all columns together, 0 to 1, by how many cells it is based on.
        by_column: the accuracy in each column of the section; None where it says nothing.
        cells: on how many cells of groups that disagree the estimates are based.
        copied: the share of cells that it takes from an origin which it shares with others, 0 to 1.
        shares_with: those others, in words; empty if there are none.
        declared: whether the accuracy is declared.
    """

    name: str
    accuracy: float
    by_column: Sequence[float | None]
    cells: int
    copied: float
    shares_with: str
    declared: bool


@dataclass(frozen=True)
class SourcesSection:
    """The sources of a dataset, the most accurate first.

    Attributes:
        column: its values tell the sources apart.
        summary: how many there are, and how many share an origin.
        columns: those whose votes are weighed.
        rows: the sources.
        more_rows: those of them that are folded.
        command: lists them all.
    """

    column: str
    summary: str
    columns: Sequence[str]
    rows: Sequence[SourceRow]
    more_rows: Sequence[SourceRow]
    command: str


def sources_section(dataset: str, found: Sequence[SourceAccuracy]) -> SourcesSection | None:
    """The section of a dataset; None if votes are not weighed by sources."""
    if not found:
        return None
    columns = list(dict.fromkeys(one.column_name for one in found))
    by_source: dict[str, list[SourceAccuracy]] = {}
    for one in found:
        by_source.setdefault(one.source, []).append(one)
    rows = sorted((_row(name, own, columns) for name, own in by_source.items()), key=lambda row: -row.accuracy)
    sharing = sum(1 for row in rows if row.shares_with)
    summary = f"Votes are weighed by {found[0].source_column}: {counted(len(rows), 'source')}"
    if sharing:
        summary += f", {sharing:,} of which repeat an origin that they share with others"
    return SourcesSection(
        found[0].source_column, summary, columns, rows[:_OPEN_ROWS], rows[_OPEN_ROWS:],
        f"vertebra repairs sources {dataset} --limit 0",
    )  # fmt: skip


def _row(name: str, own: Sequence[SourceAccuracy], columns: Sequence[str]) -> SourceRow:
    cells = sum(one.cells for one in own)
    accuracies = {one.column_name: one.accuracy for one in own}
    others = list(dict.fromkeys(other for one in own for other in one.shares_with))
    named = ", ".join(others[:_NAMED])
    return SourceRow(
        name,
        _mean([one.accuracy for one in own], own),
        [accuracies.get(column) for column in columns],
        cells,
        _mean([one.copied for one in own], own),
        f"{named} and {len(others) - _NAMED:,} more" if len(others) > _NAMED else named,
        any(one.declared for one in own),
    )


def _mean(shares: Sequence[float], own: Sequence[SourceAccuracy]) -> float:
    """The mean of shares by the numbers of cells."""
    cells = sum(one.cells for one in own)
    return sum(share * one.cells for share, one in zip(shares, own, strict=True)) / cells if cells else 0.0
