"""Commands to start with: init, debug."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from vertebra.cli.options import HERE, EngineName, Profile, Root, Shape, opened, put, say, shape


def init(
    folder: Annotated[Path, typer.Argument(help="Where to make the project; must not exist, or be empty.")],
    example: Annotated[
        str | None, typer.Option("--example", help="Copy an example project: flights.", show_default=False)
    ] = None,
) -> None:
    """Make a new project: an empty one that runs, or a copy of an example.

    \b
    vertebra init my_project
    vertebra init my_project --example flights
    """
    from vertebra.scaffold.init import init_project

    made = init_project(folder, example)
    say(f"made {folder}, {len(made)} files\nnext:  cd {folder}\n       vertebra plan\n       vertebra run")


def debug(
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print the JSON Schema of the YAML declarations, for editors.")
    ] = False,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
    engine: EngineName = None,
) -> None:
    """Check that the project, the lake and the engine are in order, and say with what versions.

    \b
    vertebra debug
    vertebra debug --engine sc://localhost:15002
    vertebra debug --json-schema > vertebra.schema.json
    """
    if json_schema:
        from vertebra.declare.schema import json_schema as schema_of

        sys.stdout.write(json.dumps(schema_of(), indent=2, ensure_ascii=False) + "\n")
        return
    from vertebra.report.diagnostics import checkup

    shape(form)
    with opened(project, profile, engine) as space:
        checks = checkup(space)
    put([{"check": c.what, "state": "ok" if c.ok else "FAILED", "detail": c.detail} for c in checks],
        ["check", "state", "detail"], form)  # fmt: skip
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


COMMANDS = {"init": init, "debug": debug}
