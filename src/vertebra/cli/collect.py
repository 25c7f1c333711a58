"""Commands that collect data: once, for due datasets, for past periods, or continuously."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Annotated

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
)
from vertebra.cli.run import exit_with, reported
from vertebra.cli.signals import on_signal

if TYPE_CHECKING:
    from vertebra import Backfill, RunReport, StopRequest, Workspace
    from vertebra.report.console import LineConsole, TerminalConsole

FromOption = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="PERIOD", help="First period: 2013, 2013-Q1, 2013-01, 2013-W05, 2013-01-31.",
        show_default=False,
    ),
]  # fmt: skip
ToOption = Annotated[str | None, typer.Option("--to", metavar="PERIOD", help="Last period.", show_default=False)]
ResetOption = Annotated[
    str | None,
    typer.Option(
        "--reset-cursor", metavar="VALUE", help="Continue the incremental source of one dataset from a value.",
        show_default=False,
    ),
]  # fmt: skip


def collect(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATASET", help="Datasets to collect; by default all.", show_default=False),
    ] = None,
    due: Annotated[bool, typer.Option("--due", help="Collect only what is due by its schedule.")] = False,
    first: FromOption = None,
    last: ToOption = None,
    again: Annotated[bool, typer.Option("--again", help="With --from or --to: collect landed periods, too.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be collected; contact no source.")
    ] = False,
    reset_cursor: ResetOption = None,
    accept_shrink: Annotated[
        bool, typer.Option("--accept-shrink", help="Land the snapshot of one dataset that shrink refused.")
    ] = False,
    wait: WaitOption = 0,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Collect new data from the sources; run nothing else.

    Use --due in cron, systemd, Kubernetes or Airflow: it collects what is due and exits, with code 0 also if nothing
    is due. Use --from and --to to collect periods of the past: periods that are landed are skipped, so you can
    interrupt and repeat the command. Use --reset-cursor when an incremental source (collect.cursor, collect.since) was
    reloaded below its watermark, which ls sources shows; with load: append, rows above the value come again. Use
    --accept-shrink if the rows that a refused snapshot lacks are gone at the source.

    \b
    Examples:
      vertebra collect
      vertebra collect flights weather
      vertebra collect --due
      vertebra collect flights --from 2013-01 --to 2013-06
      vertebra collect flights --from 2013-01 --dry-run --format json
      vertebra collect trips --reset-cursor 0
      vertebra collect shops --accept-shrink
    """
    from vertebra.formatting import counted

    output_format(form)
    space = open_workspace(project, profile)
    names = list(datasets or ())
    if (first or last) and reset_cursor is not None:
        raise typer.BadParameter("use either --reset-cursor, or --from and --to", param_hint="--reset-cursor")
    if (first or last) and accept_shrink:
        raise typer.BadParameter("use either --accept-shrink, or --from and --to", param_hint="--accept-shrink")
    if first or last:
        if due:
            raise typer.BadParameter("use either --due, or --from and --to", param_hint="--due")
        if len(names) != 1:
            raise typer.BadParameter("name one dataset: vertebra collect DATASET --from …", param_hint="--from")
        _backfill(space, names[0], first, last, again, dry_run, wait, form)
        return
    if again:
        raise typer.BadParameter("it needs --from or --to", param_hint="--again")
    if reset_cursor is not None:
        if len(names) != 1 or due or dry_run:
            raise typer.BadParameter(
                "name one dataset: vertebra collect DATASET --reset-cursor VALUE", param_hint="--reset-cursor"
            )
        reset = space.reset_cursor(names[0], reset_cursor, wait=wait)
        print_note(f"{names[0]} continues from {reset.value}; its watermark was {reset.before or 'not set'}")
    if accept_shrink:
        if len(names) != 1 or due or dry_run:
            raise typer.BadParameter(
                "name one dataset: vertebra collect DATASET --accept-shrink", param_hint="--accept-shrink"
            )
        for one in space.accept_shrink(names[0], wait=wait):
            print_note(f"a snapshot of {names[0]} with {counted(one.records, 'record')} may replace {one.before:,}")
    _collect(space, names, due, dry_run, wait, form)


