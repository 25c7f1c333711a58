"""Commands that inspect the project and the lake: ls, show, sql, why, quality."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from vertebra.cli.options import (
    CURRENT_FOLDER,
    ExcludeOption,
    FormatOption,
    ProfileOption,
    ProjectOption,
    open_workspace,
    output_format,
    print_note,
    print_rows,
)  # fmt: skip
from vertebra.formatting import counted

if TYPE_CHECKING:
    from vertebra import Workspace

_LISTS: Final = ("steps", "sources", "tables", "datasets", "publications", "drift", "rules")
_SELECTABLE: Final = ("steps", "sources", "drift")

TableArgument = Annotated[
    str, typer.Argument(metavar="TABLE", help="A table, e.g. trusted.flights.", show_default=False)
]


def ls(
    what: Annotated[str, typer.Argument(metavar="LIST", help="What to list; see above.")] = "steps",
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            "-s",
            metavar="SELECTION",
            help="List only these steps, or these datasets' sources or drift.",
            show_default=False,
        ),
    ] = None,
    exclude: ExcludeOption = None,
    notation: Annotated[
        Literal["vertebra", "logic", "holoclean"],
        typer.Option("--notation", metavar="NOTATION", help="Print rules as vertebra, logic or holoclean."),
    ] = "vertebra",
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """List steps, sources, tables, datasets, rules and more.

    \b
    Lists:
      steps         what a run does, in order
      sources       when each source was asked, what it gave, when it is due
      tables        tables of the lake: version, rows, time, step
      datasets      declared datasets, their files and what was received
      publications  what was sent to which target, when and where
      drift         how columns of batches differ from the declared ones
      rules         rules as denial constraints

    \b
    Examples:
      vertebra ls
      vertebra ls --select +exploitation.departures
      vertebra ls sources --select flights --format json
      vertebra ls publications
      vertebra ls rules --notation logic

    \b
    Selections of steps:
      trusted.flights             one step
      flights                     the steps of a dataset, view or analysis
      trusted.*                   wildcards: * ? [ ]
      +x   x+   2+x+1             with what x depends on, what depends on x
      zone:trusted tag:x source:y by property
      state:modified              declaration or code changed, or never run
      a,b                         both a and b (intersection)
      a b                         a or b (union)
    """  # fmt: skip
    output_format(form)
    if what not in _LISTS:
        raise typer.BadParameter(f"{what!r} is not one of {', '.join(_LISTS)}", param_hint="LIST")
    if select and what not in _SELECTABLE:
        raise typer.BadParameter(f"it is for {', '.join(_SELECTABLE)}, not {what}", param_hint="--select")
    if exclude and what != "steps":
        raise typer.BadParameter(f"it is for steps, not {what}", param_hint="--exclude")
    space = open_workspace(project, profile)
    if what == "sources":
        _print_sources(space, select or (), form)
        return
    if what in ("tables", "datasets"):
        _note_undeclared(space)
    rows, columns = _listed(space, what, select or (), exclude or (), notation)
    print_rows(rows, columns, form)


def _note_undeclared(space: Workspace) -> None:
    for note in space.undeclared_notes():
        print_note(f"note: {note}")


def _listed(
    space: Workspace, what: str, select: Sequence[str], exclude: Sequence[str], notation: Any
) -> tuple[list[dict[str, Any]], Sequence[str]]:
    from vertebra.report import listing

    match what:
        case "steps":
            return listing.step_rows(space.steps(select, exclude)), listing.STEPS
        case "tables":
            return listing.rows_of(space.table_infos(), listing.TABLES), listing.TABLES
        case "datasets":
            return listing.rows_of(space.datasets(), listing.DATASETS), listing.DATASETS
        case "publications":
            return listing.rows_of(space.publications(), listing.PUBLICATIONS), listing.PUBLICATIONS
        case "drift":
            return listing.drift_rows(space.drift(select)), listing.DRIFT
        case _:
            return listing.rule_rows(space.rules(notation=notation)), listing.RULES


def _print_sources(space: Workspace, names: Sequence[str], form: str) -> None:
    from vertebra.report.sources import SOURCES, source_rows, write_sources

    sources = space.sources(names)
    if form == "table":
        write_sources(sources, sys.stdout, sys.stderr)
    else:
        print_rows(source_rows(sources), SOURCES, form)


def show(
    table: TableArgument,
    version: Annotated[
        int | None, typer.Option("--version", metavar="VERSION", help="Show an earlier version.", show_default=False)
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="List the versions instead of rows.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="ROWS", help="Rows to show.", min=0)] = 20,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            "-c",
            metavar="COLUMNS",
            help="Show only these columns, separated by commas.",
            show_default=False,
        ),
    ] = None,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Show rows or the history of a table.

    \b
    Examples:
      vertebra show trusted.flights
      vertebra show trusted.flights --version 3 --limit 5
      vertebra show trusted.flights --history
      vertebra show exploitation.departures --columns origin,dest,dep_delay
    """  # fmt: skip
    from vertebra.report.listing import HISTORY, history_rows

    output_format(form)
    handle = open_workspace(project, profile).table(table, version)
    if history:
        print_rows(history_rows(handle.history(limit)), HISTORY, form)
        return
    data = handle.head(limit, [name.strip() for name in columns.split(",")] if columns else ())
    print_rows(data.to_pylist(), data.schema.names, form)
    if form == "table":
        total = handle.rows()
        print_note(f"{min(limit, total):,} of {counted(total, 'row')} of {handle.name}")


