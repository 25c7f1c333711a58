"""The zones are listed in one place, and everything that needs them reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vertebra
from vertebra.errors import LakeError
from vertebra.lake.catalog import Lake
from vertebra.zones import CLEANED_ZONES, DATASET_ZONES, STEP_ZONES, TABLE_ZONES, Zone

SOURCES = Path(vertebra.__file__).parent


def collections(tree: ast.AST) -> Iterator[ast.Tuple | ast.List | ast.Set]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            yield node


def test_no_other_module_lists_zones() -> None:
    names = set(map(str, Zone))
    found = []
    for file in SOURCES.rglob("*.py"):
        for node in collections(ast.parse(file.read_text("utf-8"))):
            listed = [element.value for element in node.elts if isinstance(element, ast.Constant)]
            if len(listed) > 1 and names.issuperset(listed):
                found.append(f"{file.relative_to(SOURCES)}:{node.lineno}: {listed}")
    assert found == [], "read them from vertebra.zones"


def test_a_zone_is_its_name_and_zones_are_in_the_order_of_the_data() -> None:
    assert [*Zone] == ["landing", "formatted", "trusted", "exploitation", "analysis", "governance"]
    assert f"{Zone.TRUSTED}.flights" == "trusted.flights"
    assert ([*TABLE_ZONES], [*STEP_ZONES]) == ([*Zone][1:], [*Zone][:-1])
    assert ([*DATASET_ZONES], [*CLEANED_ZONES]) == (["formatted", "trusted"], ["trusted", "exploitation"])


def test_the_catalog_has_tables_in_every_zone_that_holds_them(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert [lake.table(f"{zone}.x").name for zone in TABLE_ZONES] == [f"{zone}.x" for zone in TABLE_ZONES]
    with pytest.raises(LakeError, match="one of formatted, trusted, exploitation, analysis, governance"):
        lake.table("landing.x")
