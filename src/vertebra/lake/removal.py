"""Removing what is no longer needed from the landing zone, and whole tables. The caller holds the lake's lease."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vertebra.durable import flush, make_folder, replace_file
from vertebra.lake.batches import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from vertebra.lake.catalog import Lake

_FREED: Final = ".freed"
LAST_NUMBER: Final = ".last-number"
"""File of a dataset's landing folder with the number of its last batch, when its batches are gone: row ids are never
used twice."""


def free_batch(batch: Batch, now: datetime) -> None:
    """Delete payload and records of a batch; the receipt stays, so that the same bytes do not land again.

    The receipt loses the profiles of the columns, which may have texts of cells. A repeated call completes one that was
    interrupted.
    """
    if batch.receipt.freed_at is None or batch.receipt.seen:
        renewed = replace(batch.receipt, freed_at=batch.receipt.freed_at or now.isoformat(), seen={})
        replace_file(batch.folder / "receipt.json", renewed.to_json(), 0o444)
    for file in (batch.payload, batch.records):
        file.unlink(missing_ok=True)
    flush(batch.folder)


def remove_folders(lake: Lake, folders: Iterable[Path]) -> None:
    """Remove folders of the lake: each is gone at once, and a call that is interrupted is completed by the next one."""
    aside = lake.root / _FREED
    for folder in folders:
        if folder.is_dir():
            make_folder(aside)
            target = aside / "-".join(folder.relative_to(lake.root).parts)
            shutil.rmtree(target, ignore_errors=True)
            folder.rename(target)
            flush(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)


def remember_last_number(folder: Path, number: int) -> None:
    """Note the number of the last batch of a dataset whose batches are removed."""
    replace_file(folder / LAST_NUMBER, f"{number}\n")


def last_number(folder: Path) -> int:
    """The number of the last batch that a dataset had whose batches were removed; 0 if it had none."""
    try:
        return int((folder / LAST_NUMBER).read_text("utf-8"))
    except FileNotFoundError:
        return 0
