"""The page "Write your own collector" works as it stands: its code is installed as a distribution and collects."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vertebra
from vertebra.declare.collect import COLLECTORS
from vertebra.declare.load import load_project
from vertebra.declare.parse import FORMATS
from vertebra.declare.schema import json_schema
from vertebra.errors import DeclarationErrors

PAGE = (Path(__file__).parents[2] / "docs" / "write-a-collector.md").read_text("utf-8")
FILES = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
DATASETS = dict(re.findall(r"^```yaml\n# (datasets/\w+\.yaml)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
PROJECT = tomllib.loads(FILES["pyproject.toml"])["project"]
MODULES = {name: text for name, text in FILES.items() if name.endswith(".py")}

Install = Callable[[str, dict[str, str], dict[str, dict[str, str]]], Path]


@pytest.fixture
def site(install: Install) -> Path:
    """The folder that the page's distribution is installed in."""
    return install(PROJECT["name"], MODULES, PROJECT["entry-points"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with the page's datasets, beside the repository that they collect."""
    root = tmp_path / "project"
    write(root / "vertebra.yaml", "name: page\n")
    for name, text in DATASETS.items():
        write(root / name, text)
    write(root / "rain.txt", "ITE001005542024010100012\nITE0010055420240102\n")
    git(tmp_path, "init", "-q", "-b", "main", "my_repository")
    commit(tmp_path / "my_repository", "Begin")
    commit(tmp_path / "my_repository", "Go on: with a colon")
    return root


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def git(folder: Path, *arguments: str) -> None:
    identity = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}
    identity |= {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org", "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *arguments], cwd=folder, check=True, env=os.environ | identity)


def commit(repository: Path, subject: str) -> None:
    git(repository, "commit", "-q", "--allow-empty", "-m", subject)


