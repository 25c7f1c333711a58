"""A lake belongs to one project: two projects in one lake would add rows to each other's tables.

The file ``.project`` in the lake's folder has the project's name. Profiles of a project and copies of its folder have
the same name, so they may write to the lake too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vertebra.durable import replace_file
from vertebra.errors import LakeError
from vertebra.lake.catalog import Lake
from vertebra.lake.lease import lease

_FILE: Final = ".project"


@contextmanager
def hold(
    root: Path, project: str, purpose: str, wait: float = 0, notify: Callable[[str], None] | None = None
) -> Iterator[Callable[[str], None]]:
    """Hold a lake for writing, for a project that it belongs to; a lake without a project becomes the project's.

    Yields a function that names another purpose.

    Args:
        root: the lake's folder.
        project: the name of the project.
        purpose, wait: as in :func:`vertebra.lake.lease.lease`.
        notify: receives a sentence when the function waits for another writer, and when a lake with tables had no
            project.

    Raises:
        BusyError: another process still holds the lake after ``wait`` seconds.
        LakeError: the lake belongs to another project.
    """
    tell = notify or _silent
    with lease(root, purpose, wait, lambda holder: tell(f"waiting for {holder}")) as name_purpose:
        _claim(root, project, tell)
        yield name_purpose


def owner(root: Path) -> str | None:
    """The name of the project that a lake belongs to; None when none has written to it."""
    try:
        return (root / _FILE).read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def _claim(root: Path, project: str, tell: Callable[[str], None]) -> None:
    found = owner(root)
    if found == project:
        return
    file = root / _FILE
    if found is not None:
        raise LakeError(
            f"the lake {root} belongs to the project {found}, not to {project}",
            cause="two projects that write to one lake add rows to each other's tables",
            remedy="name another folder under `lake:` in vertebra.yaml; to use tables of the other project, collect "
            f"the files that it publishes. If {found} is now called {project}: rm {file}",
        )
    if Lake(root).tables():
        tell(f"the lake {root} had no owner; from now on it belongs to the project {project}")
    replace_file(file, f"{project}\n")


def _silent(message: str) -> None:
    """Ignore the message."""
