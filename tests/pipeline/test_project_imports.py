"""Views and analyses can import modules of the project's folder, and are run again when one of them changes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import vertebra
from forked import Forks
from vertebra.declare import project_imports
from vertebra.declare.project_imports import importable, imported_files
from vertebra.pipeline.steps import steps_of

PROJECT = "name: imports\n"
ORDERS = """\
source: shop
collect: {from: files, path: data/orders.csv}
parse: {format: csv}
load: snapshot
columns: {id: int, amount: int}
key: [id]
"""
VIEW = """\
from vertebra import view
{at_the_top}

@view("trusted.orders")
def dear(orders):
    {in_the_function}
    return prices.with_tax(orders)
"""
ANALYSIS = """\
from vertebra import Analysis, Candidate
from lib.prices import FACTOR

def logistic(c):
    from lib.models import build
    return build(c * FACTOR)

analysis = Analysis(
    description="Is an order dear?", task="classification", view="dear", key=("id",), time="timestamp '2026-01-01'",
    label="amount > 5", features={"id": "id"}, folds={"by": "id"}, test={"from": "2026-01-02"}, metric="roc_auc",
    candidates={"logistic": Candidate(build=logistic, grid={"c": (1,)})},
)
"""
IMPORTS = [("from lib import prices", "pass"), ("", "from lib import prices")]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def project(folder: Path, imports: tuple[str, str], factor: int = 2) -> Path:
    write(
        folder,
        {
            "vertebra.yaml": PROJECT,
            "datasets/orders.yaml": ORDERS,
            "data/orders.csv": "id,amount\n1,10\n",
            "views/dear.py": VIEW.format(at_the_top=imports[0], in_the_function=imports[1]),
            "lib/prices.py": "from lib.rates import FACTOR\n"
            "def with_tax(orders):\n    return orders.selectExpr('id', f'amount * {FACTOR} as amount')\n",
            "lib/rates.py": f"FACTOR = {factor}\n",
        },
    )
    return folder


def amounts(folder: Path) -> list[int]:
    with vertebra.open(folder) as opened:
        opened.run()
        rows = opened.table("exploitation.dear").arrow().to_pylist()
    return [row["amount"] for row in rows]


def reasons(folder: Path, step: str) -> tuple[str, ...]:
    with vertebra.open(folder) as opened:
        return next(one.why for one in opened.plan() if one.step.name == step)


@pytest.mark.parametrize("imports", IMPORTS, ids=["at the top", "in the function"])
def test_a_view_is_built_again_when_a_module_that_it_imports_changes(tmp_path: Path, imports: tuple[str, str]) -> None:
    """Also in the same process, which keeps modules, and by an edit that keeps size and time of the file."""
    folder = project(tmp_path, imports)
    assert amounts(folder) == [20]
    assert reasons(folder, "exploitation.dear") == ("current",)
    write(folder, {"lib/rates.py": "FACTOR = 3\n"})
    assert reasons(folder, "exploitation.dear") == ("lib/rates.py changed",)
    assert amounts(folder) == [30]
    assert str(folder) not in sys.path


def test_projects_in_one_process_have_their_own_modules(tmp_path: Path) -> None:
    one, two = (project(tmp_path / f"p{factor}", IMPORTS[1], factor) for factor in (2, 5))
    with vertebra.open(one) as first, vertebra.open(two) as second:
        for opened in (second, first):
            opened.run()
    assert [amounts(one), amounts(two), amounts(one)] == [[20], [50], [20]]


def test_the_command_line_finds_the_modules_from_any_folder(tmp_path: Path, forks: Forks) -> None:
    folder = project(tmp_path, IMPORTS[0])
    done = forks.vertebra("run", "--project", str(folder), cwd=tmp_path.parent)
    assert done.returncode == 0, done.stderr
    assert amounts(folder) == [20]


def test_an_analysis_runs_again_when_a_module_that_it_imports_changes(tmp_path: Path) -> None:
    folder = project(tmp_path, IMPORTS[0])
    models = "def build(c):\n    return c\n"
    write(folder, {"analyses/is_dear.py": ANALYSIS, "lib/prices.py": "FACTOR = 2\n", "lib/models.py": models})
    with vertebra.open(folder) as opened:
        analysis = opened.project.analyses["is_dear"]
        files = next(one.files for one in steps_of(opened.project) if one.name == "analysis.is_dear")
    assert [str(file.relative_to(folder)) for file in files] == [
        "analyses/is_dear.py", "lib/models.py", "lib/prices.py",
    ]  # fmt: skip
    assert analysis.candidates["logistic"].build(c=3) == 6


def test_imports_are_followed_through_packages_but_not_out_of_the_project(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "views/v.py": "import json, pandas\nimport a.b\nfrom a import c as d\nfrom _one import *\ntry:\n    import gone\n"
            "except ImportError:\n    pass\n",
            "a/__init__.py": "",
            "a/b.py": "from . import e\nfrom .f.g import h",
            "a/c/__init__.py": "from ..k import x",
            "a/e.py": "this is not Python",
            "a/f/g.py": "import views.v",
            "a/k.py": "",
            "a/unused.py": "",
            "_one.py": "import importlib\nimportlib.import_module('a.unused')",
            ".venv/lib/site-packages/pandas.py": "",
        },
    )
    found = imported_files(tmp_path / "views/v.py", tmp_path)
    expected = ["_one.py", "a/__init__.py", "a/b.py", "a/c/__init__.py", "a/e.py", "a/f/g.py", "a/k.py"]
    assert [file.relative_to(tmp_path).as_posix() for file in found] == expected


def test_a_folder_of_the_project_on_the_path_is_searched_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / ".venv/lib/site-packages"
    write(tmp_path, {"views/v.py": "import dates\nimport other", "lib/dates.py": ""})
    write(installed, {"other.py": ""})
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "lib"), str(installed)])
    assert imported_files(tmp_path / "views/v.py", tmp_path) == (tmp_path / "lib/dates.py",)


def test_a_thread_that_ends_leaves_the_others_the_folder_of_the_project(tmp_path: Path) -> None:
    first, second = importable(tmp_path), importable(tmp_path)
    before = sys.dont_write_bytecode
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert str(tmp_path) in sys.path
    assert sys.dont_write_bytecode
    second.__exit__(None, None, None)
    assert str(tmp_path) not in sys.path
    assert sys.dont_write_bytecode == before


def test_projects_that_were_left_are_not_searched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[Path] = []

    def loaded(root: Path) -> dict[str, Path]:
        searched.append(root)
        return {}

    monkeypatch.setattr(project_imports, "_loaded", loaded)
    for number in range(20):
        with importable(tmp_path / str(number)):
            pass
    assert len(searched) <= 20  # each once, when the next one began, and not each again for every later one
