"""The documentation is a contract: its commands run, and what it must name it names."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forked import Forks
from vertebra.workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md"])
FENCE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")


def commands() -> Iterator[tuple[str, str, int]]:
    """Every `vertebra` command that a page shows, with the page's name and the code that it says it exits with."""
    for page in PAGES:
        for block in FENCE.findall(page.read_text("utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("$ vertebra"):
                    code = re.search(r"   # exits with (\d)", line)
                    yield page.name, line.removeprefix("$ ").split("   #")[0].strip(), int(code[1]) if code else 0


COMMANDS = sorted(set(commands()))


def test_the_pages_show_commands() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize(("page", "command", "code"), COMMANDS)
def test_a_command_shown_in_the_docs_runs(
    flights: Workspace, forks: Forks, tmp_path: Path, page: str, command: str, code: int
) -> None:
    words = shlex.split(command)[1:]
    folder = tmp_path if words[0] == "init" else flights.project.root
    done = forks.vertebra(*words, cwd=folder)
    assert done.returncode == code, f"{page}: {command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = [target for target in LINK.findall(page.read_text("utf-8")) if not (page.parent / target).exists()]
    assert broken == []


def test_every_command_of_the_program_is_in_the_readme() -> None:
    listed = subprocess.run([sys.executable, "-m", "vertebra", "--help"], capture_output=True, text=True, check=True)
    names = re.findall(r"^  ([a-z]+)  +[A-Z]", listed.stdout, re.MULTILINE)
    assert len(names) >= 15
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in names if not re.search(rf"\b{name}\b", readme)] == []


def test_the_design_document_stays_readable_in_one_sitting() -> None:
    assert len((ROOT / "docs" / "design.md").read_text("utf-8").split()) <= 2_750, "about five pages"


def test_every_decision_is_at_most_a_page_and_says_its_status() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert len(decisions) >= 7
    for decision in decisions:
        text = decision.read_text("utf-8")
        assert len(text.split()) <= 500, decision.name
        assert "**Status:**" in text, decision.name
