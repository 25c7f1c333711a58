"""Data files of tables: their names carry the SHA-256 of their bytes.

The name is in the log, in its checkpoints and in every version that has the file, so the hash is committed with the
file and is never lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from vertebra.durable import sha256_of

_NAMED: Final = re.compile(r"\.([0-9a-f]{64})\.parquet")
_HASHING: Final = 4


def name_by_content(files: Iterable[Path]) -> list[Path]:
    """Rename new files to ``<name>.<sha256>.parquet``. Returns the files, in the same order."""
    listed = list(files)
    if len(listed) < 2:
        return [_renamed(file) for file in listed]
    with ThreadPoolExecutor(_HASHING, "hash") as threads:
        return list(threads.map(_renamed, listed))


def recorded_hash(file: Path) -> str | None:
    """The hash that a file's name carries; None for files of earlier releases and of other writers."""
    found = _NAMED.search(file.name)
    return found[1] if found else None


def short_or_gone(sizes: Mapping[Path, int]) -> dict[Path, str]:
    """The damage of files that are gone or whose size differs from the log's; files are not read."""
    found = {}
    for file, size in sizes.items():
        if not file.is_file():
            found[file] = "is gone"
        elif file.stat().st_size != size:
            found[file] = f"has {file.stat().st_size:,} bytes where {size:,} were written"
    return found


def _renamed(file: Path) -> Path:
    return file.rename(file.with_name(f"{file.stem}.{sha256_of(file)}.parquet"))
