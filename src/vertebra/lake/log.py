"""The log of a Delta table on the disk: making its entries durable, and finding damaged ones.

The Delta library writes an entry and does not flush it, so a power cut can leave it empty. When it reads the table, it
silently skips an empty entry, and the rows of that version are missing. This module treats an empty entry as damage.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vertebra.durable import flush, flush_files
from vertebra.lake.log_hashes import HASHES, changed_files, record_hashes

LOG: Final = "_delta_log"
_ENTRY: Final = re.compile(r"(\d{20})\.json")
_CHECKPOINT: Final = re.compile(r"(\d{20})\.checkpoint(?:\..*)?\.parquet")
_PARQUET_MARK: Final = b"PAR1"

LogState = tuple[tuple[str, int, int, int], ...]
"""The files of a log: name, time of the last change in nanoseconds, size in bytes, number on the disk."""


@dataclass(frozen=True)
class DamagedEntry:
    """An entry or a checkpoint of a log that cannot be used.

    Attributes:
        file: the file; it need not exist.
        version: the version of the table that the entry makes, or that the checkpoint summarizes.
        fact: what is wrong with it, e.g. ``is empty``.
        checkpoint: whether it is a checkpoint.
    """

    file: Path
    version: int
    fact: str
    checkpoint: bool = False


def entry_file(log: Path, version: int) -> Path:
    """The file of a log that makes a version."""
    return log / f"{version:020d}.json"


def entries(log: Path) -> dict[int, Path]:
    """The entries of a log by version, oldest first."""
    found = ((_ENTRY.fullmatch(file.name), file) for file in log.iterdir()) if log.is_dir() else ()
    return dict(sorted((int(match[1]), file) for match, file in found if match))


def checkpoints(log: Path) -> dict[int, list[Path]]:
    """The checkpoints of a log by version, oldest first."""
    found: dict[int, list[Path]] = {}
    for file in sorted(log.iterdir()) if log.is_dir() else ():
        match = _CHECKPOINT.fullmatch(file.name)
        if match:
            found.setdefault(int(match[1]), []).append(file)
    return dict(sorted(found.items()))


@contextmanager
def flushed(table: Path) -> Iterator[None]:
    """Flush the files that a block adds to the log of a table, and record their hashes; see ``lake.log_hashes``."""
    log = table / LOG
    new_log = not log.is_dir()
    before = _stamps(log)
    yield
    changed = [log / name for name, stamp in _stamps(log).items() if before.get(name) != stamp]
    if new_log:
        flush_files(changed, table)
    elif changed:
        flush(*changed, log)
    record_hashes(log, changed)


def _stamps(log: Path) -> dict[str, tuple[int, int, int]]:
    """When each file of a log was changed, its size, and its number on the disk."""
    found = {}
    with os.scandir(log) if log.is_dir() else _nothing() as listed:
        for one in listed:
            status = one.stat()
            if one.is_file() and one.name != HASHES:
                found[one.name] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


@contextmanager
def _nothing() -> Iterator[Iterator[os.DirEntry[str]]]:
    yield iter(())


def is_log(log: Path) -> bool:
    """Whether a folder is the log of a table: it has an entry or a checkpoint."""
    with os.scandir(log) if log.is_dir() else _nothing() as listed:
        return any(_ENTRY.fullmatch(one.name) or _CHECKPOINT.fullmatch(one.name) for one in listed)


def log_state(log: Path) -> LogState:
    """The state of a log now; two states are equal if no file of the log changed between them."""
    return tuple(sorted((name, *stamp) for name, stamp in _stamps(log).items()))


def newest_version(state: LogState) -> int | None:
    """The newest version that a log makes; None if it makes none."""
    return max((int(match[1]) for name, *_ in state if (match := _ENTRY.fullmatch(name))), default=None)


def damaged_entries(log: Path, *, every: bool = False) -> list[DamagedEntry]:
    """The damage of a log that makes its table unreadable or incomplete, oldest version first.

    Args:
        every: read every entry that the newest version needs; by default only the newest is read, and the others must
            exist and not be empty.
    """
    sizes, summed_up = _sizes(log)
    newest = max(summed_up, default=-1)
    changed = changed_files(log) if every else {}
    found = []
    for file in summed_up.get(newest, ()):
        fact = _damage_of_checkpoint(file) or changed.get(file, "")
        if fact:
            found.append(DamagedEntry(file, newest, fact, checkpoint=True))
    last = max(sizes, default=-1)
    for version in range(newest + 1, last + 1):
        file = entry_file(log, version)
        if version not in sizes:
            found.append(DamagedEntry(file, version, "is missing"))
        elif not sizes[version]:
            found.append(DamagedEntry(file, version, "is empty"))
        elif every or version == last:
            fact = _damage_of_entry(file, first=version == 0) or changed.get(file, "")
            if fact:
                found.append(DamagedEntry(file, version, fact))
    return found


def _sizes(log: Path) -> tuple[Mapping[int, int], Mapping[int, list[Path]]]:
    """The size of each entry by version, and the files of each checkpoint."""
    sizes: dict[int, int] = {}
    summed_up: dict[int, list[Path]] = {}
    with os.scandir(log) if log.is_dir() else _nothing() as listed:
        for one in listed:
            if match := _ENTRY.fullmatch(one.name):
                sizes[int(match[1])] = one.stat().st_size
            elif match := _CHECKPOINT.fullmatch(one.name):
                summed_up.setdefault(int(match[1]), []).append(Path(one.path))
    return sizes, summed_up


def _damage_of_checkpoint(file: Path) -> str:
    size = file.stat().st_size
    if not size:
        return "is empty"
    with file.open("rb") as stream:
        head = stream.read(len(_PARQUET_MARK))
        stream.seek(max(0, size - len(_PARQUET_MARK)))
        whole = head == stream.read() == _PARQUET_MARK
    return "" if whole else "is cut off"


def _damage_of_entry(file: Path, *, first: bool) -> str:
    try:
        lines = file.read_text("utf-8").splitlines()
        actions = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        return "cannot be read" if isinstance(error, OSError) else "is not JSON"
    names = {name for action in actions if isinstance(action, dict) for name in action}
    if "commitInfo" not in names:
        return "does not say who committed it"
    if first and not {"protocol", "metaData"} <= names:
        return "does not describe the table"
    return ""
