"""The examples of the page on the Python API are executed, from top to bottom."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import vertebra
from vertebra.workspace.decisions import Decisions, Quarantine
from vertebra.workspace.matches import Matches
from vertebra.workspace.repairs import Repairs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"
GROUPS = {"quarantine": Quarantine, "repairs": Repairs, "decisions": Decisions, "matches": Matches}
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def test_the_examples_give_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^```.*$", "", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(examples.examples) > 20
    said: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(examples, out=said.append)
    assert not said, "".join(said)


def test_every_method_in_the_table_exists() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `vertebra ")]
    named = [name for row in rows for name in re.findall(r"([\w.]*\.\w+)\(", row.split("|")[2])]
    assert len(named) > 30
    for name in named:
        owner: object = vertebra if name.startswith("vertebra.") else vertebra.Workspace
        for part in name.removeprefix("vertebra.").removeprefix("project.").strip(".").split("."):
            assert hasattr(owner, part), name
            found = getattr(owner, part)
            owner = GROUPS.get(part, found)
