"""Tables of many columns go through all zones; what no engine can plan fails its step and not the process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vertebra
from vertebra.engine import Engine
from vertebra.engine.expression_trees import balanced

_REJECTED = 150
"""More than the 100 levels that the protocol of Spark Connect allows in an expression."""


@pytest.fixture
def wide(tmp_path: Path) -> Callable[..., Path]:
    """A project with a table of many columns: ``wide(2000)``; some cells of the second row are no integers."""

    def make(columns: int, **files: str) -> Path:
        names = [f"c{number}" for number in range(columns)]
        rows = [
            map(str, range(columns)),
            (f"x{number}" if 0 < number <= _REJECTED else "7" for number in range(columns)),
        ]
        contents = {
            "vertebra.yaml": "name: wide\n",
            "data/w.csv": "\n".join(",".join(row) for row in [names, *rows]) + "\n",
            "datasets/w.yaml": "source: s\ncollect: {from: files, path: data/w.csv}\nparse: {format: csv}\nload: snapshot\n"
            f"columns: {{{', '.join(f'{name}: int' for name in names)}}}\nkey: [c0]\nrules: {{small: {{deny: t.c1 > 5}}}}\n",
            **files,
        }  # fmt: skip
        for name, text in contents.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, "utf-8")
        return tmp_path

    return make


def _check(project: vertebra.Workspace, columns: int) -> None:
    report = project.run()
    assert not [step.error for step in report.results if step.error]
    assert project.table("trusted.w").arrow().num_rows == 2
    assert len(project.table("trusted.w").arrow().column_names) == columns + 1
    (rejected,) = project.sql("select count(*) as n from governance.rejects").rows()
    assert rejected["n"] == _REJECTED


def test_a_table_of_many_columns_is_formatted_and_cleaned(wide: Callable[..., Path], engine: Engine) -> None:
    columns = 600
    _check(vertebra.open(wide(columns), engine=engine.name), columns)


def test_a_tree_of_many_terms_is_shallow() -> None:
    def depth(text: Any) -> int:
        return 0 if isinstance(text, int) else 1 + max(map(depth, text))

    for size in (1, 2, 3, 1000, 2000):
        tree: Any = balanced(lambda one, other: (one, other), list[Any](range(size)))
        assert depth(tree) <= 11
        flat: list[int] = []

        def walk(node: Any, into: list[int] = flat) -> None:
            _ = into.append(node) if isinstance(node, int) else [walk(part) for part in node]

        walk(tree)
        assert flat == list(range(size))
