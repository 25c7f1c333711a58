"""Creating the folder of a new project."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from vertebra.errors import VertebraError

_HERE: Final = Path(__file__).parent
_EMPTY: Final = _HERE / "empty"
_INSTALLED: Final = _HERE / "examples"
_CHECKOUT: Final = _HERE.parents[2] / "projects"

_FILES: Final = ("vertebra.yaml", "README.md")
_FOLDERS: Final = ("data", "datasets", "reconcile", "views", "analyses", "publish", "live", "standin")
"""The folders that are copied, besides Python files beside them; the lake, models and caches are not."""

_NOT_COUNTED: Final = {".git", ".DS_Store"}
"""What a folder may contain and still count as empty."""


def init_project(target: Path, example: str | None = None, *, force: bool = False) -> list[Path]:
    """Create a project in a new or empty folder.

    Without an example, the project has one small dataset, a few rules and a view, and can be run.

    Args:
        target: the project's folder; it and its parents are created.
        example: an example to copy, see :func:`examples`.
        force: write into a folder that is not empty; files of the same name are replaced.

    Returns:
        The files written.

    Raises:
        VertebraError: the folder is not empty, or there is no such example.

    Example:
        >>> from pathlib import Path
        >>> files = vertebra.init_project(Path("new_project"))
        >>> vertebra.open("new_project").tables()[0]
        'governance.runs'
    """
    source = _EMPTY if example is None else _example(example)
    if target.exists() and not target.is_dir():
        raise VertebraError(f"{target} is a file", remedy="name a folder that does not exist yet")
    present = {path.name for path in target.iterdir()} - _NOT_COUNTED if target.is_dir() else set()
    if present and not force:
        raise VertebraError(
            f"{target} is not empty",
            cause=f"it has {', '.join(sorted(present)[:5])}{' …' if len(present) > 5 else ''}",
            remedy="name a folder that does not exist yet",
        )
    written = []
    for file in _declared_files(source):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        written.append(copy)
    ignored = target / ".gitignore"
    shutil.copyfile(_EMPTY / "gitignore", ignored)
    if example is None:
        _name(target / "vertebra.yaml", target.resolve().name)
    return [*written, ignored]


def examples() -> list[str]:
    """The names of the examples that come with Vertebra."""
    found = {folder.name for root in (_INSTALLED, _CHECKOUT) for folder in _projects(root)}
    return sorted(found)


def _projects(root: Path) -> list[Path]:
    return [folder for folder in root.iterdir() if (folder / "vertebra.yaml").is_file()] if root.is_dir() else []


def _example(name: str) -> Path:
    """The folder of an example, in the installed package or in the source checkout."""
    for root in (_INSTALLED, _CHECKOUT):
        if name in {folder.name for folder in _projects(root)}:
            return root / name
    raise VertebraError(
        f"there is no example {name}",
        cause=f"the examples are {', '.join(examples()) or 'not part of this installation'}",
        remedy="vertebra init my_project --example flights",
    )


def _declared_files(source: Path) -> Iterator[Path]:
    yield from (source / name for name in _FILES if (source / name).is_file())
    yield from sorted(source.glob("*.py"))
    for folder in _FOLDERS:
        for file in sorted((source / folder).rglob("*")):
            parts = file.relative_to(source).parts
            if file.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in parts):
                yield file


def _name(settings: Path, folder: str) -> None:
    """Name the project after its folder."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in folder.lower()).strip("_")
    name = plain if plain[:1].isalpha() else f"project_{plain}".rstrip("_")
    text = settings.read_text("utf-8")
    settings.write_text(text.replace("name: my_project", f"name: {name[:63]}", 1), "utf-8")
