"""Commands that look: ls, show, sql, why, quality."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vertebra.cli.options import (
    HERE,
    Exclude,
    Profile,
    Root,
    Select,
    Shape,
    known_dataset,
    opened,
    put,
    say,
    shape,
    warn_ledger_mismatch,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.workspace.workspace import Workspace


_SELECTABLE = ("steps", "sources", "drift")


def ls(
    what: Annotated[
        str, typer.Argument(help="steps, sources, tables, datasets, publications, drift or rules.")
    ] = "steps",
    select: Select = None,
    exclude: Exclude = None,
    notation: Annotated[
        Literal["vertebra", "logic", "holoclean"], typer.Option("--notation", help="Of rules.")
    ] = "vertebra",
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """List the steps of the project, its sources and when they are due, tables, datasets, publications, drift or rules.

    \b
    vertebra ls
    vertebra ls --select +exploitation.departures
    vertebra ls sources
    vertebra ls sources --select flights --format json
    vertebra ls tables
    vertebra ls datasets --format json
    vertebra ls publications
    vertebra ls drift --select flights
    vertebra ls rules --notation logic

    \b
    A selection:  trusted.flights  flights  trusted.*      names and wildcards
                  +x  x+  2+x+1                            with what is up or down the stream
                  zone:trusted  tag:x  source:bts          by property
                  state:modified                           declaration or code changed, or never run
                  a,b    a b                               intersection, union
    """
    from vertebra.report import listing

    shape(form)
    if select and what not in _SELECTABLE:
        raise typer.BadParameter(f"it is for {', '.join(_SELECTABLE)}, not {what}", param_hint="--select")
    if exclude and what != "steps":
        raise typer.BadParameter(f"it is for steps, not {what}", param_hint="--exclude")
    space = opened(project, profile)
    match what:
        case "steps":
            rows = listing.steps(space, select or (), exclude or ())
            columns = ["step", "reads", "tags"]
        case "sources":
            _sources(space, [known_dataset(space, name) for name in select or ()], form)
            return
        case "tables":
            rows, columns = listing.tables(space), ["table", "version", "rows", "written", "by"]
        case "datasets":
            rows = listing.datasets(space)
            columns = ["dataset", "source", "batches", "records", "collected", "every", "file", "description"]
        case "publications":
            rows, columns = listing.publications(space), list(listing.PUBLICATIONS)
        case "drift":
            rows, columns = (
                listing.drift(space, [known_dataset(space, name) for name in select or ()]),
                list(listing.DRIFT),
            )
        case "rules":
            rows, columns = listing.rules(space, notation), ["dataset", "rule", "class", "denies"]
        case _:
            raise typer.BadParameter(
                f"{what!r} is not one of steps, sources, tables, datasets, publications, drift, rules"
            )
    put(rows, columns, form)


def _sources(space: Workspace, names: Sequence[str], form: str) -> None:
    from datetime import UTC, datetime

    from vertebra.report.sources import SOURCES, source_rows, write_sources

    now = datetime.now(UTC)
    rows = [row for row in source_rows(space, now) if not names or row["dataset"] in names]
    if form == "table":
        write_sources(rows, now, sys.stdout, sys.stderr)
    else:
        put(rows, SOURCES, form)


def show(
    table: Annotated[str, typer.Argument(help="A table, e.g. trusted.flights.")],
    version: Annotated[int | None, typer.Option("--version", help="An earlier version.", show_default=False)] = None,
    history: Annotated[bool, typer.Option("--history", help="List the versions instead of rows.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Rows to show.", min=0)] = 20,
    columns: Annotated[
        str | None, typer.Option("--columns", "-c", help="Columns to show, comma-separated.", show_default=False)
    ] = None,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Show rows of a table, now or as they were at a version.

    \b
    vertebra show trusted.flights
    vertebra show trusted.flights --version 3 --limit 5
    vertebra show trusted.flights --history
    vertebra show exploitation.departures --columns origin,dest,dep_delay
    """
    from vertebra.report import listing

    shape(form)
    handle = opened(project, profile).table(table, version)
    if history:
        put(listing.history(handle, limit), ["version", "at", "operation", "step", "run_id", "inputs"], form)
        return
    data = handle.dataset()
    names = listing.columns_of(data.schema.names, columns, handle.name)
    put(data.head(limit, columns=names).to_pylist(), names, form)
    if form == "table":
        total = handle.rows()
        say(f"{min(limit, total):,} of {total:,} rows of {handle.name}")


def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT in DuckDB's SQL; - reads it from stdin.")],
    limit: Annotated[int, typer.Option("--limit", "-n", help="Rows to print; 0 prints all.", min=0)] = 0,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Ask the lake in SQL: the schemas are landing, formatted, trusted, exploitation, analysis and governance.

    \b
    vertebra sql "select origin, count(*) from trusted.flights group by origin"
    vertebra sql "select * from governance.repairs limit 5" --format json
    echo "select 1" | vertebra sql -
    """
    shape(form)
    space = opened(project, profile)
    answer = space.sql(sys.stdin.read() if statement == "-" else statement)
    data = answer.limit(limit).arrow() if limit else answer.arrow()
    put(data.to_pylist(), data.schema.names, form)


def why(
    table: Annotated[str, typer.Argument(help="A table, e.g. trusted.flights.")],
    rid: Annotated[int | None, typer.Argument(help="The row's _rid.", show_default=False)] = None,
    column: Annotated[str | None, typer.Argument(help="One column.", show_default=False)] = None,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Explain a row or a cell: back through repairs and parsing to the record that was received, and its file.

    Without a row, tell what the table follows from.

    \b
    vertebra why trusted.flights 10000000042
    vertebra why trusted.flights 10000000042 distance
    vertebra why exploitation.departures
    """
    from vertebra.report.why import write_why

    space = opened(project, profile)
    write_why(space.why(table, rid, column), shape(form), sys.stdout)


def quality(
    dataset: Annotated[str | None, typer.Argument(help="One dataset.", show_default=False)] = None,
    history: Annotated[bool, typer.Option("--history", help="Every run, not only the last.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write one HTML page with plots and examples.", show_default=False)
    ] = None,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Show the quality of the trusted tables: every dimension, every rule, and what changed since the previous run.

    \b
    vertebra quality
    vertebra quality flights
    vertebra quality --html quality.html
    vertebra quality flights --history --format json
    """
    from vertebra.report.quality.terminal import write_quality, write_quality_page

    space = opened(project, profile)
    name = known_dataset(space, dataset) if dataset else None
    warn_ledger_mismatch(space, name)
    if html is not None:
        write_quality_page(space, name, html, sys.stderr)
        return
    write_quality(space, name, history, shape(form), sys.stdout, sys.stderr)


COMMANDS = {"ls": ls, "show": show, "sql": sql, "why": why, "quality": quality}
