"""Taking damaged files out of a table, so that its rows can be computed again.

Damaged files are moved to ``<lake>/.damaged``, never deleted. A table goes back to its last undamaged version. A commit
marks it, so that a run computes its rows again and no version number is used twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import pyarrow.parquet as pq

from vertebra.durable import flush, make_folder
from vertebra.lake.commit import REPAIR, Commit
from vertebra.lake.file_actions import remove_actions
from vertebra.lake.log import LOG, checkpoints, damaged_entries, entries, flushed
from vertebra.lake.log_hashes import changed_files, record_hashes
from vertebra.lake.staging import StagedFiles
from vertebra.lake.table import LakeTable

if TYPE_CHECKING:
    from deltalake.transaction import AddAction, RemoveAction

DAMAGED: Final = ".damaged"


def roll_back(table: LakeTable, root: Path, aside: Path, *, append_only: bool = False) -> None:
    """Take a table back to the last version before the first damaged entry of its log.

    Args:
        root: the lake's folder.
        aside: the folder to which damaged files, and entries after a damaged one, are moved.
        append_only: the table only grows; the rows of undamaged entries after a damaged one are added again.
    """
    log = table.path / LOG
    newest = max([*entries(log), *checkpoints(log), *(_version(file) for file in changed_files(log))], default=0)
    later: list[Path] = []
    if not damaged_entries(log, every=True) and newest in entries(log):
        _drop_old(log, root, aside)
        return
    while damage := damaged_entries(log, every=True):
        first = damage[0]
        if first.checkpoint:
            _move([*checkpoints(log)[first.version], *log.glob("_last_checkpoint")], root, aside)
            continue
        gone = [file for version, file in entries(log).items() if version >= first.version]
        gone += [file for version, files in checkpoints(log).items() if version >= first.version for file in files]
        if append_only:
            later += [added for file in gone if file != first.file for added in _added(table.path, file)]
        _move([*gone, *log.glob("_last_checkpoint")], root, aside)
        if not gone:
            break
    _drop_old(log, root, aside)
    if damaged_entries(log, every=True) or not table.exists():
        _move([table.path], root, aside / "tables")
        return
    cause = "its log was damaged"
    mark_damaged(table, cause, newest)
    known = set(table.files())
    lost = [file for file in later if file not in known and file.is_file()]
    if lost:
        rows = sum(pq.read_metadata(file).num_rows for file in lost)
        staged = StagedFiles(tuple(lost), pq.read_schema(lost[0]), rows)
        table.commit(staged, Commit("", REPAIR, ""), "append", "widen")


def _drop_old(log: Path, root: Path, aside: Path) -> None:
    """Move damaged files of a log aside that the newest version does not need; versions up to a damaged entry go."""
    changed = changed_files(log)
    last = max((_version(file) for file in changed if file in entries(log).values()), default=-1)
    old = {file for version, file in entries(log).items() if version <= last}
    old |= {file for version, files in checkpoints(log).items() if version <= last for file in files}
    _move(sorted(file for file in old | changed.keys() if file.exists()), root, aside)
    record_hashes(log, ())


def _version(file: Path) -> int:
    """The version of a file of a log; -1 for the hint at the newest checkpoint."""
    number = file.name.partition(".")[0]
    return int(number) if number.isdecimal() else -1


def drop_files(table: LakeTable, files: Sequence[Path], root: Path, aside: Path, *, ledger: bool) -> None:
    """Take damaged data files out of a table.

    Args:
        root, aside: as in :func:`roll_back`.
        ledger: the table stays readable without their rows. Any other table cannot be read until a run has rewritten
            it.
    """
    if ledger:
        _remove_files(table, files)
    else:
        mark_damaged(table, f"{len(files)} of its files were damaged")
    _move([file for file in files if file.exists()], root, aside)


def mark_damaged(table: LakeTable, cause: str, version: int | None = None) -> int:
    """Commit a mark that the rows of a table have to be computed again, because files of it were damaged.

    Args:
        version: commit until this version is reached, so that no version number is used twice.

    Returns:
        The new version.
    """
    properties = Commit("", REPAIR, "", extra={"damage": cause}).properties()
    while True:
        delta = table.delta()
        with flushed(table.path):
            delta.create_write_transaction([], "append", delta.schema(), commit_properties=properties)
        if table.version() >= (version or 0):
            return table.version()


def _remove_files(table: LakeTable, files: Sequence[Path]) -> None:
    """Commit a version without some files, because they are damaged."""
    gone = {file.relative_to(table.path).as_posix() for file in files}
    delta = table.delta()
    removals: list[AddAction | RemoveAction] = [one for one in remove_actions(delta) if unquote(one.path) in gone]
    with flushed(table.path):
        delta.create_write_transaction(
            removals, "append", delta.schema(), commit_properties=Commit("", REPAIR, "").properties()
        )


def _added(table: Path, entry: Path) -> Iterator[Path]:
    """The files that an undamaged entry of a log adds, unless it rewrites rows of other files."""
    try:
        actions = [json.loads(line) for line in entry.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError):
        return
    if not any("remove" in action for action in actions):
        yield from (table / unquote(action["add"]["path"]) for action in actions if "add" in action)


def _move(files: Sequence[Path], root: Path, aside: Path) -> None:
    for file in files:
        target = aside / file.relative_to(root)
        make_folder(target.parent)
        file.rename(target)
        flush(file.parent, target.parent)
