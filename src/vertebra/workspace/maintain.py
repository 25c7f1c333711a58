"""Maintenance of a lake: restoring earlier versions, deleting files that nothing refers to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vertebra.errors import LakeError
from vertebra.lake.owner import hold
from vertebra.workspace.tables import existing

if TYPE_CHECKING:
    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.lake.gc import TableGarbage


@dataclass(frozen=True)
class GarbageReport:
    """The files that a garbage collection freed, or would free.

    Attributes:
        tables: one entry per table of the lake, and per dataset with retracted batches or retired, as
            ``landing.<name>``.
        since: versions written since then are kept, UTC.
        dry_run: nothing was freed.
    """

    tables: tuple[TableGarbage, ...]
    since: datetime
    dry_run: bool

    @property
    def files(self) -> int:
        """How many files."""
        return sum(len(table.freed) for table in self.tables)

    @property
    def bytes(self) -> int:
        """Their size."""
        return sum(table.bytes for table in self.tables)


def restore(project: Project, lake: Lake, table: str, version: int) -> int:
    """Restore a table to an earlier version. Returns the new version.

    Raises:
        LakeError: there is no such table or version, it is the current one, or the lake belongs to another project.
        BusyError: another run holds the lake.
    """
    name = existing(lake, table)
    with hold(lake.root, project.settings.name, f"restore {name}"):
        if version == lake.table(name).version():
            raise LakeError(f"{name} is already at version {version}", remedy=f"vertebra show {name} --history")
        return lake.table(name).restore(version)


def kept_since(project: Project, keep: str | None = None) -> datetime:
    """The time since which every version is kept.

    Args:
        keep: how long versions stay, e.g. ``7 days``; the project's retention by default.

    Raises:
        VertebraError: the text is not a duration.
    """
    from vertebra.pipeline.gc_roots import age

    return datetime.now(UTC) - (age(keep) if keep else project.settings.keep)


def free_garbage(project: Project, lake: Lake, ledgers: Ledgers, since: datetime, dry_run: bool) -> GarbageReport:
    """Delete files that no version, model or run refers to, those of retired datasets and of retracted batches.

    Args:
        since: versions written since then are kept; so are datasets and batches that were retired or retracted since.
        dry_run: report what would be freed and free nothing.

    Raises:
        BusyError: another run holds the lake.
        LakeError: the lake belongs to another project.
    """
    from vertebra.governance.unended_runs import complete_runs
    from vertebra.lake.gc import collect_garbage
    from vertebra.pipeline.gc_roots import gc_roots
    from vertebra.workspace.removal import free_retired, free_retracted

    with hold(lake.root, project.settings.name, "garbage collection"):
        complete_runs(lake, ledgers)
        roots = gc_roots(ledgers, since)
        removed = free_retired(project, lake, ledgers, roots, since, dry_run=dry_run)
        removed += free_retracted(project, lake, ledgers, since, dry_run=dry_run)
        gone = {one.table for one in removed}
        tables = [one for one in collect_garbage(lake, roots, since, dry_run=dry_run) if one.table not in gone]
    return GarbageReport((*removed, *tables), since, dry_run)
