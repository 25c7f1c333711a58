"""Kinds of rules are one registry: what knows a kind reads it there."""

from __future__ import annotations

from pathlib import Path

from vertebra.trusted.discover import KINDS
from vertebra.trusted.discover.kind import in_order
from vertebra.workspace.discover import kind_names

PAGE = (Path(__file__).parents[2] / "docs" / "discovery.md").read_text("utf-8")


def test_every_kind_has_its_own_place_in_the_search() -> None:
    assert len({kind.position for kind in KINDS.values()}) == len(KINDS)
    assert [KINDS[name] for name in kind_names()] == list(in_order())


def test_the_page_on_discovery_has_a_row_for_every_kind() -> None:
    table = PAGE.partition("## Kinds of rules")[2].partition("##")[0]
    listed = [row.split("`")[1] for row in table.splitlines() if row.startswith("| `")]
    assert sorted(listed) == sorted(KINDS)
