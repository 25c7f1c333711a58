"""Calls in Python views that give another result in each run: the machine's clock, and random numbers."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from vertebra.declare.document import display_path
from vertebra.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CLOCK: Final = {
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today", "time.time",
    "time.time_ns", "time.localtime", "time.gmtime", "pandas.Timestamp.now", "pandas.Timestamp.today",
    "pandas.Timestamp.utcnow", "pandas.Timestamp.fromtimestamp",
}  # fmt: skip
_OF_AN_ARGUMENT: Final = {"time.localtime", "time.gmtime", "pandas.Timestamp.fromtimestamp"}
"""Functions that read the clock only if they are called without an argument."""

_CHANCE: Final = ("random.", "numpy.random.", "secrets.", "uuid.uuid1", "uuid.uuid4", "os.urandom")
_SEEDED: Final = {
    "random.Random", "random.seed", "numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.seed",
}  # fmt: skip
"""Without an argument, they are seeded by chance. A module's ``seed`` is about all of its functions."""
_RECOMPUTED: Final = "a table is computed again only when its inputs or its declaration change"


def nondeterministic_calls(tree: ast.Module, file: Path) -> Iterator[DeclarationError]:
    """The calls of a view's file whose result is not the same in each run.

    Example:
        >>> import ast
        >>> from pathlib import Path
        >>> tree = ast.parse("from datetime import date\\n\\ndef year():\\n    return date.today().year")
        >>> [error.fact for error in nondeterministic_calls(tree, Path("views/v.py"))]
        ['the view v: datetime.date.today() is another value in each run']
    """
    names = _imported(tree)
    calls = [(node, _resolved(node.func, names)) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    with_seed = [name for node, name in calls if name in _SEEDED and _has_arguments(node)]
    modules = {name.removesuffix(".seed") for name in with_seed if name.endswith(".seed")}
    for node, name in calls:
        if name in _SEEDED and _has_arguments(node):
            continue
        if name in _CLOCK and not (name in _OF_AN_ARGUMENT and _has_arguments(node)):
            fact, cause = f"{name}() is another value in each run", _RECOMPUTED
            remedy = "write a view in SQL, with run_time(), the time of the run, or run_date()"
        elif name.startswith(_CHANCE) and name.rpartition(".")[0] not in modules:
            fact, cause = f"{name}() gives other values in each run", "the same inputs must give the same table"
            remedy = "give it a seed, or compute it from a key, such as F.xxhash64"
        else:
            continue
        where = f"{display_path(file)}:{node.lineno}:{node.col_offset + 1}"
        yield DeclarationError(f"the view {file.stem}: {fact}", cause=cause, remedy=remedy, where=where)


def _imported(tree: ast.Module) -> dict[str, str]:
    """What the imported names of a file stand for: ``{"np": "numpy", "date": "datetime.date"}``."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                first = one.name.partition(".")[0]
                found[one.asname or first] = one.name if one.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return found


def _resolved(node: ast.expr, names: dict[str, str]) -> str:
    """The dotted name of a function, with what its first part stands for; empty if it is none."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    return ".".join([names[node.id], *parts])


def _has_arguments(node: ast.Call) -> bool:
    return bool(node.args or node.keywords)