def sql(
    statement: Annotated[
        str,
        typer.Argument(
            metavar="STATEMENT", help="One SELECT in DuckDB's SQL; - reads it from stdin.", show_default=False
        ),
    ],
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="ROWS", help="Rows to print; 0 prints all.", min=0)
    ] = 0,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Query the lake in SQL.

    The schemas are landing, formatted, trusted, exploitation, analysis and governance.

    \b
    Examples:
      vertebra sql "select origin, count(*) from trusted.flights group by origin"
      vertebra sql "select * from governance.repairs limit 5" --format json
      echo "select 1" | vertebra sql -
    """
    output_format(form)
    space = open_workspace(project, profile)
    answer = space.sql(sys.stdin.read() if statement == "-" else statement)
    data = answer.limit(limit).arrow() if limit else answer.arrow()
    print_rows(data.to_pylist(), data.schema.names, form)


def why(
    table: TableArgument,
    rid: Annotated[int | None, typer.Argument(metavar="RID", help="The row's _rid.", show_default=False)] = None,
    column: Annotated[
        str | None, typer.Argument(metavar="COLUMN", help="One column of the row.", show_default=False)
    ] = None,
    of_column: Annotated[
        str | None,
        typer.Option("--column", "-c", metavar="COLUMN", help="One column, of any row.", show_default=False),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where", "-w", metavar="CONDITION", help="Rows, by a condition in SQL instead of RID.", show_default=False
        ),
    ] = None,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Explain where a table, a column, a row or a cell comes from.

    A row or a cell is traced back through repairs and parsing to the record that was received, and its file. Without
    a row, shows what the table or the column was made from.

    \b
    Examples:
      vertebra why trusted.flights 10000000042
      vertebra why trusted.flights 10000000042 distance
      vertebra why exploitation.departures
      vertebra why exploitation.departures --column manufacturer
      vertebra why exploitation.airports --where "faa = 'JFK'"
    """
    from vertebra.report.why import write_why

    if column is not None and of_column is not None:
        raise typer.BadParameter("the column is given twice", param_hint="--column")
    space = open_workspace(project, profile)
    write_why(space.why(table, rid, column or of_column, where), output_format(form), sys.stdout)


def quality(
    dataset: Annotated[
        str | None, typer.Argument(metavar="DATASET", help="One dataset; by default all.", show_default=False)
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Show every run, not only the last.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write an HTML page with plots and examples.", show_default=False),
    ] = None,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Show the data quality of the trusted tables.

    Shows every quality dimension, every rule, what changed since the previous run, and the cells that cleaning repaired
    or proposes to repair.

    \b
    Examples:
      vertebra quality
      vertebra quality flights
      vertebra quality --html quality.html
      vertebra quality flights --history --format json
    """
    from vertebra.report.quality import terminal

    chosen = output_format(form)
    space = open_workspace(project, profile)
    for warning in space.ledger_warnings(dataset):
        print_note(f"note: {warning}")
    if dataset is None:
        _note_undeclared(space)
    if html is not None:
        evidence = space.quality_evidence(dataset)
        terminal.write_quality_page(space.quality(dataset), evidence, space.project, html, sys.stderr)
    elif chosen != "table" or history:
        terminal.write_measures(space.quality_measures(dataset, history), chosen, sys.stdout, sys.stderr)
    else:
        name = dataset and dataset.rpartition(".")[2]
        changes = space.cell_changes(dataset)
        terminal.write_quality(space.quality(dataset), changes, space.project, name, sys.stdout, sys.stderr)


COMMANDS = {"ls": ls, "show": show, "sql": sql, "why": why, "quality": quality}
