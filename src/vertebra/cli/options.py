"""Options that several commands share, opening the project they name, and printing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vertebra.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra import Workspace
    from vertebra.report.rows import Format, Row

ProjectOption = Annotated[
    Path,
    typer.Option(
        "--project",
        "-p",
        metavar="FOLDER",
        help="The project's folder, or one inside it; by default the current folder.",
        show_default=False,
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Use a profile of vertebra.yaml.", show_default=False),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine", metavar="ENGINE", help="Use sail, or a Spark Connect server: sc://host:port.", show_default=False
    ),
]
SelectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        "-s",
        metavar="SELECTION",
        help="Select only these steps; vertebra ls --help explains selections.",
        show_default=False,
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="SELECTION", help="Leave these steps out.", show_default=False),
]
FormatOption = Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="Print as table, json or csv.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
WaitOption = Annotated[
    float,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        help="How long to wait for another run to end; by default not at all.",
        min=0,
        show_default=False,
    ),
]

CURRENT_FOLDER = Path()


def open_workspace(
    root: Path, profile: str | None = None, engine: str | None = None, *, strict: bool = False, note: bool = True
) -> Workspace:
    """Open the project that a command names.

    Args:
        strict: raise an error if a declaration is broken; otherwise the command works without it.
        note: print which declarations are broken.
    """
    from vertebra.workspace.workspace import open_project

    space = open_project(root, profile, engine, strict=strict)
    broken = [one for one in space.broken if one.errors]
    if broken and note:
        print_note(f"{counted(len(broken), 'declaration is', 'declarations are')} broken and left out:")
        for one in broken:
            print_note(f"  {one.errors[0].where}: {one.errors[0].fact.splitlines()[0]}")
        print_note("  next:  vertebra check\n")
    return space


def output_format(text: str) -> Format:
    """The output format with a name.

    Raises:
        BadParameter: there is no such format.
    """
    from typing import get_args

    from vertebra.report.rows import Format

    for form in get_args(Format):
        if form == text:
            chosen: Format = form
            return chosen
    raise typer.BadParameter(f"{text!r} is not one of table, json, csv", param_hint="--format")


def print_rows(rows: Sequence[Row], columns: Sequence[str], form: str, title: str = "") -> None:
    """Print rows to stdout."""
    from vertebra.report.rows import write_rows

    write_rows(rows, columns, output_format(form), sys.stdout, sys.stderr, title)


def print_note(text: str) -> None:
    """Print a message to stderr."""
    from rich.console import Console

    Console(file=sys.stderr, highlight=False, soft_wrap=True).print(text, markup=False)


def confirm(question: str, yes: bool) -> None:
    """Ask before destroying something; scripts have to pass ``--yes``."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} Pass --yes to skip the confirmation.", param_hint="--yes")
    typer.confirm(question, abort=True, err=True)
