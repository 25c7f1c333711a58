"""Tables on the terminal: no lines, dim headings, right-aligned numbers, no line breaks in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table


_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_MAX_RUNS: Final = 12


def rich_console(stream: TextIO) -> Console:
    """A console as wide as the terminal; 120 characters wide if the stream is not a terminal."""
    from rich.console import Console

    return Console(file=stream, highlight=False, width=None if stream.isatty() else 120)


def print_table(rich: Console, title: str, table: Table) -> None:
    """Print a table under its title; a title that starts with a line break prints an empty line first."""
    from rich.text import Text

    if title:
        rich.print(Text(title, "bold"))
    rich.print(table)


def grid(*columns: str, numeric: int = 0) -> Table:
    """An empty table.

    Args:
        columns: the headings; the first column has names.
        numeric: the number of columns at the end that have numbers. These and the first column are not wrapped.
    """
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(columns):
        number = place >= len(columns) - numeric
        fixed = number or place == 0
        table.add_column(heading, justify="right" if number else "left", no_wrap=fixed, overflow="fold")
    return table


def bar(value: float, width: int) -> str:
    """A share between 0 and 1 as a bar; it is empty only for 0 and full only for 1."""
    steps = round(value * width * 8)
    if value > 0:
        steps = max(steps, 1)
    if value < 1:
        steps = min(steps, width * 8 - 1)
    full, part = divmod(steps, 8)
    drawn = "█" * full + (_EIGHTHS[part] if part else "")
    return drawn + "░" * (width - len(drawn))


def spark(values: Sequence[float | None], high: float | None = None) -> str:
    """A sparkline of the latest values, one per run, from zero to the maximum; empty for a single run.

    Args:
        values: the values; None is drawn as a gap.
        high: the value of a full block; by default the highest value.
    """
    shown = values[-_MAX_RUNS:]
    if len(shown) < 2:
        return ""
    most = high or max((value or 0.0 for value in shown), default=0.0) or 1.0
    return "".join(_level(value, most) for value in shown)


def _level(value: float | None, most: float) -> str:
    if not value:
        return " " if value is None else "·"
    return _LEVELS[min(int(value / most * len(_LEVELS)), len(_LEVELS) - 1)]
