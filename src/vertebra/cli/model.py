"""Commands about models: models, predict."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vertebra.cli.options import (
    CURRENT_FOLDER,
    EngineOption,
    FormatOption,
    ProfileOption,
    ProjectOption,
    WaitOption,
    open_workspace,
    output_format,
    print_note,
)


def models(
    analysis: Annotated[
        str | None, typer.Argument(metavar="ANALYSIS", help="One analysis; by default all.", show_default=False)
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Show every run, not only the last.")] = False,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Show trained models, their scores and which was chosen.

    Scores are compared with those of a baseline that looks at no feature.

    \b
    Examples:
      vertebra models
      vertebra models late_arrival --format json
    """
    from vertebra.report.models import write_models

    chosen = output_format(form)
    space = open_workspace(project, profile)
    declared = bool(space.project.analyses)
    write_models(space.models(analysis, history), declared, chosen, sys.stdout, sys.stderr)


def predict(
    analysis: Annotated[
        str, typer.Argument(metavar="ANALYSIS", help="The analysis, e.g. late_arrival.", show_default=False)
    ],
    table: Annotated[
        str | None,
        typer.Option(
            "--table", metavar="TABLE", help="Score this table; by default the analysis's view.", show_default=False
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            "--version", metavar="VERSION", help="Use this model version; by default the champion.", show_default=False
        ),
    ] = None,
    wait: WaitOption = 0,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Score a table with the champion of an analysis.

    Writes analysis.<name>_predictions to the lake.

    \b
    Examples:
      vertebra predict late_arrival
      vertebra predict late_arrival --table exploitation.departures --version 2
    """
    from vertebra.formatting import counted
    from vertebra.report.console import console_for
    from vertebra.report.step_facts import phrases

    console = console_for(sys.stderr)
    try:
        with open_workspace(project, profile, engine) as space:
            console.started(1, 1, f"predict.{analysis}")
            outcome = space.predict(analysis, table, version, wait, console)
    finally:
        console.close()
    output = next(iter(outcome.outputs))
    print_note(f"{', '.join([counted(outcome.rows, 'row'), *phrases(outcome.facts)])}\nnext:  vertebra show {output}")


COMMANDS = {"models": models, "predict": predict}
