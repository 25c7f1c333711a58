"""Tables for people: no lines, dim headings, numbers to the right, and nothing that wraps in the middle of a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def rich_console(stream: TextIO) -> Console:
    """A console as wide as the terminal; where there is none, wide enough for any of our tables."""
    from rich.console import Console

    return Console(file=stream, highlight=False, width=None if stream.isatty() else 120)


def grid(title: str, *columns: str, numeric: int = 0) -> Table:
    """An empty table.

    Args:
        columns: headings; the last ``numeric`` of them hold numbers.
    """
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False,
        padding=(0, 2, 0, 0),
    )  # fmt: skip
    for place, heading in enumerate(columns):
        number = place >= len(columns) - numeric
        table.add_column(heading, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return table
