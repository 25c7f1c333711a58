"""A publish target of another distribution works as the built-in ones do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import vertebra
from publish.shop import declare, make, write
from vertebra.declare.load import load_project
from vertebra.declare.publication import TARGETS
from vertebra.declare.schema import json_schema
from vertebra.errors import DeclarationErrors

PLUGIN = Path(__file__).parents[1] / "plugins" / "publish_target"
JSONL = "to: jsonl\npath: sales.jsonl"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The distribution, as if it were installed."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    TARGETS.refresh()
    yield
    monkeypatch.undo()
    TARGETS.refresh()
    sys.modules.pop("vertebra_jsonl", None)


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution whose module cannot be imported."""
    info = tmp_path / "site" / "vertebra_broken-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: vertebra-broken\nVersion: 1.0\n")
    write(info / "entry_points.txt", "[vertebra.publish_targets]\nbroken = vertebra_broken:TARGET\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    TARGETS.refresh()
    yield
    monkeypatch.undo()
    TARGETS.refresh()


@pytest.mark.usefixtures("installed")
def test_it_publishes_through_the_python_api(tmp_path: Path) -> None:
    folder = make(tmp_path, good=f"{JSONL}\ncolumns: [id, price]")
    with vertebra.open(folder) as project:
        assert project.run("publish.good").ok
        assert project.run("publish.good").idle
        (row,) = project.sql("select target, location, rows, state from governance.publications").rows()
    assert row == {"target": "jsonl", "location": str(folder / "sales.jsonl"), "rows": 3, "state": "sent"}
    mark, *lines = (folder / "sales.jsonl").read_text().splitlines()
    assert json.loads(mark)["vertebra"]["publication"] == "good"
    assert [json.loads(line) for line in lines] == [{"id": n, "price": n / 4} for n in range(3)]
    write(folder / "sales.jsonl", "precious")
    with vertebra.open(folder) as project:
        (result,) = project.run("publish.good", full_refresh=True).results
    assert "publication good did not make it" in result.error


def test_it_publishes_through_the_command_line(tmp_path: Path) -> None:
    folder = make(tmp_path, good=JSONL)
    command = [sys.executable, "-m", "vertebra", "run", "--select", "publish.good", "--project", str(folder)]
    without = subprocess.run(command, capture_output=True, text=True, check=False)
    assert without.returncode == 1
    assert "there is no publish target 'jsonl'" in without.stderr
    environment = os.environ | {"PYTHONPATH": str(PLUGIN)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "OK publish.good" in done.stderr
    assert len((folder / "sales.jsonl").read_text().splitlines()) == 4


@pytest.mark.usefixtures("installed")
def test_its_options_are_checked_and_in_the_schema(tmp_path: Path) -> None:
    folder = make(tmp_path, good=f"{JSONL}\ntokn: ${{TOKEN}}")
    with pytest.raises(DeclarationErrors, match="did you mean token") as caught:
        load_project(folder, environ={"TOKEN": "x"})
    assert "publish/good.yaml:4:1: publication good: unknown key 'tokn'" in str(caught.value)
    assert "JsonlPublication" in json_schema()["$defs"]


@pytest.mark.usefixtures("installed")
def test_what_it_calls_secret_has_to_be_a_reference(tmp_path: Path) -> None:
    folder = make(tmp_path, good=f"{JSONL}\ntoken: hunter2hunter2")
    with pytest.raises(DeclarationErrors, match=r"good\.yaml:4:8: token is not a reference to an environment variable"):
        load_project(folder, environ={})
    declare(folder, "good", f"{JSONL}\ntoken: ${{TOKEN}}")
    project = load_project(folder, environ={"TOKEN": "hunter2hunter2"})
    assert project.publications["good"].token.get_secret_value() == "hunter2hunter2"  # type: ignore[attr-defined]
    assert "hunter2" not in repr(project.publications)


@pytest.mark.usefixtures("broken")
def test_a_broken_distribution_is_an_error_only_where_it_is_used(tmp_path: Path) -> None:
    folder = make(tmp_path / "project", good="to: files\npath: a.csv")
    with vertebra.open(folder) as project:
        assert project.run("zone:publish").ok
    declare(folder, "good", "to: broken")
    with pytest.raises(DeclarationErrors) as caught:
        load_project(folder, environ={})
    told = str(caught.value).replace(f"{folder}/", "")
    assert told == (
        "publish/good.yaml:2:5: the publish target 'broken' of vertebra-broken cannot be loaded\n"
        "  cause: vertebra_broken:TARGET: ModuleNotFoundError: No module named 'vertebra_broken'\n"
        "  next:  correct or uninstall vertebra-broken"
    )
