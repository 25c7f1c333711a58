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


def tell(rich: Console, title: str, table: Table) -> None:
    """Print a table under its title; an empty line before it is the title's first character."""
    from rich.text import Text

    if title:
        rich.print(Text(title, "bold"))
    rich.print(table)


def grid(*columns: str, numeric: int = 0) -> Table:
    """An empty table.

    Args:
        columns: headings; the first holds names, the last ``numeric`` hold numbers, and neither is ever folded.
    """
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(columns):
        number = place >= len(columns) - numeric
        fixed = number or place == 0
        table.add_column(heading, justify="right" if number else "left", no_wrap=fixed, overflow="fold")
    return table
