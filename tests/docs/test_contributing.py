"""What the guide for contributors says about files is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vertebra.declare.collect import COLLECTORS
from vertebra.declare.publication import PUBLISH_TARGETS
from vertebra.declare.repair import REPAIR_METHODS
from vertebra.declare.rule_sugar import SUGARS
from vertebra.registry import Registry
from vertebra.trusted.discover import KINDS

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PATHS = sorted(set(re.findall(r"`((?:[\w.-]+/)*[\w.-]+(?:/|\.(?:py|md|toml|json|jsonl|yaml)))`", GUIDE)))
NEW = {"src/vertebra/declare/sugar/max_length.py"}
"""Files that a contributor would write."""


def test_the_guide_names_files() -> None:
    assert {"docs/design.md", "trusted/repair/port.py", "test_killed_publishing.py"} <= set(PATHS)


@pytest.mark.parametrize("path", PATHS)
def test_a_file_that_the_guide_names_exists(path: str) -> None:
    """Its path is the whole one, or the last part of it."""
    found = [place for folder in ("src", "tests") for place in (ROOT / folder).rglob(Path(path).name)]
    ends = (ROOT / path).exists() or any(
        f"/{place.relative_to(ROOT)}/".endswith(f"/{path.rstrip('/')}/") for place in found
    )
    assert ends or path in NEW


@pytest.mark.parametrize(
    ("registry", "folder"),
    [
        (SUGARS, "src/vertebra/declare/sugar/"),
        (COLLECTORS, "src/vertebra/landing/collectors/"),
        (PUBLISH_TARGETS, "src/vertebra/publish/targets/"),
        (REPAIR_METHODS, "src/vertebra/trusted/repair/methods/"),
        (KINDS, "src/vertebra/trusted/discover/kinds/"),
    ],
    ids=lambda one: getattr(one, "kind", ""),
)
def test_each_member_of_a_registry_is_one_file_in_the_folder_that_the_guide_names(
    registry: Registry[object], folder: str
) -> None:
    assert folder in GUIDE
    files = {file.stem.rstrip("_") for file in (ROOT / folder).glob("*.py") if file.stem != "__init__"}
    assert files == {name for name in registry if not registry.is_plugin(name)}


@pytest.mark.parametrize("name", sorted(PUBLISH_TARGETS))
def test_each_publish_target_has_the_test_and_the_section_that_the_guide_asks_for(name: str) -> None:
    assert (ROOT / "tests" / "publish" / f"test_{name}_target.py").is_file()
    assert f"## `to: {name}`" in (ROOT / "docs" / "publishing.md").read_text("utf-8")
