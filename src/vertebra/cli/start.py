"""Commands to start with: init, debug."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from vertebra.cli.options import (
    CURRENT_FOLDER,
    EngineOption,
    FormatOption,
    ProfileOption,
    ProjectOption,
    open_workspace,
    output_format,
    print_note,
    print_rows,
)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The project's folder; must be new or empty.", show_default=False)
    ],
    example: Annotated[
        str | None,
        typer.Option("--example", metavar="NAME", help="Copy an example project: flights.", show_default=False),
    ] = None,
) -> None:
    """Create a project: a small one that runs, or a copy of an example.

    \b
    Examples:
      vertebra init my_project
      vertebra init my_project --example flights
    """
    from vertebra.scaffold.init import init_project

    made = init_project(folder, example)
    print_note(f"created {folder}, {len(made)} files\nnext:  cd {folder}\n       vertebra plan\n       vertebra run")


def debug(
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print the JSON Schema of declarations in YAML, for editors.")
    ] = False,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Check the installation, the project, the lake and the engine.

    \b
    Examples:
      vertebra debug
      vertebra debug --engine sc://localhost:15002
      vertebra debug --json-schema > vertebra.schema.json
    """
    if json_schema:
        import vertebra

        sys.stdout.write(json.dumps(vertebra.json_schema(), indent=2, ensure_ascii=False) + "\n")
        return
    output_format(form)
    with open_workspace(project, profile, engine) as space:
        checks = space.diagnostics()
    rows = [{"check": one.what, "state": "ok" if one.ok else "FAILED", "detail": one.detail} for one in checks]
    print_rows(rows, ["check", "state", "detail"], form)
    if not all(one.ok for one in checks):
        raise typer.Exit(1)


COMMANDS = {"init": init, "debug": debug}
