"""Callers ask an engine for a capability; none compares its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import vertebra

SOURCE = Path(vertebra.__file__).parent
ALLOWED = {
    "engine": "it chooses the adapter of a name",
    "declare/project.py": "it checks that a declared engine has one of the two forms, and says which of them it has",
}
NAMES = ("sail", "spark")


def comparisons(text: str) -> Iterator[int]:
    """The lines of a module that compare a value with the name of an engine, or the name of an engine with a value."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            sides = [part for side in (node.left, *node.comparators) for part in ast.walk(side)]
        elif isinstance(node, ast.Match):
            sides = [part for case in node.cases for part in ast.walk(case.pattern)] + [node.subject]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and "with" in node.func.attr:
            sides = [node.func.value, *node.args]
        else:
            continue
        if any(names_an_engine(side) for side in sides):
            yield node.lineno


def names_an_engine(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return node.value in NAMES
    return isinstance(node, ast.Attribute) and node.attr == "name" and "engine" in ast.unparse(node.value).lower()


def test_no_engine_name_is_compared_outside_the_port() -> None:
    found = []
    for file in sorted(SOURCE.rglob("*.py")):
        place = file.relative_to(SOURCE).as_posix()
        if place not in ALLOWED and place.partition("/")[0] not in ALLOWED:
            found += [f"{place}:{line}" for line in comparisons(file.read_text("utf-8"))]
    assert not found


def test_comparisons_are_found() -> None:
    assert list(comparisons('if ctx.engine.name == "sail":\n    pass')) == [1]
    assert list(comparisons("if self.engine.name in names:\n    pass")) == [1]
    assert list(comparisons('match name:\n    case "sail":\n        pass')) == [1]
    assert list(comparisons('if engine.name.startswith("sc://"):\n    pass')) == [1]
    assert not list(comparisons('start(engine or "sail")'))
