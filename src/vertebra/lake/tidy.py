"""Keeps a table small of which only the newest version is read, however many commits it gets.

Every few dozen commits the small files are merged, and what earlier versions need is deleted: their data files and log
entries. The latest versions stay, so that a reader who began a moment ago can finish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.lake.vacuum import vacuum

if TYPE_CHECKING:
    from vertebra.lake.table import LakeTable

LATEST: Final = 32
"""How many of the latest versions stay readable. Twice as many log entries are the most that there are."""


def tidy(table: LakeTable, *, merge: bool) -> bool:
    """Merge small files and delete what old versions need, when it is time. Returns whether it was.

    The caller holds the lease of the lake. A process that dies in here leaves a table as readable as before.

    Args:
        merge: merge the files; no for a table that is replaced part by part.
    """
    if table.log_entries() < 2 * LATEST:
        return False
    newest = table.version()
    oldest = newest - LATEST + 1
    if merge:
        table.compact()
    vacuum(table, range(oldest, table.version() + 1), dry_run=False)
    table.trim_log(oldest)
    return True
