"""Commands that keep the lake in order: restore, gc."""

from __future__ import annotations

from typing import Annotated

import typer

from vertebra.cli.options import HERE, Profile, Root, Yes, opened, say, sure


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
    from vertebra.pipeline.tables import existing

    space = opened(project, profile)
    name = existing(space.lake, table)
    now = space.lake.table(name).version()
    space.lake.table(name).delta(version)
    sure(f"Make {name} (version {now}) what it was at version {version}?", yes)
    with lease(space.lake.root, f"restore {name}"):
        new = space.lake.table(name).restore(version)
    say(f"{name} is at version {new}, equal to version {version}")


COMMANDS = {"restore": restore}
