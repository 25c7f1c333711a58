"""The reference of declarations is made from their models, and describes every key."""

from __future__ import annotations

import re
from pathlib import Path

from vertebra.report.declaration_reference import reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "declarations.md"
CHOSEN = re.compile(r"^\| \*\*`(from|format|as|to)`\*\* \| `\w+` \|")
"""A key whose value chooses the section."""


def test_the_page_is_that_of_the_code() -> None:
    assert PAGE.read_text("utf-8") == reference(), "run: make reference"


def test_every_key_is_described() -> None:
    rows = [line for line in reference().splitlines() if re.match(r"\| (\*\*)?`\w+`", line)]
    assert len(rows) > 200
    assert [row for row in rows if row.endswith("|  |") and not CHOSEN.match(row)] == []


def test_links_lead_to_sections() -> None:
    page = reference()
    sections = {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^##+ (.+)$", page, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= sections
