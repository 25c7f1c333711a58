"""Files on this machine: those that a path names, and which part of a source each of them is."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vertebra.landing.port import Request


def local_matches(root: Path, pattern: str) -> list[Path]:
    """The files of a path relative to ``root``: the file itself, the files of a folder, or the matches of wildcards."""
    exact = root / pattern
    if exact.is_file():
        return [exact]
    if exact.is_dir():
        return sorted(file for file in exact.iterdir() if file.is_file() and not file.name.startswith("."))
    # Not Path.glob: it takes no absolute pattern and finds hidden files.
    matches = (root / match for match in glob.iglob(pattern, root_dir=root, recursive=True))  # noqa: PTH207
    return sorted(file for file in matches if file.is_file())


def part_of(url: str, request: Request, *, several: bool) -> str | None:
    """The part of the source that a file is: a snapshot of several files is the newest batch of each of them."""
    return url if several and request.dataset.load == "snapshot" else None
