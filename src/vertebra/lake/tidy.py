"""Keeps a table small that gets many commits, if only its newest version is read.

Every few dozen commits the small files are merged, and the data files and log entries of earlier versions are deleted.
The latest versions are kept for readers that have just begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.lake.log_retention import log_entries, trim_log
from vertebra.lake.vacuum import vacuum

if TYPE_CHECKING:
    from vertebra.lake.table import LakeTable

LATEST: Final = 32
"""How many of the latest versions stay readable. Twice as many log entries are the most that there are."""


def tidy(table: LakeTable, *, merge: bool) -> bool:
    """Merge small files and delete old versions, if there are enough new commits. Returns whether it did.

    The caller holds the lease of the lake. If the process is killed meanwhile, the table stays readable.

    Args:
        merge: merge the files; False for a table that is replaced part by part.
    """
    if log_entries(table) < 2 * LATEST:
        return False
    newest = table.version()
    oldest = newest - LATEST + 1
    if merge:
        table.compact()
    vacuum(table, range(oldest, table.version() + 1), dry_run=False)
    trim_log(table, oldest)
    return True
