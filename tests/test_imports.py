"""Modules import each other in one direction: there is no cycle, type-checking and late imports included."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import vertebra

SOURCE = Path(vertebra.__file__).parent


def modules(root: Path) -> dict[str, Path]:
    """Every module of a package, by its name."""
    files = {".".join(file.relative_to(root.parent).with_suffix("").parts): file for file in root.rglob("*.py")}
    return {name.removesuffix(".__init__"): file for name, file in files.items()}


def imported(tree: ast.AST, known: Mapping[str, Path]) -> Iterator[str]:
    """The known modules that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else name.rpartition(".")[0] for name in names]
        else:
            continue
        yield from (name for name in names if name in known)


def cycle(root: Path) -> list[str]:
    """One cycle of imports in a package; empty when there is none."""
    known = modules(root)
    graph = {name: {*imported(ast.parse(file.read_text("utf-8")), known)} - {name} for name, file in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_modules_import_each_other() -> None:
    assert cycle(SOURCE) == []


def test_a_cycle_is_found_wherever_its_imports_are(tmp_path: Path) -> None:
    root = tmp_path / "package"
    root.mkdir()
    (root / "__init__.py").write_text("")
    (root / "one.py").write_text("from package import two\n")
    (root / "two.py").write_text("x = 1\n")
    assert cycle(root) == []
    (root / "two.py").write_text("def f():\n    from package.one import g\n")
    assert set(cycle(root)) == {"package.one", "package.two"}
    (root / "two.py").write_text("if TYPE_CHECKING:\n    import package.one\n")
    assert set(cycle(root)) == {"package.one", "package.two"}
