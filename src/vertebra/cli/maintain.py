"""Commands that keep the lake in order: restore, retract, retire, forget, gc."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vertebra.cli.options import (
    CURRENT_FOLDER,
    EngineOption,
    FormatOption,
    ProfileOption,
    ProjectOption,
    WaitOption,
    YesOption,
    confirm,
    open_workspace,
    output_format,
    print_note,
    print_rows,
)

if TYPE_CHECKING:
    from vertebra import ErasureReport, GarbageReport, RunReport, Workspace
    from vertebra.report.console import LineConsole, TerminalConsole

_COLUMNS = ("table", "versions kept", "files", "freed", "compacted")


def restore(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table, e.g. trusted.flights.", show_default=False)],
    version: Annotated[int, typer.Argument(metavar="VERSION", help="The version to restore.", show_default=False)],
    yes: YesOption = False,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Restore a table to an earlier version.

    The versions since then stay in the table's history. The next run of the table's step brings it back to what is
    declared: restore a table to look at it or to recover, then change the declaration.

    \b
    Examples:
      vertebra show trusted.flights --history
      vertebra restore trusted.flights 3
    """
    space = open_workspace(project, profile, strict=True)
    earlier = space.table(table, version)
    confirm(f"Restore {earlier.name} (version {earlier.latest_version()}) to version {version}?", yes)
    new = space.restore(earlier.name, version)
    print_note(f"{earlier.name} is at version {new}, equal to version {version}")