def command(folder: Path, site: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | ({"PYTHONPATH": str(site)} if site else {})
    return subprocess.run(
        [sys.executable, "-m", "vertebra", *arguments],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def wrong(folder: Path) -> str:
    with pytest.raises(DeclarationErrors) as caught:
        load_project(folder, environ={})
    (error,) = caught.value.errors
    return str(error).replace(f"{folder}/", "")


@pytest.mark.usefixtures("site")
class TestInstalled:
    def test_it_runs_from_python(self, folder: Path) -> None:
        with vertebra.open(folder) as project:
            assert project.run().ok
            commits = project.sql("select author, subject from trusted.commits order by subject").rows()
            rain = project.sql("select station, day, rain from trusted.rain order by day").rows()
        assert commits == [
            {"author": "Ada", "subject": "Begin"},
            {"author": "Ada", "subject": "Go on: with a colon"},
        ]
        assert [(row["station"], str(row["day"]), row["rain"]) for row in rain] == [
            ("ITE00100554", "2024-01-01", 12),
            ("ITE00100554", "2024-01-02", None),
        ]

    def test_the_next_collection_lands_what_came_since(self, folder: Path) -> None:
        def receipts() -> list[dict[str, Any]]:
            files = sorted((folder / "lake" / "landing" / "forge" / "commits").glob("*/receipt.json"))
            return [json.loads(file.read_text()) for file in files]

        def land() -> None:
            with vertebra.open(folder) as project:
                assert project.run("landing.commits").ok

        land()
        land()
        assert [receipt["records"] for receipt in receipts()] == [2]
        commit(folder.parent / "my_repository", "Add more")
        land()
        assert [receipt["records"] for receipt in receipts()] == [2, 1]
        assert {receipt["collector"] for receipt in receipts()} == {"git/1"}

    def test_its_errors_reach_the_user(self, folder: Path) -> None:
        file = folder / "datasets" / "commits.yaml"
        write(file, file.read_text().replace("../my_repository", "../elsewhere"))
        with vertebra.open(folder) as project:
            report = project.run("landing.commits")
        assert not report.ok
        assert "../elsewhere cannot be read" in str(report.results[0].error)

    @pytest.mark.parametrize(
        ("dataset", "old", "new", "says"),
        [
            ("commits", "repository:", "repositry:", "datasets/commits.yaml:4:3: dataset commits: unknown key 'repositry' in collect"),
            ("commits", "repository:", "repositry:", "did you mean repository?"),
            ("commits", "every", "branch: --output=x\n  every", "dataset commits: collect.branch: string should match pattern"),
            ("commits", "columns:", "parse: {format: csv}\ncolumns:", "git gives jsonl, not csv"),
            ("rain", "widths", "width", "datasets/rain.yaml:3:52: dataset rain: unknown key 'width' in parse"),
            ("rain", "widths", "width", "the keys here are format, null, trim, encoding, names, widths"),
            ("rain", "11, 8, 5", "11, 8", "3 names have 2 widths"),
            ("rain", "card,", "crad,", "did you mean card?"),
        ],
    )  # fmt: skip
    def test_its_declaration_is_checked_like_the_built_in_ones(
        self, folder: Path, dataset: str, old: str, new: str, says: str
    ) -> None:
        file = folder / "datasets" / f"{dataset}.yaml"
        assert old in file.read_text()
        write(file, file.read_text().replace(old, new, 1))
        assert says in wrong(folder)

    def test_a_secret_has_to_be_a_reference(self, folder: Path, site: Path) -> None:
        module = site / "vertebra_git.py"
        secret = "    token: SecretStr | None = None\n    repository: str\n"
        code = (
            module.read_text()
            .replace("    repository: str\n", secret)
            .replace("import Field", "import Field, SecretStr")
        )
        module.write_text(code)
        file = folder / "datasets" / "commits.yaml"
        write(file, file.read_text().replace("  every:", "  token: hunter22\n  every:"))
        said = wrong(folder)
        assert "datasets/commits.yaml:5:10: collect.token is not a reference to an environment variable" in said
        write(file, file.read_text().replace("hunter22", '"${TOKEN}"'))
        collect = load_project(folder, environ={"TOKEN": "hunter22"}).datasets["commits"].collect
        assert list(collect.secrets()) == ["hunter22"]

    def test_the_json_schema_has_its_keys(self) -> None:
        schema = json_schema("dataset")
        for key, name, option in (("collect", "git", "repository"), ("parse", "card", "widths")):
            mapping = schema["properties"][key]["discriminator"]["mapping"]
            form = schema["$defs"][mapping[name].rpartition("/")[2]]
            assert form["properties"][option]["description"]
            assert "http" in mapping or "csv" in mapping

    def test_its_examples_load(self, folder: Path) -> None:
        for name, member in (("git", COLLECTORS["git"]), ("card", FORMATS["card"])):
            write(folder / "datasets" / f"of_{name}.yaml", member.example)
        assert {"of_git", "of_card"} <= set(load_project(folder, environ={}).datasets)


def test_it_runs_from_the_command_line(folder: Path, site: Path) -> None:
    done = command(folder, site, "run")
    assert done.returncode == 0, done.stderr
    assert re.search(r"OK trusted\.commits .*2 rows", done.stderr)
    assert "git" in command(folder, site, "ls", "sources").stdout
    assert '"repository"' in command(folder, site, "debug", "--json-schema").stdout


def test_without_the_package_the_project_says_what_is_missing(folder: Path) -> None:
    done = command(folder, None, "debug")
    assert done.returncode == 1
    assert "datasets/commits.yaml:3:9: dataset commits: collect.from is 'git'" in done.stderr
    assert "install the package that adds 'git'" in done.stderr
    assert "dataset rain: parse.format is 'card'" in done.stderr


class TestAPackageThatCannotBeUsed:
    def test_one_that_cannot_be_imported_is_named(self, folder: Path, install: Install) -> None:
        (folder / "datasets" / "rain.yaml").unlink()
        install(
            "vertebra-broken", {"broken.py": "import no_such_library\n"}, {"vertebra.collectors": {"git": "broken:X"}}
        )
        said = wrong(folder)
        assert said.startswith("datasets/commits.yaml:3:9: dataset commits: collect.from: the collector 'git'")
        assert "of vertebra-broken cannot be loaded" in said
        assert "ModuleNotFoundError: No module named 'no_such_library'" in said
        form = json_schema("dataset")["$defs"]["collector_git"]
        assert "cannot be loaded" in form["description"]

    def test_one_that_is_no_collector_is_refused(self, folder: Path, install: Install) -> None:
        (folder / "datasets" / "rain.yaml").unlink()
        install(
            "vertebra-odd",
            {"odd.py": "class Odd:\n    name = 'git'\nX = Odd()\n"},
            {"vertebra.collectors": {"git": "odd:X"}},
        )
        assert "a collector is an instance of vertebra.landing.port.Collector" in wrong(folder)

    def test_a_collector_without_a_declaration_is_refused(self, folder: Path, install: Install) -> None:
        (folder / "datasets" / "rain.yaml").unlink()
        code = MODULES["vertebra_git.py"].replace("    declaration = Git\n", "    declaration = dict\n")
        install("vertebra-odd", {"vertebra_git.py": code}, {"vertebra.collectors": {"git": "vertebra_git:COLLECTOR"}})
        assert "the collector 'git' has no declaration" in wrong(folder)

    @pytest.mark.usefixtures("site")
    def test_two_of_one_name_are_refused(self, folder: Path, install: Install) -> None:
        (folder / "datasets" / "rain.yaml").unlink()
        install("vertebra-other", {}, {"vertebra.collectors": {"git": "vertebra_git:COLLECTOR"}})
        said = wrong(folder)
        assert said.startswith(
            "datasets/commits.yaml:3:9: dataset commits: collect.from: two packages add the collector 'git'"
        )
        assert "uninstall one of them" in said

    def test_the_name_of_a_built_in_one_is_refused_and_the_built_in_one_kept(
        self, folder: Path, install: Install
    ) -> None:
        install("vertebra-other", MODULES, {"vertebra.collectors": {"files": "vertebra_git:COLLECTOR"}})
        assert COLLECTORS["files"].declaration.__name__ == "Files"
        (folder / "datasets" / "rain.yaml").unlink()
        assert "two packages add the collector 'files'" in wrong(folder)


def test_an_upgrade_of_the_package_has_its_batches_parsed_again(folder: Path, site: Path) -> None:
    with vertebra.open(folder) as project:
        assert project.run("+formatted.rain").ok
    file = folder / "lake" / "landing" / "weather" / "rain" / "00000001" / "receipt.json"
    assert json.loads(file.read_text())["parse"]["plugin"] == "1.0"
    (site / "vertebra_git-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: vertebra-git\nVersion: 1.1\n"
    )
    planned = command(folder, site, "plan").stdout
    assert "the plug-in card changed" in planned, planned
    assert "1 batch parsed again" in command(folder, site, "collect", "rain").stderr
    assert json.loads(file.read_text())["parse"]["plugin"] == "1.1"
