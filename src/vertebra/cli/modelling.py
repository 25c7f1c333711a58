"""Commands about models: models, predict."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vertebra.cli.options import HERE, Profile, Root, Shape, opened, shape


def models(
    analysis: Annotated[str | None, typer.Argument(help="One analysis.", show_default=False)] = None,
    history: Annotated[bool, typer.Option("--history", help="Every run, not only the last.")] = False,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Show the models that were tried, their scores against the baseline, and which was chosen.

    \b
    vertebra models
    vertebra models late_arrival --format json
    """
    from vertebra.report.models import write_models

    write_models(opened(project, profile), analysis, history, shape(form), sys.stdout, sys.stderr)


COMMANDS = {"models": models}
