"""A publish target of another package works as the built-in ones do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import vertebra
from plugins.conftest import Install
from publish.shop import declare, make, write
from vertebra.declare.load import load_project
from vertebra.declare.schema import json_schema
from vertebra.errors import DeclarationErrors
from vertebra.registry import refresh_registries

PAGE = (Path(__file__).parents[2] / "docs" / "publishing.md").read_text("utf-8")
(MODULE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(PYPROJECT,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
JSONL = "to: jsonl\npath: sales.jsonl"


@pytest.fixture
def installed(install: Install) -> Path:
    """The package that the documentation shows; returns its folder."""
    about = tomllib.loads(PYPROJECT)["project"]
    return install(about["name"], {"vertebra_jsonl.py": MODULE}, about["entry-points"])


@pytest.mark.usefixtures("installed")
def test_it_publishes_through_the_python_api(tmp_path: Path) -> None:
    folder = make(tmp_path / "project", good=f"{JSONL}\ncolumns: [id, price]")
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
    assert "publication good did not create it" in result.error


def test_it_publishes_through_the_command_line(tmp_path: Path, install: Install) -> None:
    folder = make(tmp_path / "project", good=JSONL)
    command = [sys.executable, "-m", "vertebra", "run", "--select", "publish.good", "--project", str(folder)]
    without = subprocess.run(command, capture_output=True, text=True, check=False)
    assert without.returncode == 1
    assert "there is no publish target 'jsonl'" in without.stderr
    about = tomllib.loads(PYPROJECT)["project"]
    site = install(about["name"], {"vertebra_jsonl.py": MODULE}, about["entry-points"])
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "OK publish.good" in done.stderr
    assert len((folder / "sales.jsonl").read_text().splitlines()) == 4


@pytest.mark.usefixtures("installed")
def test_its_options_are_checked_and_in_the_schema(tmp_path: Path) -> None:
    folder = make(tmp_path / "project", good=f"{JSONL}\ntokn: ${{TOKEN}}")
    with pytest.raises(DeclarationErrors, match="did you mean token") as caught:
        load_project(folder, environ={"TOKEN": "x"})
    assert "publish/good.yaml:4:1: publication good: unknown key 'tokn'" in str(caught.value)
    assert "JsonlPublication" in json_schema()["$defs"]


@pytest.mark.usefixtures("installed")
def test_what_it_calls_secret_has_to_be_a_reference(tmp_path: Path) -> None:
    folder = make(tmp_path / "project", good=f"{JSONL}\ntoken: hunter2hunter2")
    with pytest.raises(DeclarationErrors, match=r"good\.yaml:4:8: token is not a reference to an environment variable"):
        load_project(folder, environ={})
    declare(folder, "good", f"{JSONL}\ntoken: ${{TOKEN}}")
    project = load_project(folder, environ={"TOKEN": "hunter2hunter2"})
    assert project.publications["good"].token.get_secret_value() == "hunter2hunter2"  # type: ignore[attr-defined]
    assert "hunter2" not in repr(project.publications)


def test_a_new_version_of_the_package_sends_again(tmp_path: Path, installed: Path) -> None:
    folder = make(tmp_path / "project", good=JSONL)
    with vertebra.open(folder) as project:
        assert project.run("publish.good").ok
    metadata = next(installed.rglob("METADATA"))
    metadata.write_text(metadata.read_text("utf-8").replace("Version: 1.0", "Version: 1.1"), "utf-8")
    refresh_registries()
    with vertebra.open(folder) as project:
        (planned,) = project.plan("publish.good")
        assert planned.words == "the plug-in jsonl changed (version 1.0 → 1.1)"
        assert not project.run("publish.good").idle


def test_a_broken_package_is_an_error_only_where_it_is_used(tmp_path: Path, install: Install) -> None:
    install("vertebra-broken", {}, {"vertebra.publish_targets": {"broken": "vertebra_broken:TARGET"}})
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
