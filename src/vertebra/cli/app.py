"""The commands, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vertebra.cli import checking, collecting, deciding, discovering, keeping, looking, modelling, running, starting
from vertebra.cli.groups import Commands

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(
    name="vertebra",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="First steps: vertebra init my_project --example flights; cd my_project; vertebra run",
)


def _version(wanted: bool) -> None:
    if wanted:
        import vertebra

        typer.echo(f"vertebra {vertebra.__version__}")
        raise typer.Exit


@app.callback()
def vertebra_(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere in the command.")] = False,
) -> None:
    """The backbone for data science: collect, format, clean, integrate and model data, reproducibly."""


_PANELS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("Start", starting.COMMANDS),
    ("Run", {**running.COMMANDS, **collecting.COMMANDS, **checking.COMMANDS}),
    ("Look", {**looking.COMMANDS, **discovering.COMMANDS}),
    ("Model", modelling.COMMANDS),
    ("Keep", keeping.COMMANDS),
)
for panel, commands in _PANELS:
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)
app.add_typer(deciding.quarantine, name="quarantine", rich_help_panel="Decide")
app.add_typer(deciding.repairs, name="repairs", rich_help_panel="Decide")
app.add_typer(deciding.decisions, name="decisions", rich_help_panel="Decide")
