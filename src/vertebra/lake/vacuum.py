"""Deleting the files of a table that no kept version has: Delta's own vacuum."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from vertebra.lake.log import flushed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vertebra.lake.table import LakeTable


def vacuum(table: LakeTable, kept: Iterable[int], *, dry_run: bool) -> list[Path]:
    """Delete, or list, the files that no kept version has, and folders that become empty."""
    with nullcontext() if dry_run else flushed(table.path):
        files = table.delta().vacuum(
            retention_hours=0,
            enforce_retention_duration=False,
            dry_run=dry_run,
            full=True,
            keep_versions=list(kept),
        )
    found = [table.path / file for file in files]
    if not dry_run:
        _remove_empty_folders(table.path, found)
    return found


def _remove_empty_folders(root: Path, freed: Iterable[Path]) -> None:
    for folder in sorted({file.parent for file in freed}, key=lambda path: len(path.parts), reverse=True):
        while folder != root and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent
