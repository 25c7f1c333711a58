"""Modules in the project's folder that views and analyses import: finding them, and importing them.

The content of these modules is part of a step's fingerprint, like the file that imports them. They are found by reading
``import`` statements, without running any code. A module that is imported otherwise, such as with
``importlib.import_module``, and a data file that the code reads are not found.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import os
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_OF_NO_PROJECT: Final = (sysconfig.get_path("stdlib") + os.sep, str(Path(__file__).parents[1]) + os.sep)
"""Folders of the standard library and of Vertebra, which need not be installed to run."""


@dataclass(frozen=True)
class _Import:
    """One imported name: ``from ..a.b import c`` has the level 2 and the names ``a``, ``b`` and ``c``."""

    level: int
    names: tuple[str, ...]


def imported_files(file: Path, root: Path) -> tuple[Path, ...]:
    """The files in a project that a Python file imports, directly or through other such files.

    Modules are searched in the project's folder and in the folders of ``sys.path`` within it, but not among installed
    packages, even if the environment is in the project's folder.

    Args:
        file: the file of a view or an analysis.
        root: the project's folder.

    Returns:
        The files, sorted, without ``file`` itself.
    """
    folders = _folders(root)
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        one = waiting.pop()
        for imported in _imports(one.read_bytes()):
            places = [one.parents[imported.level - 1]] if imported.level else folders
            new = set(_modules(places, imported.names)) - found - {file}
            found |= new
            waiting += new
    return tuple(sorted(found))


@contextmanager
def importable(root: Path) -> Iterator[None]:
    """Let code import modules of the project's folder within the block; installed packages have precedence.

    Modules of other projects that the process has opened are imported again later, as they may have the same names. No
    bytecode is written, because Python would not notice if a module were edited twice within a second.
    """
    with _lock:
        for other in _projects - {root}:
            _forget(name for name, file in _loaded(other).items() if not file.is_relative_to(root))
        # nothing of the others is left to be forgotten until they import again
        _projects.intersection_update({root})
        _projects.add(root)
        _entered.append(root)
        if len(_entered) == 1:
            _before.append(sys.dont_write_bytecode)
            sys.dont_write_bytecode = True
        if str(root) not in sys.path:
            sys.path.append(str(root))
            _added.add(root)
    try:
        yield
    finally:
        with _lock:  # other threads may be in the block
            _entered.remove(root)
            if root in _added and root not in _entered:
                sys.path.remove(str(root))
                _added.discard(root)
            if not _entered:
                sys.dont_write_bytecode = _before.pop()


@dataclass(frozen=True)
class ProjectFunction:
    """A function of a project's file; when it is called, it can import modules of the project's folder."""

    function: Callable[..., Any]
    root: Path

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function."""
        with importable(self.root):
            return self.function(*arguments, **named)


# Python has one table of modules per process, so what is known about it is kept per process too
_lock: Final = threading.RLock()
_projects: set[Path] = set()
"""The projects of which modules may be imported now."""
_entered: list[Path] = []
"""The projects whose code runs now, once for each thread that runs it."""
_added: set[Path] = set()
"""Those of them that were added to ``sys.path``."""
_before: list[bool] = []
"""Whether Python wrote no bytecode before."""
_imported: dict[Path, str] = {}
"""The hash of each module of a project when it was imported, or could be from then on."""


def forget_changed_modules(file: Path, root: Path) -> None:
    """Make Python import a project's modules again if one that ``file`` imports was edited since it was imported."""
    hashes = {one.resolve(): hashlib.sha256(one.read_bytes()).hexdigest() for one in imported_files(file, root)}
    loaded = _loaded(root)
    if any(place in hashes and hashes[place] != _imported.get(place) for place in loaded.values()):
        _forget(loaded)
    _imported.update(hashes)


def _forget(modules: Iterable[str]) -> None:
    for name in modules:
        module = sys.modules.pop(name)
        package, _, attribute = name.rpartition(".")
        # a package without __init__.py may have folders outside the project, so it stays, without this attribute
        if getattr(sys.modules.get(package), attribute, None) is module:
            delattr(sys.modules[package], attribute)
    importlib.invalidate_caches()


def _loaded(root: Path) -> dict[str, Path]:
    """The modules that were imported from a project's folder, with their files."""
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        # declarations run as modules too, but are not imported by name and have no spec
        if isinstance(file, str) and getattr(module, "__spec__", None) is not None and not _is_installed(file):
            place = Path(file).resolve() if file.startswith(os.sep) else Path(file)
            if place.is_relative_to(root) and _INSTALLED.isdisjoint(place.parts):
                found[name] = place
    return found


@functools.cache
def _is_installed(file: str) -> bool:
    """Whether a file is of Python or of an installed package, by its name; a process has imported thousands."""
    return file.startswith(_OF_NO_PROJECT) or not _INSTALLED.isdisjoint(Path(file).parts)


def _folders(root: Path) -> list[Path]:
    """The folders of a project in which modules are searched."""
    found = [root]
    for place in map(Path, sys.path):
        if place.is_relative_to(root) and _INSTALLED.isdisjoint(place.parts) and place not in found:
            found.append(place)
    return found


def _modules(folders: Iterable[Path], names: tuple[str, ...]) -> Iterator[Path]:
    """The files that Python runs to import a name: those of its packages, and its own.

    The last name may be a module or an attribute of one. A folder without ``__init__.py`` is a package too.
    """
    for folder in folders:
        place = folder
        for name in names:
            package, module = place / name / "__init__.py", place / f"{name}.py"
            place = place / name
            if package.is_file():
                yield package
            elif module.is_file():
                yield module
                break
            elif not place.is_dir():
                break


@functools.lru_cache(maxsize=1024)
def _imports(code: bytes) -> frozenset[_Import]:
    """What a file imports, also within its functions; nothing if it is not Python."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return frozenset()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {_Import(0, tuple(one.name.split("."))) for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = tuple(node.module.split(".")) if node.module else ()
            found |= {_Import(node.level, (*above, one.name)) for one in node.names}
    return frozenset(found)
