"""Commands about models: models, predict."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vertebra.cli.help_format import CommandGroup, HelpCommand
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
    print_rows,
)

if TYPE_CHECKING:
    from vertebra import Promotion

_SHOW: Final = "show"


class ModelsGroup(CommandGroup):
    """A group that shows models if its first word is none of its commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read ``models ANALYSIS`` as ``models show ANALYSIS``."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = [_SHOW, *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


models = typer.Typer(
    cls=ModelsGroup,
    rich_markup_mode=None,
    help="""Show trained models, and decide which of them predicts.

    \b
    Examples:
      vertebra models
      vertebra models late_arrival --history
      vertebra models promote late_arrival 2 --reason "labels of May are wrong"
    """,
)

AnalysisArgument = Annotated[
    str, typer.Argument(metavar="ANALYSIS", help="The analysis, e.g. late_arrival.", show_default=False)
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; recorded.", show_default=False)]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who decides; by default you.", show_default=False)
]


@models.command(_SHOW, cls=HelpCommand)
def models_show(
    analysis: Annotated[
        str | None, typer.Argument(metavar="ANALYSIS", help="One analysis; by default all.", show_default=False)
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Show every run, not only the last.")] = False,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Show models, their scores, which was chosen and which predicts. The word show can be left out.

    Scores are compared with those of a baseline that looks at no feature. With --history, all changes of the champion
    are listed, by runs and by people.

    \b
    Examples:
      vertebra models show
      vertebra models late_arrival --format json
    """
    from vertebra.report.models import write_models, write_reigns

    chosen = output_format(form)
    space = open_workspace(project, profile)
    declared = bool(space.project.analyses)
    write_models(space.models(analysis, history), declared, chosen, sys.stdout, sys.stderr)
    if chosen == "table":
        names = [analysis.removeprefix("analysis.")] if analysis else list(space.project.analyses)
        write_reigns({name: space.champions(name) for name in names}, history, sys.stdout)


@models.command("promote", cls=HelpCommand)
def models_promote(
    analysis: AnalysisArgument,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The version, e.g. 2.", show_default=False)],
    reason: ReasonOption = "",
    by: ByOption = None,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Make a version the champion. It stays so, whatever runs train, until you decide again.

    \b
    Example:
      vertebra models promote late_arrival 2 --reason "labels of May are wrong"
    """
    _said(open_workspace(project, profile).promote_model(analysis, version, reason, by))


@models.command("rollback", cls=HelpCommand)
def models_rollback(
    analysis: AnalysisArgument,
    reason: ReasonOption = "",
    by: ByOption = None,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Make the champion before the present one the champion again. This also takes a promotion back.

    \b
    Example:
      vertebra models rollback late_arrival --reason "complaints since Monday"
    """
    _said(open_workspace(project, profile).rollback_model(analysis, reason, by))


@models.command("release", cls=HelpCommand)
def models_release(
    analysis: AnalysisArgument,
    reason: ReasonOption = "",
    by: ByOption = None,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Let runs choose the champion again, after a person promoted one.

    \b
    Example:
      vertebra models release late_arrival --reason "labels are corrected"
    """
    _said(open_workspace(project, profile).release_model(analysis, reason, by))


@models.command("compare", cls=HelpCommand)
def models_compare(
    analysis: AnalysisArgument,
    first: Annotated[str, typer.Argument(metavar="VERSION", help="A version, e.g. 1.", show_default=False)],
    second: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="Another; by default the champion.", show_default=False)
    ] = None,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Compare two versions on the present test rows that neither was trained on.

    \b
    Example:
      vertebra models compare late_arrival 1 2
    """
    from vertebra.report.models import write_comparison

    chosen = output_format(form)
    with open_workspace(project, profile, engine) as space:
        write_comparison(space.compare_models(analysis, first, second), chosen, sys.stdout)


@models.command("drift", cls=HelpCommand)
def models_drift(
    analysis: AnalysisArgument,
    history: Annotated[bool, typer.Option("--history", help="Show every run, not only the last.")] = False,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Show how far the data in use are from training, and how good predictions were.

    PSI under 0.1 is stable, over 0.25 has moved. Scores are beside those on the test set after training.

    \b
    Example:
      vertebra models drift late_arrival
    """
    chosen = output_format(form)
    found = open_workspace(project, profile).model_drift(analysis, history)
    columns = ["subject", "name", "measure", "value", "reference", "rows", "state", "model_version", "run_id"]
    if chosen == "table" and not found:
        print_note(f"no figures about {analysis} yet\n  next:  vertebra run")
        return
    print_rows([{name: getattr(one, name) for name in columns} for one in found], columns, chosen)


def _said(made: Promotion) -> None:
    if made.action == "release":
        print_note(f"runs choose the champion of {made.analysis} again; it is version {made.model_version} now")
        return
    print_note(f"version {made.model_version} is the champion of {made.analysis} (was version {made.before or 'none'})")
    print_note("next:  vertebra run, to predict with it")


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
    """Predict every row of a table with a model of an analysis.

    The model is the champion unless you name a version. Writes
    analysis.<name>_predictions to the lake. The next run replaces them with the
    declared ones.

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


COMMANDS = {"predict": predict}
