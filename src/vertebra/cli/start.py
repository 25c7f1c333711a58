"""Commands to start with: init, debug."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from vertebra import Workspace


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The project's folder; must be new or empty.", show_default=False)
    ],
    example: Annotated[
        str | None,
        typer.Option(
            "--example", metavar="NAME", help="Copy an example: flights, energy or barcelona.", show_default=False
        ),
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
    verify: Annotated[bool, typer.Option("--verify", help="Check that no file of the lake is damaged.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild damaged files of the lake from undamaged ones.")
    ] = False,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Check the installation, the project, the lake and the engine.

    With --verify, checks every payload, record file, receipt, log entry and current data file of the lake, by their
    SHA-256. With --repair, parses records again from payloads, takes damaged tables back to their last intact version,
    for the next run to compute, and rebuilds ledgers. Both exit with 1 if damage is left.

    \b
    Examples:
      vertebra debug
      vertebra debug --engine sc://localhost:15002
      vertebra debug --verify
      vertebra debug --repair
      vertebra debug --json-schema > vertebra.schema.json
    """
    if json_schema:
        import vertebra

        sys.stdout.write(json.dumps(vertebra.json_schema(), indent=2, ensure_ascii=False) + "\n")
        return
    output_format(form)
    if verify or repair:
        _verify(open_workspace(project, profile, strict=repair), form, repair=repair)
        return
    with open_workspace(project, profile, engine, strict=True) as space:
        checks = space.diagnostics()
    rows = [{"check": one.what, "state": "ok" if one.ok else "FAILED", "detail": one.detail} for one in checks]
    if form == "table":  # a cell has one line; cause and remedy follow the table
        shown = [{**row, "detail": row["detail"].partition("\n")[0]} for row in rows]
        print_rows(shown, ["check", "state", "detail"], form)
        for row in rows:
            if "\n" in row["detail"]:
                print_note(f"{row['check']}: {row['detail']}")
    else:
        print_rows(rows, ["check", "state", "detail"], form)
    if not all(one.ok for one in checks):
        raise typer.Exit(1)


def _verify(space: Workspace, form: str, *, repair: bool) -> None:
    from vertebra.report import damage

    if repair:
        report = space.repair()
        print_rows(damage.repair_rows(report, space.lake.root), damage.REPAIRS, form)
        print_note(damage.repair_summary(report))
        ok = report.ok
    else:
        found = space.verify()
        print_rows(damage.damage_rows(found, space.lake.root), damage.DAMAGE, form)
        print_note(damage.summary(found))
        ok = found.ok
    if not ok:
        raise typer.Exit(1)


COMMANDS = {"init": init, "debug": debug}
