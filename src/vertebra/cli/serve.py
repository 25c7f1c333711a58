"""The command serve."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from vertebra.cli.options import (
    CURRENT_FOLDER,
    EngineOption,
    ProfileOption,
    ProjectOption,
    open_workspace,
    print_note,
)


def serve(
    analyses: Annotated[
        list[str] | None, typer.Argument(metavar="ANALYSIS...", help="Analyses; by default all.", show_default=False)
    ] = None,
    host: Annotated[str, typer.Option("--host", metavar="HOST", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="PORT", help="The port; 0 takes a free one.", min=0)] = 8000,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Answer predictions over HTTP, with the champions of analyses.

    POST /predict/ANALYSIS takes one object of features or a list of them; GET /docs lists them. A new champion answers
    without a restart. Other hosts than this machine need a token, in VERTEBRA_SERVE_TOKEN.

    \b
    Examples:
      vertebra serve
      vertebra serve late_arrival --port 9000
    """
    from vertebra.serve.server import TOKEN
    from vertebra.serve.server import serve as run_server

    def started(address: str) -> None:
        print_note(f"serving at {address}; {address}/docs says what can be asked")

    with open_workspace(project, profile, engine) as space:
        run_server(space, analyses or (), host, port, os.environ.get(TOKEN, ""), started)


COMMANDS = {"serve": serve}
