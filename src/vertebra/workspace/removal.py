"""Freeing the files of retired datasets and of retracted batches, as a part of garbage collection."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vertebra.governance.retirements import Retirement, record_retirement, retirements
from vertebra.governance.retractions import BY_SOURCE, Retraction, record_retraction, retractions
from vertebra.governance.schemas import STATES
from vertebra.lake.batches import batches
from vertebra.lake.commit import Commit
from vertebra.lake.gc import OF_MODEL, TableGarbage
from vertebra.lake.removal import free_batch, remember_last_number, remove_folders
from vertebra.workspace.retire import undeclared_datasets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.lake.gc import Roots


def free_retracted(
    project: Project, lake: Lake, ledgers: Ledgers, since: datetime, *, dry_run: bool
) -> list[TableGarbage]:
    """Delete payloads and records of batches that people retracted; their receipts stay.

    What a source retracted stays, because it comes back by itself when the source lists it again.

    Args:
        since: batches that were retracted since then are kept.
    """
    found = []
    now = datetime.now(UTC)
    for dataset in project.datasets.values():
        taken = retractions(ledgers, dataset.name)
        old = {number for number, one in taken.items() if one.decided_at < since and one.decided_by != BY_SOURCE}
        landed = batches(lake.landing, dataset.source, dataset.name) if old else []
        freed = [batch for batch in landed if batch.number in old]
        files = [file for batch in freed for file in (batch.payload, batch.records) if file.is_file()]
        if files:
            found.append(_garbage(f"landing.{dataset.name}", files))
        for batch in () if dry_run else freed:
            free_batch(batch, now)
    return found


def free_retired(
    project: Project, lake: Lake, ledgers: Ledgers, roots: Roots, since: datetime, *, dry_run: bool
) -> list[TableGarbage]:
    """Delete batches, tables and ledgers' rows of retired datasets. A repeated call completes an interrupted one.

    Tables that a model was trained on stay.

    Args:
        roots: versions that models and runs point to.
        since: datasets that were retired since then are kept.
    """
    retired = retirements(ledgers)
    undeclared = [one for one in undeclared_datasets(project, lake, ledgers) if one.retired]
    found = []
    if not dry_run:
        remove_folders(lake, ())
    for one in undeclared:
        name = one.dataset
        if retired[name].action == "retire" and retired[name].decided_at >= since:
            continue
        landed = sorted(folder for folder in lake.landing.glob(f"*/{name}") if folder.is_dir())
        tables = [
            table for table in one.tables if not any(why.startswith(OF_MODEL) for why in roots.get(table, {}).values())
        ]
        places = {f"landing.{name}": landed} | {table: [lake.table(table).path] for table in tables}
        found += [
            _garbage(subject, _files(folders)) for subject, folders in places.items() if any(map(_is_there, folders))
        ]
        if not dry_run:
            _free(lake, ledgers, name, landed, [lake.table(table).path for table in tables])
    return found


def _free(lake: Lake, ledgers: Ledgers, name: str, landed: list[Path], tables: list[Path]) -> None:
    now = datetime.now(UTC)
    if retirements(ledgers)[name].action != "free":
        record_retirement(ledgers, Retirement(now, "gc", "free", name, "the retention has passed"))
    commit = Commit(f"free-{now:%Y%m%dT%H%M%S}", "free", "")
    for ledger in STATES:
        if ledgers.table(ledger).exists() and ledgers.files(ledger, name):
            ledgers.clear(ledger, name, commit)
    for batch, one in retractions(ledgers, name).items():
        # a dataset that is declared under this name later begins with other batches
        record_retraction(ledgers, Retraction(now, "gc", "restore", one.source, name, batch, "the batch is gone"))
    remove_folders(lake, tables)
    for folder in landed:
        numbers = [int(path.name) for path in folder.glob("[0-9]*") if path.name.isdecimal()]
        if numbers:
            remember_last_number(folder, max(numbers))
        remove_folders(lake, sorted(path for path in folder.iterdir() if path.is_dir()))


def _garbage(subject: str, files: Iterable[Path]) -> TableGarbage:
    listed = tuple(sorted(files))
    return TableGarbage(subject, {}, listed, sum(file.stat().st_size for file in listed), compacted=False)


def _is_there(folder: Path) -> bool:
    return any(path.is_dir() for path in folder.iterdir()) if folder.is_dir() else False


def _files(folders: Iterable[Path]) -> list[Path]:
    return [file for folder in folders for file in folder.rglob("*") if file.is_file()]
