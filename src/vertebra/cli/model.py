"""Commands about models: models, predict."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vertebra.cli.options import HERE, EngineName, Profile, Root, Shape, opened, say, shape


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


def predict(
    analysis: Annotated[str, typer.Argument(help="The analysis, e.g. late_arrival.")],
    table: Annotated[
        str | None, typer.Option("--table", help="To score; default: the analysis's view.", show_default=False)
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="Of the model; by default the champion.", show_default=False)
    ] = None,
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for a run to end.", min=0)] = 0,
    project: Root = HERE,
    profile: Profile = None,
    engine: EngineName = None,
) -> None:
    """Score a table with the champion of an analysis and write analysis.<name>_predictions to the lake.

    \b
    vertebra predict late_arrival
    vertebra predict late_arrival --table exploitation.departures --version 2
    """
    from vertebra.report.console import console_for
    from vertebra.report.formatting import many
    from vertebra.report.step_facts import phrases
    from vertebra.workspace.predict import predict as score

    console = console_for(sys.stderr)
    try:
        with opened(project, profile, engine) as space:
            console.started(1, 1, f"predict.{analysis}")
            outcome = score(space, analysis, table, version, wait, console)
    finally:
        console.close()
    output = next(iter(outcome.outputs))
    say(f"{', '.join([many(outcome.rows, 'row'), *phrases(outcome.facts)])}\nnext:  vertebra show {output}")


COMMANDS = {"models": models, "predict": predict}