def retract(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The dataset.", show_default=False)],
    batch: Annotated[int, typer.Argument(metavar="BATCH", help="The number of the batch.", show_default=False)],
    reason: Annotated[
        str, typer.Option("--reason", "-m", metavar="TEXT", help="Why; it is recorded.", show_default=False)
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Let the batch count again.")] = False,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Take back a batch that landed, such as a wrong file.

    The batch stays in the landing zone and no longer counts: the next run computes all tables below without it.
    vertebra why formatted.DATASET lists the batches of a dataset.

    \b
    Examples:
      vertebra retract readings 17 --reason "the file of another meter"
      vertebra retract readings 17 --undo --reason "it was the right one"
    """
    space = open_workspace(project, profile)
    made = space.restore_batch(dataset, batch, reason) if undo else space.retract(dataset, batch, reason)
    print_note(f"batch {made.batch} of {made.dataset} {'counts again' if undo else 'no longer counts'}")
    print_note(f"next:  vertebra run --select {made.dataset}+")


def retire(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET", help="The dataset, or a table such as exploitation.sales.", show_default=False
        ),
    ],
    reason: Annotated[
        str, typer.Option("--reason", "-m", metavar="TEXT", help="Why; it is recorded.", show_default=False)
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="List the dataset again.")] = False,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Retire a dataset or a table that is no longer declared.

    Its tables are no longer listed, and gc frees its batches, tables and rows in ledgers when the retention has passed.
    Until then, --undo lists it again.

    \b
    Examples:
      vertebra retire orders --reason "it is called sales now"
      vertebra retire orders --undo --reason "the old figures are needed"
      vertebra retire exploitation.sales_by_city --reason "nobody reads it"
    """
    space = open_workspace(project, profile)
    made = space.restore_dataset(dataset, reason) if undo else space.retire(dataset, reason)
    if undo:
        print_note(f"{made.dataset} is listed again")
    else:
        print_note(f"{made.dataset} is retired\nnext:  vertebra gc frees its files when the retention has passed")


def forget(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The dataset.", show_default=False)],
    key: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY...",
            help="Values of the dataset's key, in its order, or COLUMN=VALUE for any columns.",
            show_default=False,
        ),
    ],
    reason: Annotated[
        str,
        typer.Option(
            "--reason", "-m", metavar="TEXT", help="Why, without naming the person; it is recorded.", show_default=False
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed; remove nothing.")] = False,
    allow: Annotated[bool, typer.Option("--allow", help="Let records of a forgotten key land again.")] = False,
    yes: YesOption = False,
    wait: WaitOption = 0,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Erase the records of a key, such as those of a person.

    Payloads in the landing zone are rewritten without the records, and all tables below are computed and published
    again. Then the earlier versions of these tables and of the ledgers are removed. Other records keep their row ids.
    Records of the key that the source sends again do not land. An erasure that is interrupted is completed by the
    next run.

    \b
    Examples:
      vertebra forget customers 1017 --dry-run
      vertebra forget customers 1017 --reason "request 42"
      vertebra forget orders customer=1017 --reason "request 42" --yes
      vertebra forget customers 1017 --allow --reason "a customer again"
    """
    from vertebra.formatting import counted

    output_format(form)
    with open_workspace(project, profile, engine, strict=True) as space:
        if allow:
            space.allow(dataset, key, reason)
            print_note(f"records of the key land again in {dataset}, from the next collection on")
            return
        if dry_run or not yes:
            found = space.forget(dataset, key, reason, dry_run=True, wait=wait)
            _print_erasure(found, form)
            records = f"{counted(found.records, 'record')} of {found.dataset}"
            if dry_run:
                print_note(f"would forget {records}; nothing was removed")
                return
            confirm(f"Forget {records} for good?", yes)
        _forget(space, dataset, key, reason, wait, form if yes else "")


def _forget(space: Workspace, dataset: str, key: list[str], reason: str, wait: float, form: str) -> None:
    """Forget, and print what was done.

    Args:
        form: the format of the batches; empty if they were printed before.
    """
    from vertebra import RunReport
    from vertebra.cli.run import exit_with, reported
    from vertebra.report.forget import next_lines

    made: list[ErasureReport] = []

    def work(console: LineConsole | TerminalConsole) -> RunReport:
        made.append(space.forget(dataset, key, reason, wait=wait, console=console))
        return made[0].run or RunReport("", 0.0, (), (), 0)

    ran = reported(work)
    (done,) = made
    if form:
        _print_erasure(done, form)
    for line in next_lines(done):
        print_note(line)
    exit_with(ran)
    if not done.done:
        raise typer.Exit(1)


def _print_erasure(report: ErasureReport, form: str) -> None:
    from vertebra.report.forget import BATCHES, batch_rows, effect_lines

    print_rows(batch_rows(report), BATCHES, form)
    for line in effect_lines(report):
        print_note(line)


def gc(
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            metavar="TIME",
            help="How long to keep versions; by default the project's retention.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be freed; free nothing.")] = False,
    yes: YesOption = False,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Free disk space that no version, model or run needs.

    Kept are versions younger than the retention, the newest data, the training and test sets of every recorded
    model, and what recent runs and the last good run of each step read and wrote. Small files are merged.
    Datasets that were retired and batches that were retracted longer ago than the retention are freed, and can no
    longer be restored.

    \b
    Examples:
      vertebra gc --dry-run
      vertebra gc --keep "7 days" --yes
    """
    output_format(form)
    space = open_workspace(project, profile, strict=True)
    space.kept_since(keep)  # refuses a text that is not a duration
    if not dry_run:
        confirm(f"Free what is older than {keep or space.project.settings.retention} in {space.lake.root}?", yes)
    _print_garbage(space.gc(keep, dry_run), form)


def _print_garbage(report: GarbageReport, form: str) -> None:
    from vertebra.formatting import counted, size

    rows: list[dict[str, Any]] = [
        {
            "table": one.table,
            "versions kept": len(one.kept),
            "files": len(one.freed),
            "freed": one.bytes if form != "table" else size(one.bytes),
            "compacted": one.compacted,
        }
        for one in report.tables
        if form != "table" or one.freed or one.compacted
    ]
    if rows or form != "table":
        print_rows(rows, _COLUMNS, form)
    for one in report.tables:
        for version, why in one.lost.items():
            print_note(f"note: nothing of {one.table} is freed: its log no longer has version {version}, of {why}")
    freed = "would free" if report.dry_run else "freed"
    print_note(f"{freed} {counted(report.files, 'file')}, {size(report.bytes)}")


COMMANDS = {"restore": restore, "retract": retract, "retire": retire, "forget": forget, "gc": gc}
