"""Commands that bring the lake up to date, or say what it would take: plan, run."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vertebra.cli.options import (
    HERE,
    EngineName,
    Exclude,
    Profile,
    Root,
    Select,
    Shape,
    opened,
    put,
    say,
    shape,
)  # fmt: skip

if TYPE_CHECKING:
    from vertebra.pipeline.progress import RunReport
    from vertebra.workspace.workspace import Workspace

Refresh = Annotated[bool, typer.Option("--full-refresh", help="Run the selected steps from nothing, current or not.")]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for another run to end; 0 stops at once.", min=0)]


def plan(
    select: Select = None,
    exclude: Exclude = None,
    full_refresh: Refresh = False,
    everything: Annotated[bool, typer.Option("--all", "-a", help="List the current steps too.")] = False,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
    engine: EngineName = None,
) -> None:
    """Say what a run would do, step by step, and why.

    \b
    vertebra plan
    vertebra plan --select state:modified+
    vertebra plan --format json
    """
    from vertebra.declare.rule_review import rule_warnings
    from vertebra.report.plan import plan_lines, plan_rows, write_plan

    shape(form)
    space = opened(project, profile, engine)
    for warning in rule_warnings(space.project):
        say(str(warning))
    decisions = space.plan(" ".join(select or ()), " ".join(exclude or ()), full_refresh)
    rows = plan_rows(decisions, everything or form != "table")
    if form != "table":
        put(rows, ["step", "action", "why"], form)
    elif rows:
        write_plan(rows, sys.stdout)
    for line in plan_lines(decisions):
        say(line)


def run(
    select: Select = None,
    exclude: Exclude = None,
    full_refresh: Refresh = False,
    wait: Wait = 0,
    project: Root = HERE,
    profile: Profile = None,
    engine: EngineName = None,
) -> None:
    """Collect what is new and bring every step that follows from it up to date.

    Steps whose inputs, declaration and code are as before are skipped. Interrupt it at any time, or let it crash:
    what it committed stays, and the next run goes on from there.

    \b
    vertebra run
    vertebra run --select +trusted.flights
    vertebra run --select "tag:nightly,zone:trusted" --exclude trusted.weather
    vertebra run --select trusted.flights --full-refresh
    """
    space = opened(project, profile, engine)
    report = run_selected(space, select, exclude, full_refresh, wait)
    _summary(space, report)
    leave(report)


def run_selected(
    space: Workspace,
    select: list[str] | None,
    exclude: list[str] | None,
    full_refresh: bool,
    wait: float,
    **limits: Any,
) -> RunReport:
    """Run the selected steps, told on stderr.

    Args:
        limits: other fields of :class:`vertebra.pipeline.context.RunOptions`: ``due``, ``window``.
    """
    from vertebra.pipeline.context import RunOptions
    from vertebra.pipeline.run import run as run_pipeline
    from vertebra.report.console import console_for

    # A scheduler that stops us is to leave the lake as a person at the keyboard does.
    signal.signal(signal.SIGTERM, _interrupt)
    console = console_for(sys.stderr)
    try:
        options = RunOptions(select or (), exclude or (), full_refresh, wait, **limits)
        return run_pipeline(space.project, options, console=console)
    finally:
        console.close()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _summary(space: Workspace, report: RunReport) -> None:
    from vertebra.report.summary import write_summary

    write_summary(space, report, sys.stderr)


def leave(report: RunReport) -> None:
    """End the process as the run ended."""
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
