"""The page on publishing, followed from top to bottom in a fresh folder; its target is in the tests of plug-ins."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from forked import Forks
from vertebra.declare.publication import PUBLISH_TARGETS, Publication

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "publishing.md").read_text("utf-8")
BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> tuple[Path, list[tuple[str, Done]]]:
    """The project as the page leaves it, and what each command said, in order."""
    folder = tmp_path_factory.mktemp("reader")
    said = []
    for kind, content in BLOCK.findall(TEXT):
        if kind == "yaml":
            name = re.match(r"# (publish/\w+\.yaml)\n", content)
            assert name, "a declaration says which file it is"
            (folder / name[1]).parent.mkdir(exist_ok=True)
            (folder / name[1]).write_text(content, "utf-8")
            continue
        for line in content.splitlines():
            if line.startswith("cd "):
                folder = folder / line.removeprefix("cd ")
                continue
            program, *arguments = shlex.split(line)
            assert program == "vertebra"
            said.append((line, forks.vertebra(*arguments, cwd=folder)))
    return folder, said


def test_every_command_works_and_says_what_the_page_says(followed: tuple[Path, list[tuple[str, Done]]]) -> None:
    folder, said = followed
    assert [(line, done.stderr) for line, done in said if done.returncode] == []
    run, plan, listed, asked, last = [done for _, done in said[-5:]]
    shown = re.search(r"^1 of 1 OK publish\.sales .*, (\d+ rows), published to ", TEXT, re.MULTILINE)
    assert shown
    assert f"{shown[1]}, published to {folder / 'out' / 'sales.parquet'}" in run.stderr
    assert "nothing to run" in plan.stderr
    assert re.search(r"sales +exploitation\.sales_by_city +files +sent", listed.stdout)
    assert "sent" in asked.stdout
    assert {f"OK publish.{name}" in last.stderr for name in ("cities", "dashboard")} == {True}


def test_what_was_published_can_be_read(followed: tuple[Path, list[tuple[str, Done]]]) -> None:
    out = followed[0] / "out"
    assert pq.read_table(out / "sales.parquet").num_rows > 1
    assert (out / "cities.csv").read_text().startswith('"city","sales"\n')
    assert (out / ".cities.csv.vertebra.json").exists()
    with duckdb.connect(str(out / "shop.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) > 1 from reporting.orders").fetchone() == (True,)


def test_every_target_and_every_key_is_on_the_page() -> None:
    for name, target in PUBLISH_TARGETS.items():
        assert f"## `to: {name}`" in TEXT
        section = TEXT.partition(f"## `to: {name}`")[2].partition("\n## ")[0]
        own = set(target.declaration.model_fields) - set(Publication.model_fields)
        assert [key for key in own if f"| `{key}` |" not in section] == []
    common = TEXT.partition("## The keys of every publication")[2].partition("\n## ")[0]
    assert [key for key in Publication.model_fields if key != "name" and f"`{key}`" not in common] == []
