"""Writes the result of a data check: the measures of each rule, and example violations side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from vertebra.formatting import counted, duration, figure, percentage
from vertebra.report.rows import cell_text, write_rows
from vertebra.report.tables import grid, print_table, rich_console
from vertebra.workspace.check_result import WHOLE_TABLE

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from vertebra.report.rows import Format
    from vertebra.workspace.check_result import DataCheck, RuleResult

COLUMNS: Final = (
    "rule", "table", "class", "rows", "violating_tuples", "violating_pairs", "g2", "g3", "g3_low", "g3_high",
    "minority_cells", "seconds", "constraint", "figure", "violated",
    "missing",
)  # fmt: skip
"""The columns in JSON and CSV; one row per rule."""

_EXAMPLES: Final = 5
_NAME: Final = 24


@contextmanager
def progress_on(stream: TextIO) -> Iterator[Callable[[str], None]]:
    """Show the current activity with a spinner, if the stream is a terminal."""
    if not stream.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(file=stream, highlight=False).status("opening") as status:
        yield status.update


def write_data_check(
    check: DataCheck, form: Format, stream: TextIO, notes: TextIO, violations: Path | None = None
) -> None:
    """Write the results of a check.

    Args:
        check: the results.
        form: ``table``, ``json`` or ``csv``.
        stream: receives the results.
        notes: receives warnings about the rules and the data, and the next command.
        violations: the file the violating rows were written to; None if they were not written.
    """
    for note in check.notes:
        notes.write(f"note: {note}\n")
    for finding in check.findings:
        notes.write(f"warning: {finding.rule}: {finding.reason}\n")
    if form != "table":
        write_rows([result.as_row() for result in check.results], COLUMNS, form, stream)
        return
    rich = rich_console(stream)
    _print_results(check, rich)
    broken = [result for result in check.results if not result.ok]
    for result in broken[:_EXAMPLES]:
        _print_example(result, rich)
    if len(broken) > _EXAMPLES:
        rich.print(f"\n[dim]and {counted(len(broken) - _EXAMPLES, 'more rule', 'more rules')} violated[/]")
    stream.flush()
    if not any(result.violating_tuples for result in broken):
        return
    if violations is None:
        notes.write("next:  add --violations violations.parquet for every violating row\n")
    else:
        first = next(result.rule for result in broken if result.violating_tuples)
        notes.write(f"next:  duckdb -c \"from '{violations}' where rule = '{first}'\"\n")


def _print_results(check: DataCheck, rich: Console) -> None:
    broken = sum(not result.ok for result in check.results)
    counts = counted(len(check.results), "rule")
    title = f"{broken} of {counts} violated" if broken else f"{counts} checked, none violated"
    sizes = dict.fromkeys((result.table, result.rows) for result in check.results)
    about = ", ".join(f"{check.shown.get(name, name)}: {counted(rows, 'row')}" for name, rows in sizes)
    table = grid("rule", "class", "tuples", "pairs", "g2", "g3", "time", numeric=5)
    for result in sorted(check.results, key=lambda one: one.ok):
        pairs = "–" if result.violating_pairs is None else figure(result.violating_pairs)
        style = "dim" if result.ok else ""
        table.add_row(
            result.rule, result.constraint_class, *_measured(result, pairs), duration(result.seconds), style=style,
        )  # fmt: skip
    rich.print(f"[dim]{about}[/]")
    print_table(rich, title, table)
    rich.print(
        "[dim]tuples: rows in a violation; g2: their share; g3: least share of rows to remove for the rule to hold[/]"
    )


def _measured(result: RuleResult, pairs: str) -> tuple[str, str, str, str]:
    if result.constraint_class == WHOLE_TABLE:
        return ("–", "–", "–", "–")
    return figure(result.violating_tuples), pairs, percentage(result.g2), _g3(result)


def _g3(result: RuleResult) -> str:
    if result.g3 is not None:
        return percentage(result.g3)
    return f"{percentage(result.g3_low)} – {percentage(result.g3_high)}"


def _print_example(result: RuleResult, rich: Console) -> None:
    """Print the rule as logic, and an example violation with one row of data per column."""
    from rich.padding import Padding
    from rich.text import Text

    rich.print()
    rich.print(Text(result.rule, "bold"))
    rich.print(Padding(Text(str(result.constraint), "dim"), (0, 0, 0, 2), expand=False))
    if result.violated:
        rich.print(Padding(Text(result.violated), (0, 0, 0, 2), expand=False))
        return
    if result.missing:
        gone = f"{counted(result.missing, 'row is', 'rows are')} missing, e.g. between these"
        rich.print(Padding(Text(gone), (0, 0, 0, 2), expand=False))
    rich.print(Padding(_side_by_side(result), (0, 0, 0, 2), expand=False))


def _side_by_side(result: RuleResult) -> Table:
    from rich.text import Text

    headings = []
    for one in result.example:
        table_of = "" if one.table == result.table else f" of {one.table}"
        headings.append(f"{one.role}: row {one.row:,}{f' of {_short(one.file)}' if one.file else table_of}")
    names = list(dict.fromkeys(name for one in result.example for name in one.values))
    table = grid("", *headings)
    for name in names:
        cells = [_cell(one.values, name) for one in result.example]
        differ = len(set(cells)) > 1 and all(name in one.values for one in result.example)
        table.add_row(Text(name, "dim"), *(Text(cell, "bold" if differ else "") for cell in cells))
    return table


def _short(file: str) -> str:
    """The file name without its folder; a long name is cut at the beginning."""
    name = file.rpartition("/")[2]
    return name if len(name) <= _NAME else "…" + name[-_NAME:]


def _cell(values: Mapping[str, object], name: str) -> str:
    if name not in values:
        return ""
    return "NULL" if values[name] is None else cell_text(values[name])
