"""Writes rows as a table that fits the terminal, as JSON or as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, TextIO

from vertebra.escape_control import escape_invisible

Format = Literal["table", "json", "csv"]
Row = Mapping[str, Any]

_MAX_WIDTH: Final = 48
_GAP: Final = 2


def write_rows(
    rows: Sequence[Row],
    columns: Sequence[str],
    form: Format,
    stream: TextIO,
    notes: TextIO | None = None,
    title: str = "",
) -> None:
    """Write rows.

    Args:
        rows: the rows; a missing key is written as an empty cell.
        columns: the columns, in order.
        form: ``table``, ``json`` or ``csv``. A table omits columns on the right that do not fit the terminal.
        stream: receives the rows.
        notes: receives the names of omitted columns.
        title: the title above a table; not used in JSON and CSV.
    """
    match form:
        case "json":
            plain = [{name: _plain(row.get(name)) for name in columns} for row in rows]
            stream.write(json.dumps(plain, indent=2, ensure_ascii=False) + "\n")
        case "csv":
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
        case "table":
            _write_table(rows, columns, stream, notes, title)


def _write_table(rows: Sequence[Row], columns: Sequence[str], stream: TextIO, notes: TextIO | None, title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = stream.isatty()
    rich = Console(file=stream, highlight=False, width=None if terminal else 10_000)
    texts = [[cell_text(row.get(name)) for name in columns] for row in rows]
    widths = [
        max(len(name), *(min(len(text[i]), _MAX_WIDTH) for text in texts)) if texts else len(name)
        for i, name in enumerate(columns)
    ]
    fitting = _fitting(widths, rich.width) if terminal else len(columns)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    if title:
        rich.print(Text(title, "bold"))
    for i, name in enumerate(columns[:fitting]):
        numeric = any(_is_number(row.get(name)) for row in rows)
        justify: Literal["left", "right"] = "right" if numeric else "left"
        least = min(widths[i], 4)
        table.add_column(
            Text(name),
            justify=justify,
            no_wrap=True,
            overflow="ellipsis",
            max_width=_MAX_WIDTH if terminal else None,
            min_width=least,
        )
    for row, text in zip(rows, texts, strict=True):
        table.add_row(
            *(
                Text("NULL" if row.get(n) is None and n in row else t, "dim" if row.get(n) is None else "")
                for n, t in zip(columns[:fitting], text[:fitting], strict=True)
            )
        )
    rich.print(table)
    stream.flush()
    if fitting < len(columns) and notes:
        left = ", ".join(columns[fitting:])
        notes.write(f"{len(columns) - fitting} more columns do not fit: {left}\n")


def _fitting(widths: Sequence[int], room: int) -> int:
    """The number of columns that fit, at least one."""
    used = 0
    for count, width in enumerate(widths):
        used += width + _GAP
        if used - _GAP > room:
            return max(count, 1)
    return len(widths)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def cell_text(value: object) -> str:
    """A value as one line of text: numbers with all their digits; control and invisible characters are escaped."""
    if isinstance(value, float):
        return repr(value).removesuffix(".0") if value == value else "NaN"
    text = _cell(value)
    return text if text.isprintable() else escape_invisible(text.replace("\n", "⏎").replace("\t", " "))


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            text = value.replace(tzinfo=None).isoformat(" ")
            return text + ("Z" if value.tzinfo else "")
        case list() | dict():
            return json.dumps(_plain(value), ensure_ascii=False)
        case _:
            return str(value)


def _plain(value: object) -> Any:
    """The value as a type that JSON has."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value == value and abs(value) != float("inf") else None
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case bytes():
            return value.hex()
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case Iterable():
            return [_plain(inner) for inner in value]
        case _:
            return str(value)
