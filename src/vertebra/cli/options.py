"""Options that several commands share, and opening the project they name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.report.rows import Format, Row
    from vertebra.workspace.workspace import Workspace

Root = Annotated[
    Path,
    typer.Option("--project", "-p", help="The project's folder, or one inside it; default: here.", show_default=False),
]
Profile = Annotated[
    str | None, typer.Option("--profile", help="A profile of vertebra.yaml, e.g. dev or prod.", show_default=False)
]
EngineName = Annotated[
    str | None,
    typer.Option("--engine", help="sail, or sc://host:port of a Spark Connect server.", show_default=False),
]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", "-s", help="Steps to take: names, +up, down+, zone:, tag:, source:, state:modified."),
]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", help="Steps to leave out; same grammar.")]
Shape = Annotated[str, typer.Option("--format", "-f", help="table, json or csv.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

HERE = Path()


def opened(root: Path, profile: str | None = None, engine: str | None = None) -> Workspace:
    """The project a command is about."""
    from vertebra.workspace.workspace import open_project

    return open_project(root, profile, engine)


def known_dataset(space: Workspace, dataset: str) -> str:
    """A declared dataset's name; ``trusted.flights`` means ``flights``.

    Raises:
        DeclarationError: there is no such dataset.
    """
    from vertebra.errors import DeclarationError
    from vertebra.pipeline.selection import did_you_mean

    name = dataset.rpartition(".")[2]
    if name not in space.project.datasets:
        known = space.project.datasets
        raise DeclarationError(f"there is no dataset {name}", remedy=did_you_mean(name, known, "vertebra ls datasets"))
    return name


def warn_ledger_mismatch(space: Workspace, dataset: str | None) -> None:
    """Say of which datasets the ledgers speak of another table than is there.

    Args:
        dataset: one; None for all.
    """
    from vertebra.trusted.ledger_commit import ledger_mismatch

    for name in [dataset] if dataset else space.project.datasets:
        differ = ledger_mismatch(space.lake, space.ledgers, name)
        if differ:
            say(f"note: {differ}\n  next:  vertebra run --select trusted.{name}")


def shape(text: str) -> Format:
    """The output form; a usage error when there is no such form."""
    from typing import get_args

    from vertebra.report.rows import Format

    for form in get_args(Format):
        if form == text:
            chosen: Format = form
            return chosen
    raise typer.BadParameter(f"{text!r} is not one of table, json, csv", param_hint="--format")


def put(rows: Sequence[Row], columns: Sequence[str], form: str, title: str = "") -> None:
    """Print rows to stdout."""
    from vertebra.report.rows import write_rows

    write_rows(rows, columns, shape(form), sys.stdout, sys.stderr, title)


def say(text: str) -> None:
    """Print a remark to stderr."""
    from rich.console import Console

    Console(file=sys.stderr, highlight=False, soft_wrap=True).print(text, markup=False)


def sure(question: str, yes: bool) -> None:
    """Ask before destroying; a script has to say ``--yes``."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} Say --yes to do it without being asked.", param_hint="--yes")
    typer.confirm(question, abort=True, err=True)
