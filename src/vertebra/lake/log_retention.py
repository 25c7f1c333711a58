"""Keeps or removes the log entries of old versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.lake.log import LOG, checkpoints, entries, flushed

if TYPE_CHECKING:
    from vertebra.lake.table_reader import TableReader

# the log of a version that a model points to must outlive Delta's default of 30 days; gc decides what is removed
CONFIGURATION: Final = {"delta.enableExpiredLogCleanup": "false"}
"""The properties of every table of the lake."""

_WORTH_TRIMMING: Final = 16


def keep_log(table: TableReader) -> None:
    """Keep the log of all versions. Tables of this release already do; in tables of earlier releases it expires."""
    delta = table.delta()
    if not CONFIGURATION.items() <= delta.metadata().configuration.items():
        with flushed(table.path):
            delta.alter.set_table_properties(CONFIGURATION)


def log_entries(table: TableReader) -> int:
    """The number of versions in the log."""
    return len(entries(table.path / LOG))


def trim_log(table: TableReader, oldest: int, least: int = _WORTH_TRIMMING) -> None:
    """Remove the log of versions before ``oldest``; later ones stay readable.

    Args:
        least: do nothing if that frees fewer entries.
    """
    log = table.path / LOG
    old = [file for version, file in entries(log).items() if version < oldest]
    if len(old) < least:
        return
    # a reader begins at a checkpoint; the newest is made last, because the log points to the last one made
    with flushed(table.path):
        table.delta(oldest).create_checkpoint()
        table.delta().create_checkpoint()
    summed_up = [file for version, files in checkpoints(log).items() if version < oldest for file in files]
    for file in sorted([*old, *summed_up]):
        file.unlink(missing_ok=True)
