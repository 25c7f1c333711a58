"""The examples in the docstrings of the public API are executed, each on a copy of a project that ran once."""

from __future__ import annotations

import doctest
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vertebra

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


def public_methods(owner: type) -> Iterator[tuple[str, Any]]:
    for name, member in inspect.getmembers(owner):
        function = member.fget if isinstance(member, property) else member
        if not name.startswith("_") and inspect.isfunction(function):
            yield f"{owner.__name__}.{name}", function


def groups() -> list[type]:
    from vertebra.workspace import decisions, repairs

    return [decisions.Quarantine, repairs.Repairs, decisions.Decisions]


METHODS = dict(pair for owner in (vertebra.Workspace, *groups()) for pair in public_methods(owner))
PROPERTIES = {f"Workspace.{name}" for name, one in inspect.getmembers(vertebra.Workspace) if isinstance(one, property)}
OTHERS = {
    name: getattr(vertebra, name)
    for name in (
        "open", "check", "discover", "explain", "view", "init_project", "json_schema", "Workspace", "Analysis", "AsOf",
        "Candidate", "QueryResult", "TableHandle", "DataCheck", "StopRequest",
    )
} | {"denial.parse": __import__("vertebra.denial", fromlist=["parse"]).parse}  # fmt: skip
EXAMPLES = {
    name: tests
    for name, member in {**METHODS, **OTHERS}.items()
    if (tests := [t for t in doctest.DocTestFinder(recurse=False).find(member, name, globs={}) if t.examples])
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that ``vertebra init`` makes, after a run."""
    folder = tmp_path_factory.mktemp("examples") / "my_project"
    vertebra.init_project(folder)
    with vertebra.open(folder) as project:
        assert project.run().ok
    return folder


@pytest.fixture(scope="module")
def engine(ran: Path) -> Iterator[Any]:
    """One engine for all examples: starting one takes a second."""
    with vertebra.open(ran) as project:
        yield project.engine


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_gives_what_it_says(
    name: str, ran: Path, engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(ran, tmp_path / "my_project"))
    monkeypatch.chdir(tmp_path)
    project = vertebra.open(folder)
    project._engine = engine
    said: list[str] = []
    for test in EXAMPLES[name]:
        test.globs = {"vertebra": vertebra, "project": project, "folder": folder, "np": __import__("numpy")}
        doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=said.append)
    assert not said, "".join(said)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_documented(name: str) -> None:
    method = METHODS[name]
    text = inspect.getdoc(method) or ""
    first, _, rest = text.partition("\n")
    assert first.endswith((".", ";")), f"{name} has no summary in one line"
    if name in PROPERTIES or name == "Workspace.close":
        return
    parameters = [one for one in inspect.signature(method).parameters if one != "self"]
    for parameter in parameters:
        assert f"{parameter}:" in rest or f"{parameter}, " in rest, f"{name}: {parameter} is not documented"
    assert name in EXAMPLES, f"{name} has no example"
    if "raise " in inspect.getsource(method) or "dataset_name" in inspect.getsource(method):
        assert "Raises:" in rest, f"{name} does not say what it raises"


def test_everything_that_has_to_has_an_example() -> None:
    assert set(OTHERS) <= set(EXAMPLES)