def _collect(space: Workspace, names: list[str], due: bool, dry_run: bool, wait: float, form: str) -> None:
    from vertebra.formatting import counted
    from vertebra.report.sources import source_rows

    chosen = space.due(names) if due else names
    if dry_run:
        rows = [] if due and not chosen else source_rows(space.sources(chosen))
        print_rows(rows, ["dataset", "state", "from", "every", "checked", "reason"], form)
        print_note(
            f"{len(rows)} of {counted(len(names or space.project.datasets), 'dataset')} would be checked for new data"
        )
    elif due and not chosen:
        _print_nothing_due(space, names, form)
    else:
        report = reported(lambda console: space.collect(names, due, wait, console))
        _print_collected(space, chosen, report, form)
        exit_with(report)


def _print_nothing_due(space: Workspace, names: list[str], form: str) -> None:
    from vertebra.report.sources import SOURCES, short_time

    if form != "table":
        print_rows([], SOURCES, form)
    at = space.next_due(names)
    then = f"the next collection is due at {short_time(at)} UTC" if at else "no dataset has a schedule"
    print_note(f"nothing is due: {then}")


def _print_collected(space: Workspace, names: list[str], report: RunReport, form: str) -> None:
    """Print how a collection ended; in formats for programs, the current status of each source."""
    from vertebra.formatting import counted, duration
    from vertebra.report.sources import SOURCES, source_rows

    if form != "table":
        print_rows(source_rows(space.sources(names)), SOURCES, form)
    if report.idle:
        print_note(f"nothing new: {counted(report.checked, 'source')} chosen, {duration(report.seconds)}")


def _backfill(
    space: Workspace, name: str, first: str | None, last: str | None, again: bool, dry_run: bool, wait: float, form: str
) -> None:
    from vertebra.report.sources import PERIODS, period_rows, write_periods

    report: RunReport | None = None
    filled: list[Backfill] = []

    def fill(console: LineConsole | TerminalConsole) -> RunReport:
        filled.append(space.backfill(name, first, last, again, wait, console))
        return filled[0].report

    if not dry_run:
        report = reported(fill)
    periods = filled[0].periods if filled else space.periods(name, first, last, again)
    rows = period_rows(periods)
    if form == "table":
        options = " ".join(f"{option} {value}" for option, value in (("--from", first), ("--to", last)) if value)
        write_periods(name, rows, options, sys.stdout, sys.stderr)
    else:
        print_rows(rows, PERIODS, form)
    if report is not None:
        exit_with(report)


def schedule(
    select: SelectOption = None,
    exclude: ExcludeOption = None,
    once: Annotated[
        bool, typer.Option("--once", help="Catch up with what is due, run what depends on it, and exit.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the next collections; collect nothing.")] = False,
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", help="With --dry-run: collections to print.", min=1)
    ] = 10,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Keep collecting what is due and running what depends on it.

    The scheduler keeps no state of its own: what is due is read from the lake. You can kill it, move it to another
    machine, or run it twice; it catches up with what was missed and collects no period twice. SIGTERM or Ctrl-C
    stops it after the current step; a second one stops it at once.

    \b
    Examples:
      vertebra schedule
      vertebra schedule --exclude zone:analysis
      vertebra schedule --once
      vertebra schedule --dry-run
    """
    output_format(form)
    space = open_workspace(project, profile, engine)
    if dry_run:
        rows = [vars(one) for one in space.next_collections(select or (), exclude or (), count)]
        print_rows(rows, ["at", "dataset", "every", "why"], form)
        if not rows:
            print_note("no selected dataset has a schedule; declare one: collect: {every: '@daily'}")
        return
    from vertebra.report.schedule_log import ScheduleLog

    log = ScheduleLog(sys.stderr)
    report = space.schedule(select or (), exclude or (), once, _stop_on_signals(), log, log)
    if report is not None and report.state == "failed":
        raise typer.Exit(1)


def _stop_on_signals() -> StopRequest:
    """A request to stop, made by SIGTERM or Ctrl-C; a second signal interrupts at once."""
    from vertebra import StopRequest

    stop = StopRequest()

    def handle(*_: object) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.request()

    on_signal(signal.SIGTERM, handle)
    on_signal(signal.SIGINT, handle)
    return stop


COMMANDS = {"collect": collect, "schedule": schedule}
