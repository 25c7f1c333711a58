"""The commands, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vertebra.cli import (
    check,
    collect,
    decide,
    discover,
    inspect_lake,
    maintain,
    match,
    model,
    repairs,
    run,
    serve,
    start,
)
from vertebra.cli.help_format import CommandGroup, HelpCommand

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(
    name="vertebra",
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nFirst steps:\n  vertebra init my_project --example flights\n  cd my_project\n  vertebra run",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from vertebra.version import installed_version

        typer.echo(f"vertebra {installed_version()}")
        raise typer.Exit


@app.callback()
def vertebra_(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors; accepted anywhere in a command.")
    ] = False,
) -> None:
    """Collect, format, clean, integrate and model data, reproducibly.

    Run vertebra COMMAND --help to learn about a command.
    """


_PANELS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("Start", start.COMMANDS),
    ("Run", {**run.COMMANDS, **collect.COMMANDS, **check.COMMANDS}),
    ("Inspect", {**inspect_lake.COMMANDS, **discover.COMMANDS}),
    ("Model", {**model.COMMANDS, **serve.COMMANDS}),
    ("Maintain", maintain.COMMANDS),
)
for panel, commands in _PANELS:
    for name, command in commands.items():
        app.command(name, cls=HelpCommand, rich_help_panel=panel)(command)
app.add_typer(model.models, name="models", rich_help_panel="Model")
app.add_typer(decide.quarantine, name="quarantine", rich_help_panel="Decide")
app.add_typer(repairs.repairs, name="repairs", rich_help_panel="Decide")
app.add_typer(match.match, name="match", rich_help_panel="Decide")
app.add_typer(decide.decisions, name="decisions", rich_help_panel="Decide")
