"""The pages on denial constraints: the reference is what the code says, and the tutorial shows what its commands print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from forked import Forks
from vertebra.declare.rule_sugar import SUGARS
from vertebra.denial import classify, parse
from vertebra.report.rule_reference import EXAMPLES, FLIGHTS, PLANES, reference
from vertebra.workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs" / "denial-constraints.md").read_text("utf-8")
FENCE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_reference_is_made_from_the_language() -> None:
    written = (ROOT / "docs" / "reference" / "denial-constraints.md").read_text("utf-8")
    assert written == reference(), "make reference"


def test_the_reference_has_every_short_form_and_class() -> None:
    assert all(f"| `{name}: " in reference() for name in SUGARS if name != "deny")
    kinds = {classify(parse(text, "flights", FLIGHTS, {"planes": PLANES})).name for text in EXAMPLES}
    assert {"one tuple", "{=}", "{=, ≠}", "{=, ≠×2}", "{=, <}", "{=, ≤}", "{=, <, ≠}", "{=, <, >}", "{<, >}"} < kinds
    assert {"{=, <, >, <}", "{=} between two relations", "{=, >} between two relations"} < kinds


def shown() -> Iterator[tuple[str, str]]:
    """Every command of the tutorial, and the output below it."""
    for block in FENCE.findall(TUTORIAL):
        for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def lines(text: str) -> list[str]:
    """Lines as they compare: times differ from run to run, and so does which violating row is the first of its table."""
    timeless = re.sub(r"\b\d+(\.\d+)? s\b", "… s", text)
    unvalued = re.sub(r"^  (origin|dest|distance|air_time) {2,}.*$", r"  \1  …", timeless, flags=re.MULTILINE)
    return [re.sub(r" {2,}", "  ", line).strip() for line in unvalued.splitlines() if line.strip()]


@pytest.mark.parametrize(("command", "output"), shown())
def test_the_tutorial_shows_what_its_commands_print(
    flights: Workspace, forks: Forks, command: str, output: str
) -> None:
    words = shlex.split(command.split("   #")[0])[1:]
    done = forks.vertebra(*words, cwd=flights.project.root)
    printed = lines(done.stdout + done.stderr)
    missing = [line for line in lines(output) if line != "…" and line not in printed]
    assert missing == [], done.stdout + done.stderr
