"""Garbage collection: free the files that no kept version of a table has.

This module decides which versions are kept; Delta's own vacuum frees the files, with ``keep_versions``. Everything in a
table's folder belongs to the table: any file that no version names is freed, whatever its type. The log is kept from
the oldest kept version on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from vertebra.lake.catalog import Lake
from vertebra.lake.log_retention import keep_log, trim_log
from vertebra.lake.table import LakeTable
from vertebra.lake.vacuum import vacuum

_SMALL_FILE: Final = 16 << 20
_MANY_FILES: Final = 16

OF_MODEL: Final = "model "
"""How the reason begins for which a version must stay, when a model needs it."""

Roots = Mapping[str, Mapping[int, str]]
"""Table name → version → why it must stay, e.g. ``{"trusted.flights": {3: "model flights.late_arrival 2"}}``."""


@dataclass(frozen=True)
class TableGarbage:
    """The files that a collection frees, or would free, in one table.

    Attributes:
        kept: the versions that can still be read, each with the reason.
        freed: files that no kept version has.
        bytes: their size.
        lost: pinned versions, each with the reason, whose files the table's log no longer names: nothing is freed.
        compacted: the table's small files were merged into fewer.
    """

    table: str
    kept: Mapping[int, str]
    freed: tuple[Path, ...]
    bytes: int
    compacted: bool
    lost: Mapping[int, str] = field(default_factory=dict)


def collect_garbage(lake: Lake, roots: Roots, keep_since: datetime, *, dry_run: bool = False) -> list[TableGarbage]:
    """Remove the files that no kept version has; merge small files first.

    The caller holds the lake's lease, so a file that no version has was left by a writer that died. The vacuum
    therefore needs no retention period.

    Args:
        roots: versions that recorded models and runs point to.
        keep_since: versions younger than this are kept too.
        dry_run: report what would be freed and free nothing.
    """
    return [_collect_table(table, roots.get(table.name, {}), keep_since, dry_run=dry_run) for table in lake.tables()]


def _collect_table(table: LakeTable, pinned: Mapping[int, str], keep_since: datetime, *, dry_run: bool) -> TableGarbage:
    lost = _lost(table, pinned)
    if lost:
        return TableGarbage(table.name, {}, (), 0, compacted=False, lost=lost)
    if not dry_run:
        keep_log(table)
    compacted = _needs_compaction(table)
    if compacted and not dry_run:
        table.compact()
    kept = kept_versions(table, pinned, keep_since)
    # files that an earlier vacuum deleted stay in the log as removed, and are listed again
    garbage = tuple(sorted(file for file in vacuum(table, kept, dry_run=True) if file.is_file()))
    size = sum(file.stat().st_size for file in garbage)
    if garbage and not dry_run:
        vacuum(table, kept, dry_run=False)
    if not dry_run:
        trim_log(table, min(kept))
    return TableGarbage(table.name, kept, garbage, size, compacted)


def kept_versions(table: LakeTable, pinned: Mapping[int, str], keep_since: datetime) -> dict[int, str]:
    """The versions of a table to keep, each with the reason."""
    history = table.history()
    recorded = {entry.version for entry in history}
    kept = {version: why for version, why in pinned.items() if version in recorded}
    kept.setdefault(table.data_version(), "the newest data")
    then = f"{keep_since:%Y-%m-%d %H:%M} UTC"
    # where the clock stepped back, versions between two young ones look old
    young = max((place for place, entry in enumerate(history) if entry.at >= keep_since), default=-1)
    for entry in history[: young + 1]:
        kept.setdefault(entry.version, f"younger than {then}")
    for entry in history[young + 1 : young + 2]:
        kept.setdefault(entry.version, f"the newest at {then}")
    kept.setdefault(history[0].version, "the newest version")
    return dict(sorted(kept.items()))


def _lost(table: LakeTable, pinned: Mapping[int, str]) -> dict[int, str]:
    """Versions that models need and that are older than the log; newer ones belong to an earlier table of that name.

    The log of a version that only runs point to may be gone: an earlier collection with a shorter retention freed it.
    """
    first = table.history()[-1].version
    return {version: why for version, why in sorted(pinned.items()) if version < first and why.startswith(OF_MODEL)}


def _needs_compaction(table: LakeTable) -> bool:
    files = table.files()
    if any(len(file.relative_to(table.path).parts) > 2 for file in files):
        # A table written part by part is replaced part by part, by folder: merging would mix the parts.
        return False
    return len(files) > _MANY_FILES and sum(file.stat().st_size for file in files) / len(files) < _SMALL_FILE
