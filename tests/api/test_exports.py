"""What ``import vertebra`` offers: every error, every result, and nothing that costs time before it is used."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import vertebra
from vertebra.errors import VertebraError

PACKAGE = Path(vertebra.__file__).parent


def every_error() -> list[type[BaseException]]:
    """The exception classes of all modules of the package."""
    found: list[type[BaseException]] = []
    for module in pkgutil.walk_packages([str(PACKAGE)], "vertebra."):
        if module.name == "vertebra.__main__" or "scaffold.e" in module.name:
            continue
        source = importlib.util.find_spec(module.name)
        assert source is not None
        text = Path(source.origin or "").read_text("utf-8")
        names = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
        if any(name.endswith(("Error", "Errors", "Interrupted")) for name in names):
            loaded = importlib.import_module(module.name)
            found += [
                one
                for name in names
                if isinstance(one := getattr(loaded, name), type) and issubclass(one, BaseException)
            ]
    return found


def test_names_and_their_homes_agree():
    assert set(vertebra.__all__) == {*vertebra._HOMES, "__version__"}
    assert vertebra.__all__ == sorted(vertebra.__all__)
    for name in vertebra.__all__:
        assert getattr(vertebra, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        _ = vertebra.opne


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(vertebra.__file__).read_text("utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {name: (home.partition(":")[0], home.partition(":")[2] or name) for name, home in vertebra._HOMES.items()}
    assert seen == homes


def test_every_error_is_exported_or_follows_from_one_that_is():
    errors = every_error()
    assert {"SqlError", "SelectionError", "PayloadsRefusedError", "RunInterrupted"} <= {one.__name__ for one in errors}
    exported = tuple(one for name in vertebra.__all__ if isinstance(one := getattr(vertebra, name), type))
    # raised and caught within the reader of a payload, the start of the embedded engine, the check of SQL, or the server
    internal = {"RaggedRecordError", "PortIsOpenError", "UnsupportedError", "UnverifiedError", "_RefusedError"}
    missing = [one.__name__ for one in errors if one.__name__ not in internal and not issubclass(one, exported)]
    assert missing == []
    for one in errors:
        if one.__module__ == "vertebra.errors":
            assert getattr(vertebra, one.__name__) is one


def test_the_tree_of_errors_in_the_docs_is_the_tree_of_classes():
    import vertebra.errors

    drawn = {line.strip("│├└─ ").split()[0] for line in (vertebra.errors.__doc__ or "").splitlines() if "──" in line}
    classes = {
        name
        for name, one in vars(vertebra.errors).items()
        if isinstance(one, type) and issubclass(one, VertebraError) and one is not VertebraError
    }
    assert drawn == classes


def test_every_result_of_a_method_is_exported():
    exported = {getattr(vertebra, name) for name in vertebra.__all__ if name != "__version__"}
    types = {one.__name__: one for one in exported if isinstance(one, type)}
    missing = set()
    for owner in (vertebra.Workspace, vertebra.TableHandle, vertebra.QueryResult, vertebra.DataCheck):
        for name, method in inspect.getmembers(owner, inspect.isfunction):
            text = method.__annotations__.get("return", "")
            for word in ast.walk(ast.parse(str(text) or "None", mode="eval")):
                named = word.id if isinstance(word, ast.Name) else ""
                if named[:1].isupper() and named not in types and not name.startswith("_"):
                    missing.add(named)
    assert missing <= {"Any", "DataFrame", "Path"}, f"not exported: {missing}"


def test_importing_the_package_loads_nothing_else():
    script = "import sys; before = set(sys.modules); import vertebra; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert [name for name in done.stdout.split() if name.startswith("vertebra")] == ["vertebra"]
    assert loaded - {"vertebra"} <= sys.stdlib_module_names
