"""Declarations in Python: running a file as a separate module, and locating its errors."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from pydantic import ValidationError

from vertebra.declare import analysis
from vertebra.declare.document import Loc, display_path
from vertebra.declare.project_imports import ProjectFunction, forget_changed_modules, importable
from vertebra.declare.validation import drop_missing_misspelled
from vertebra.errors import DeclarationError, DeclarationErrors
from vertebra.suggestions import did_you_mean

_STAMPED: Final = "vertebra_declared_"
_FORMER: Final = re.compile(_STAMPED + r"(\w+)_[0-9a-f]{12}\.")
_named: Final[dict[Path, ModuleType]] = {}
"""The modules of analyses by file, as Python has one table of modules, and several projects may be open."""


def parse_file(file: Path) -> ast.Module:
    """Parse a file.

    Raises:
        DeclarationErrors: it is not Python.
    """
    try:
        return ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        column = getattr(error, "offset", None) or 1
        message = getattr(error, "msg", None) or str(error)
        text = (getattr(error, "text", None) or "").rstrip("\n")
        quoted = f"\n    {text}\n    {' ' * (column - 1)}^" if text else ""
        problem = DeclarationError(
            f"this is not Python: {message}{quoted}",
            remedy="correct the code",
            where=f"{display_path(file)}:{line}:{column}",
        )
        raise DeclarationErrors([problem]) from None


def run_file(file: Path, root: Path, name: str = "") -> ModuleType:
    """Run a file as a separate module, and return the module.

    The module is registered under its name, because data classes and pickles look up their module. It can import
    modules of the project's folder.

    Args:
        root: the project's folder.
        name: of the module; by default one made from its path. A class that models consist of needs a name that does
            not depend on the folder of the project.

    Raises:
        DeclarationErrors: the code fails, or its declaration is invalid; with file and line.
    """
    tree = parse_file(file)
    stamp = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]
    module = ModuleType(name or f"{_STAMPED}{file.stem}_{stamp}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module
    if name:
        _named[file.resolve()] = module
    try:
        code = compile(tree, str(file), "exec", dont_inherit=True)
        forget_changed_modules(file, root)
        with importable(root):
            exec(code, module.__dict__)  # noqa: S102 - the project's own code, which the user asked to run
    except ValidationError as error:
        raise DeclarationErrors(_invalid(error, file, tree)) from error
    except DeclarationError:
        raise
    except Exception as error:
        raise DeclarationErrors([_failed(error, file)]) from error
    return module


@contextmanager
def declared_modules(file: Path | None, types: Iterable[str] = ()) -> Iterator[None]:
    """Let models be read and written whose classes an analysis defines or imports from its project.

    Args:
        file: of the analysis; None if it was created in Python.
        types: of the model; those of earlier releases name a module by its path.
    """
    if file is None:
        yield
        return
    module = _named.get(file.resolve())
    with importable(file.parent.parent):
        if module is not None:
            sys.modules[module.__name__] = module
            for name in {one.rpartition(".")[0] for one in types}:
                if name.startswith(_STAMPED) and present_name(f"{name}.") == f"{module.__name__}.":
                    sys.modules[name] = module
        yield


def present_name(name: str) -> str:
    """The name of a class of an analysis; earlier releases made that of its module from the path of the file."""
    return _FORMER.sub(r"analyses.\1.", name)


class LazyFunction:
    """A function in a file that is run when the function is first called, so that loading a project imports no engine.

    Args:
        file: the Python file.
        root: the project's folder.
        find: finds the function in the module.
    """

    def __init__(self, file: Path, root: Path, find: Callable[[ModuleType], Callable[..., Any]]) -> None:
        self._file = file
        self._root = root
        self._find = find
        self._function: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the file unless it was run before, and call the function.

        Raises:
            DeclarationErrors: the file fails.
        """
        if self._function is None:
            self._function = ProjectFunction(self._find(run_file(self._file, self._root)), self._root)
        return self._function(*arguments)


def argument_position(tree: ast.Module, line: int, loc: Loc) -> tuple[int, int]:
    """The line and column of an argument of the call at a line; of the line itself if there is no call.

    Args:
        loc: names of keyword arguments and keys of dictionaries, from the call inwards.
    """
    calls = [call for call in _calls(tree) if call.lineno <= line <= (call.end_lineno or call.lineno)]
    if not calls:
        return line, 1
    known = {str(loc[0])} if loc else set()
    fitting = [call for call in calls if known <= {keyword.arg for keyword in call.keywords}] or calls
    node: ast.AST = min(fitting, key=lambda call: (call.lineno, call.col_offset))
    for element in loc:
        node = _part(node, element) or node
    return getattr(node, "lineno", line), getattr(node, "col_offset", 0) + 1


@lru_cache(maxsize=8)
def _calls(tree: ast.Module) -> tuple[ast.Call, ...]:
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _part(node: ast.AST, element: str | int) -> ast.AST | None:
    if isinstance(node, ast.Call):
        return next((keyword.value for keyword in node.keywords if keyword.arg == element), None)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return next((value for key, value in pairs if isinstance(key, ast.Constant) and key.value == element), None)
    if isinstance(node, ast.List | ast.Tuple) and isinstance(element, int) and element < len(node.elts):
        return node.elts[element]
    return None


def _invalid(error: ValidationError, file: Path, tree: ast.Module) -> list[DeclarationError]:
    line = _line(error, file)
    found = []
    for one in drop_missing_misspelled(error.errors(include_url=False)):
        row, column = argument_position(tree, line, one["loc"])
        name = ".".join(str(part) for part in one["loc"])
        message = one["msg"].removeprefix("Value error, ")
        fact, _, remedy = message.partition("; ")
        if one["type"] == "missing":
            fact, remedy = f"{name} is missing", f"add {name}=…"
        elif one["type"] == "extra_forbidden":
            known = getattr(analysis, error.title).model_fields if hasattr(analysis, error.title) else ()
            fact, remedy = f"{name} is not an argument of {error.title}", did_you_mean(name, known, "remove it")
        else:
            fact = f"{error.title}: {name}: {fact[:1].lower()}{fact[1:]}" if name else f"{error.title}: {fact}"
        found.append(
            DeclarationError(
                fact, remedy=remedy or "correct the argument", where=f"{display_path(file)}:{row}:{column}"
            )
        )
    return found


def _failed(error: Exception, file: Path) -> DeclarationError:
    missing = isinstance(error, ModuleNotFoundError)
    return DeclarationError(
        f"the code fails: {type(error).__name__}: {error}",
        cause=f"the package {error.name} is not installed" if isinstance(error, ModuleNotFoundError) else "",
        remedy="install it, or correct the import; modules of the project are imported from its folder"
        if missing
        else "correct the code at this line",
        where=f"{display_path(file)}:{_line(error, file)}",
    )


def _line(error: BaseException, file: Path) -> int:
    """The innermost line of the file in an error's traceback."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return (lines[-1] if lines else None) or 1
