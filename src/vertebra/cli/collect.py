"""Commands that collect: once, what is due, what is past, and for as long as the process lives."""

from __future__ import annotations

import sys
from pathlib import Path
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
    known_dataset,
    opened,
    put,
    say,
    shape,
)
from vertebra.cli.run import Wait, leave, run_selected

if TYPE_CHECKING:
    from datetime import datetime

    from vertebra.pipeline.progress import RunReport
    from vertebra.workspace.workspace import Workspace

First = Annotated[
    str | None, typer.Option("--from", help="First period to fill in: 2013, 2013-Q1, 2013-01, 2013-W05, 2013-01-31.")
]
Last = Annotated[str | None, typer.Option("--to", help="Last period to fill in.")]


def collect(
    datasets: Annotated[list[str] | None, typer.Argument(help="Datasets; none means all.")] = None,
    due: Annotated[
        bool, typer.Option("--due", help="Only what its schedule says is due; exits with 0 if nothing is.")
    ] = False,
    first: First = None,
    last: Last = None,
    again: Annotated[bool, typer.Option("--again", help="With --from or --to: landed periods too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked for, and ask nothing.")] = False,
    wait: Wait = 0,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Ask the sources for new data and land it; nothing else runs.

    With --due, for cron, systemd, Kubernetes or Airflow: collect what is due and exit. With --from and --to, fill in
    periods of the past: those that are landed are left alone, so it goes on where it was interrupted.

    \b
    vertebra collect
    vertebra collect flights weather
    vertebra collect --due
    vertebra collect flights --from 2013-01 --to 2013-06
    vertebra collect flights --from 2013-01 --dry-run --format json
    """
    shape(form)
    space = opened(project, profile)
    names = [known_dataset(space, name) for name in datasets or ()]
    if first or last:
        if due:
            raise typer.BadParameter("either what is due, or periods of the past", param_hint="--due")
        if len(names) != 1:
            raise typer.BadParameter(
                "say for which one dataset: vertebra collect DATASET --from …", param_hint="--from"
            )
        _fill(space, names[0], first, last, again, dry_run, wait, form)
        return
    if again:
        raise typer.BadParameter("it needs --from or --to", param_hint="--again")
    names = names or list(space.project.datasets)
    if due or dry_run:
        _due(space, names, due, dry_run, wait, form)
        return
    _told(space, names, run_selected(space, [f"landing.{name}" for name in names], None, False, wait), form)


def schedule(
    select: Select = None,
    exclude: Exclude = None,
    once: Annotated[
        bool, typer.Option("--once", help="Catch up with what is due, run the steps below, and exit.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the next moments, and do nothing.")] = False,
    count: Annotated[int, typer.Option("--count", "-n", help="With --dry-run: moments to print.", min=1)] = 10,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
    engine: EngineName = None,
) -> None:
    """Keep collecting what is due and bringing the steps below it up to date, until stopped.

    What is due is read from the lake: it may be killed, moved to another machine, or run twice. It catches up with what
    was missed, and collects no period twice. SIGTERM or Ctrl-C ends it after the step or the answer at hand; a second
    one at once.

    \b
    vertebra schedule
    vertebra schedule --exclude zone:analysis
    vertebra schedule --once
    vertebra schedule --dry-run
    """
    from vertebra.declare.load import find_project, load_project
    from vertebra.pipeline.schedule import Scheduler
    from vertebra.report.schedule_log import ScheduleLog

    shape(form)
    if dry_run:
        _moments(opened(project, profile, engine), select or (), exclude or (), count, form)
        return
    root = find_project(Path(project))
    clock = _clock()
    log = ScheduleLog(sys.stderr, clock.now)
    scheduler = Scheduler(
        lambda: load_project(root, profile, engine), clock, clock.stopping, log, log, select or (), exclude or ()
    )
    if not once:
        scheduler.loop()
        return
    report = scheduler.once()
    if report is not None and report.state == "failed":
        raise typer.Exit(1)


def _clock() -> Any:
    """The machine's clock, whose waits end when the process is asked to stop: SIGTERM and Ctrl-C ask."""
    import signal
    import threading

    from vertebra.landing.clock import SystemClock

    asked = threading.Event()

    class Stoppable(SystemClock):
        def sleep(self, seconds: float) -> None:
            asked.wait(seconds)

        def stopping(self) -> bool:
            return asked.is_set()

    def stop(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return Stoppable()


def _due(space: Workspace, names: list[str], due: bool, dry_run: bool, wait: float, form: str) -> None:
    from vertebra.pipeline.due import due_names, situations
    from vertebra.report.sources import SOURCES, short_time

    def are_due() -> list[str]:
        found = situations(space.project, space.lake, space.ledgers, _now())
        return [name for name in due_names(found) if name in names]

    asked = are_due() if due else names
    if dry_run:
        rows = [row for row in _sources(space) if row["dataset"] in asked]
        put(rows, ["dataset", "state", "from", "every", "asked", "reason"], form)
        say(f"{len(rows)} of {len(names)} datasets would be asked")
        return
    if not asked:
        found = situations(space.project, space.lake, space.ledgers, _now())
        next_at = min((one.wake_at for one in found if one.wake_at and one.dataset.name in names), default=None)
        then = f"the next collection is due at {short_time(next_at)} UTC" if next_at else "no dataset has a schedule"
        if form != "table":
            put([], SOURCES, form)
        say(f"nothing is due: {then}")
        return
    report = run_selected(
        space, [f"landing.{name}" for name in names], None, False, wait,
        due=lambda _, chosen: [step for step in chosen if step.partition(".")[2] in are_due()],
    )  # fmt: skip
    _told(space, asked, report, form)


def _told(space: Workspace, names: list[str], report: RunReport, form: str) -> None:
    """Say how a collection ended, to programs where each of its sources stands now."""
    from vertebra.report.formatting import duration, many
    from vertebra.report.sources import SOURCES

    if form != "table":
        put([row for row in _sources(space) if row["dataset"] in names], SOURCES, form)
    if report.idle:
        say(f"nothing new: {many(report.checked, 'source')} asked, {duration(report.seconds)}")
    leave(report)


def _fill(
    space: Workspace, name: str, first: str | None, last: str | None, again: bool, dry_run: bool, wait: float, form: str
) -> None:
    from vertebra.lake.batches import batches
    from vertebra.landing.backfill import period_situations, window
    from vertebra.report.sources import PERIODS, home_of, period_rows, write_periods

    dataset = space.project.datasets[name]
    now = _now()
    asked = window(dataset, first, last, now, again)
    report = None if dry_run else run_selected(space, [f"landing.{name}"], None, False, wait, window=asked)
    landed = batches(space.lake.landing, dataset.source, name)
    answered = report is not None and report.ok
    secrets = space.project.secrets
    rows = period_rows(period_situations(dataset, landed, asked, answered, home_of(space, name), now, secrets))
    if form == "table":
        options = " ".join(f"{option} {value}" for option, value in (("--from", first), ("--to", last)) if value)
        write_periods(name, rows, options, sys.stdout, sys.stderr)
    else:
        put(rows, PERIODS, form)
    if report is not None:
        leave(report)


def _moments(space: Workspace, select: Any, exclude: Any, count: int, form: str) -> None:
    from vertebra.pipeline.schedule import next_moments

    rows = next_moments(space.project, select, exclude, _now(), count)
    put(rows, ["at", "dataset", "every", "why"], form)
    if not rows:
        say("no selected dataset has a schedule; declare one: collect: {every: '@daily'}")


def _sources(space: Workspace) -> list[dict[str, Any]]:
    from vertebra.report.sources import source_rows

    return source_rows(space, _now())


def _now() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)


COMMANDS = {"collect": collect, "schedule": schedule}
