"""Commands that bring the lake up to date, or show which steps that needs: plan, run."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vertebra.cli.options import (
    CURRENT_FOLDER,
    EngineOption,
    ExcludeOption,
    FormatOption,
    ProfileOption,
    ProjectOption,
    SelectOption,
    WaitOption,
    open_workspace,
    output_format,
    print_note,
    print_rows,
)  # fmt: skip
from vertebra.cli.signals import on_signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from vertebra import RunReport
    from vertebra.report.console import LineConsole, TerminalConsole

RefreshOption = Annotated[
    bool, typer.Option("--full-refresh", help="Run the selected steps from scratch, even if they are current.")
]


def plan(
    select: SelectOption = None,
    exclude: ExcludeOption = None,
    full_refresh: RefreshOption = False,
    everything: Annotated[bool, typer.Option("--all", "-a", help="List steps that are current, too.")] = False,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Show what a run would do, step by step, and why.

    Nothing is collected or written.

    \b
    Examples:
      vertebra plan
      vertebra plan --select state:modified+
      vertebra plan --format json
    """
    from vertebra.report.plan import plan_lines, plan_rows, write_plan

    output_format(form)
    space = open_workspace(project, profile, engine)
    planned = space.plan(select or (), exclude or (), full_refresh)
    rows = plan_rows(planned, everything or form != "table")
    if form != "table":
        print_rows(rows, ["step", "action", "why"], form)
    elif rows:
        write_plan(rows, sys.stdout)
    for line in plan_lines(planned):
        print_note(line)


def run(
    select: SelectOption = None,
    exclude: ExcludeOption = None,
    full_refresh: RefreshOption = False,
    wait: WaitOption = 0,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Collect new data and bring all tables up to date.

    Steps whose inputs, declaration and code have not changed are skipped. You can interrupt a run at any time:
    what it committed is kept, and the next run continues from there.

    \b
    Examples:
      vertebra run
      vertebra run --select +trusted.flights
      vertebra run -s tag:nightly,zone:trusted --exclude trusted.weather
      vertebra run --select trusted.flights --full-refresh
    """
    from vertebra.report.summary import write_nothing_to_do, write_summary

    with open_workspace(project, profile, engine, note=False) as space:
        report = reported(lambda console: space.run(select or (), exclude or (), full_refresh, wait, console))
        if report.idle:
            write_nothing_to_do(report, sys.stderr)  # a summary reads all ledgers
        else:
            write_summary(space.summary(report), space.project, sys.stderr)
    exit_with(report)


def reported(work: Callable[[LineConsole | TerminalConsole], RunReport]) -> RunReport:
    """Do work that runs steps, with its progress on stderr. Returns the report of an interrupted run, too."""
    from vertebra import RunInterrupted
    from vertebra.report.console import console_for

    # SIGTERM, e.g. from a job scheduler, interrupts the run as Ctrl-C does.
    on_signal(signal.SIGTERM, _interrupt)
    console = console_for(sys.stderr)
    try:
        return work(console)
    except RunInterrupted as interrupted:
        return interrupted.report
    finally:
        console.close()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def exit_with(report: RunReport) -> None:
    """End the process with the exit code of a run."""
    import os

    if os.environ.get("VERTEBRA_DEBUG"):
        for result in report.results:
            if result.trace:
                sys.stderr.write(result.trace)
    if report.state == "interrupted":
        raise typer.Exit(130)
    if report.state == "failed":
        raise typer.Exit(1)


COMMANDS = {"plan": plan, "run": run}
