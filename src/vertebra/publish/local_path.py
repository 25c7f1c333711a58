"""Paths of publications on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.errors import PublishError

if TYPE_CHECKING:
    from pathlib import Path

    from vertebra.publish.port import Publishing


def local_path(path: str, publishing: Publishing) -> Path:
    """The absolute path of a declared path, with links resolved.

    Args:
        path: absolute, or relative to the project.

    Raises:
        PublishError: it is inside the lake, or a folder.
    """
    again = f"vertebra run --select publish.{publishing.mark.publication}"
    found = (publishing.root / path).resolve()
    if found.is_relative_to(publishing.lake.resolve()):
        raise PublishError(
            f"{path} is inside the lake {publishing.lake}",
            cause="only Vertebra's own tables are kept there, and vertebra gc removes other files",
            remedy=f"declare another path, then {again}",
        )
    if found.is_dir():
        raise PublishError(
            f"{path} is a folder, not a file",
            remedy=f"declare the path of a file, then {again}",
        )
    return found
