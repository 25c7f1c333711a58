"""Every declaration on the page about collectors loads, and every kind of source has a section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vertebra.declare.collect import COLLECTORS
from vertebra.declare.load import load_project

PAGE = (Path(__file__).parents[2] / "docs" / "collectors.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SECRETS = {name: f"value-of-{name}" for name in re.findall(r"\$\{([A-Z_]+)\}", PAGE)}
KINDS = {name: collector.declaration for name, collector in COLLECTORS.items()}


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_loads(tmp_path, text):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: shown\n")
    (tmp_path / "datasets" / "example.yaml").write_text(text)
    project = load_project(tmp_path, environ=SECRETS)
    assert project.datasets["example"].collect.kind in COLLECTORS


def test_every_kind_has_a_collector_an_example_and_a_row():
    assert {
        kind: collector.example for kind, collector in COLLECTORS.items() if collector.example not in EXAMPLES
    } == {}
    assert all(f"| `{kind}` |" in PAGE for kind in KINDS)


def test_every_key_of_the_new_kinds_is_on_the_page():
    keys = {
        field.alias or name
        for kind in ("http", "ckan", "socrata", "rest", "sql", "dlt")
        for name, field in KINDS[kind].model_fields.items()
    }
    assert {key for key in keys if not re.search(rf"\b{key}\b", PAGE)} <= {"select", "headers"}
