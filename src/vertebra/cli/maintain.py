"""Commands that keep the lake in order: restore, gc."""

from __future__ import annotations

from typing import Annotated

import typer

from vertebra.cli.options import HERE, Profile, Root, Shape, Yes, opened, put, say, shape, sure


def restore(
    table: Annotated[str, typer.Argument(help="A table, e.g. trusted.flights.")],
    version: Annotated[int, typer.Argument(help="The version to make current again.")],
    yes: Yes = False,
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Make a table what it was at an earlier version; the versions since stay in its history.

    The next run of its step brings the table back to what is declared: restore to look or to recover, then change
    the declaration.

    \b
    vertebra show trusted.flights --history
    vertebra restore trusted.flights 3
    """
    from vertebra.lake.lease import lease
    from vertebra.workspace.tables import existing

    space = opened(project, profile)
    name = existing(space.lake, table)
    now = space.lake.table(name).version()
    space.lake.table(name).delta(version)
    sure(f"Make {name} (version {now}) what it was at version {version}?", yes)
    with lease(space.lake.root, f"restore {name}"):
        new = space.lake.table(name).restore(version)
    say(f"{name} is at version {new}, equal to version {version}")


def gc(
    keep: Annotated[
        str | None,
        typer.Option("--keep", help="How long versions stay; by default the project's retention.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be freed; free nothing.")] = False,
    yes: Yes = False,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Free the disk of what no version, model or run points to; merge small files.

    Kept are every version younger than the retention, the newest data, the training and test sets of every recorded
    model, what runs within the retention read and wrote, and what the last good run of each step did.

    \b
    vertebra gc --dry-run
    vertebra gc --keep "7 days" --yes
    """
    from datetime import UTC, datetime

    from vertebra.lake.gc import collect_garbage
    from vertebra.lake.lease import lease
    from vertebra.pipeline.gc_roots import age, gc_roots
    from vertebra.report.formatting import many, size

    shape(form)
    space = opened(project, profile)
    settings = space.project.settings
    since = datetime.now(UTC) - (age(keep) if keep else settings.keep)
    if not dry_run:
        sure(f"Free what is older than {keep or settings.retention} in {space.lake.root}?", yes)
    with lease(space.lake.root, "garbage collection"):
        found = collect_garbage(space.lake, gc_roots(space.ledgers, since), since, dry_run=dry_run)
    rows = [
        {
            "table": one.table,
            "versions kept": len(one.kept),
            "files": len(one.freed),
            "freed": one.bytes if form != "table" else size(one.bytes),
            "compacted": one.compacted,
        }
        for one in found
        if form != "table" or one.freed or one.compacted
    ]
    if rows or form != "table":
        put(rows, ["table", "versions kept", "files", "freed", "compacted"], form)
    for one in found:
        for version, why in one.lost.items():
            say(f"note: nothing of {one.table} is freed: its log no longer has version {version}, of {why}")
    files, total = sum(len(one.freed) for one in found), sum(one.bytes for one in found)
    say(f"{'would free' if dry_run else 'freed'} {many(files, 'file')}, {size(total)}")


COMMANDS = {"restore": restore, "gc": gc}
