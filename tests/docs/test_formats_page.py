"""Every format has a section, an example that loads, and its options in the table of the page about formats."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vertebra.declare.load import load_project
from vertebra.declare.parse import FORMATS, ParseOptions

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_of_a_format_is_on_the_page_and_loads(tmp_path: Path, name: str) -> None:
    example = FORMATS[name].example
    assert example in EXAMPLES
    (tmp_path / "datasets").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: shown\n")
    (tmp_path / "datasets" / "example.yaml").write_text(example)
    parse = load_project(tmp_path, environ={}).datasets["example"].parse
    assert (parse.format, type(parse)) == (name, FORMATS[name].declaration)


@pytest.mark.parametrize("name", FORMATS)
def test_the_table_has_the_options_of_a_format(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \|.*\|(.*)\|$", PAGE, re.MULTILINE)
    shared = ParseOptions.model_fields
    assert set(re.findall(r"`(\w+)`", row)) == set(FORMATS[name].declaration.model_fields) - set(shared)
    assert f"\n## {name}\n" in PAGE
