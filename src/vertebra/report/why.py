"""Writes an explanation: the chain of links from a value back to its source file, one line each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

from vertebra.escape_control import escape_control
from vertebra.formatting import counted
from vertebra.report.rows import Format, write_rows
from vertebra.report.tables import rich_console

if TYPE_CHECKING:
    from vertebra.workspace.explanation import Explanation, Link

_MARKS: Final = {"repair": "yellow", "quarantine": "red", "violation": "yellow", "decision": "cyan"}


def write_why(explanation: Explanation, form: Format, stream: TextIO) -> None:
    """Write an explanation; ``json`` and ``csv`` give one row per link."""
    if form != "table":
        rows = [
            {"kind": link.kind, "text": link.text, "facts": dict(link.facts), "depth": link.depth}
            for link in explanation.links
        ]
        write_rows(rows, ["kind", "text", "facts", "depth"], form, stream)
        return
    from rich.padding import Padding
    from rich.text import Text

    rich = rich_console(stream)
    for number, link in enumerate(explanation.links):
        arrow = "" if not number else "← "
        style = _MARKS.get(link.kind, "bold")
        indent = 2 * link.depth
        brief = _brief(link) if explanation.rid is None else ""
        line = Text.assemble((arrow, "dim"), (link.text, style), (brief, "dim"))
        rich.print(Padding(line, (0, 0, 0, indent), expand=False))
        if link.facts and not brief:
            rich.print(Padding(_facts(link, explanation), (0, 0, 0, indent + 4), expand=False))


def _brief(link: Link) -> str:
    """The details of a table or a batch, on the same line."""
    match link.facts:
        case {"rows": rows, "written": written}:
            return f", {counted(rows, 'row')}, written {_shown(written)}"
        case {"url": url, "records": records}:
            return f", {counted(records, 'record')} from {url}"
        case _:
            return ""


def _facts(link: Link, explanation: Explanation) -> Any:
    """The details under a link: one line each, or as running text if a whole row is shown."""
    from rich.table import Table
    from rich.text import Text

    if explanation.column is None and link.kind in ("view", "trusted", "formatted", "landing"):
        flowing = Text()
        for name, value in link.facts.items():
            flowing.append(f"{name} ", "dim")
            flowing.append(f"{_shown(value)}   ")
        return flowing
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in link.facts.items():
        table.add_row(Text(str(name), "dim"), Text(_shown(value), overflow="fold"))
    return table


def _shown(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case str():
            return repr(value) if value != value.strip() or not value else escape_control(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}" + (" UTC" if value.tzinfo else "")
        case int() if not isinstance(value, bool):
            return str(value)
        case _:
            return str(value)
