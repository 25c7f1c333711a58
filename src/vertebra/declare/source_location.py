"""The location of a declaration: file, line and column."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceLocation:
    """A place in a file.

    Attributes:
        file: the file that was read: with an overlay, the overlay's file where it has one.
        line, column: counted from 1.
    """

    file: Path
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{display_path(self.file)}:{self.line}:{self.column}"


def display_path(file: Path) -> str:
    """A path as a user would type it: relative if it is below the working folder, else unchanged."""
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative
